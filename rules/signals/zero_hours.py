from __future__ import annotations

import numpy as np

from rules.batch import PointBatch
from rules.hourly_use import (
    LEAST_RECENT_DAYS,
    LEAST_USUAL_DAYS,
    RECENT_DAYS,
    known_days,
    profile,
)

from .four_weeks import TIME_FIELDS, of_four_weeks
from .registry import Field, SignalValues, absent, signal

# A power cut is over sooner as a rule, and a refrigerator alone registers in every hour.
_LEAST_RUN_HOURS = 3


@signal(
    name="zero_hours",
    subject="usage_point",
    title_en="hours without any use on days with use",
    title_fa="ساعت‌های بی‌مصرف در روزهای دارای مصرف",
    fields={
        "zero_days": Field(
            "day",
            "days of the last four weeks with three hours on end without use, and use at other hours",
            "روزهای چهار هفته اخیر با سه ساعت پیوسته بی‌مصرف و مصرف در ساعت‌های دیگر",
        ),
        "usual_zero_percent": Field(
            "percent",
            "share of such days among those of the two months before",
            "سهم چنین روزهایی در دو ماه پیش از آن",
        ),
        "zero_hours": Field("hour", "hours without use on these days", "ساعت‌های بی‌مصرف این روزها"),
        "daily_kwh": Field("kWh/day", "mean use of these days", "میانگین مصرف این روزها"),
        "lost_kwh": Field("kWh", "what the point used in such hours before", "مصرف پیشین در همان ساعت‌ها"),
        **TIME_FIELDS,
    },
    formula=(
        "days of the last 28 with at least three consecutive hours of 0 kWh and an hour above it; their share in the 64 "
        "days before; lost: Σ over their zero hours of the mean of that hour of the day before"
    ),
    missing=(
        "absent where fewer than 14 of the 28 days or 28 of the 64 are known (20 hours of the day delivered); an unknown "
        "hour is not zero"
    ),
    source="a meter that is bypassed by the hour; power cuts are shorter as a rule, numbers are engineering defaults",
    needs=("interval_energy",),
)
def zero_hours(batch: PointBatch) -> SignalValues:
    use = batch.hourly_use
    if not len(use.point):
        return absent(batch)
    zero = use.kwh == 0
    run = zero.copy()
    for later in range(1, _LEAST_RUN_HOURS):
        run[:, :, :-later] &= zero[:, :, later:]
        run[:, :, -later:] = False
    is_zero_day = run.any(axis=2) & (use.kwh > 0).any(axis=2)
    recent, before = is_zero_day[:, -RECENT_DAYS:], is_zero_day[:, :-RECENT_DAYS]
    usual_days = known_days(use.usual)
    present = (known_days(use.recent) >= LEAST_RECENT_DAYS) & (usual_days >= LEAST_USUAL_DAYS)
    hidden = zero[:, -RECENT_DAYS:] & recent[:, :, None]
    days = recent.sum(axis=1)
    energy = (np.nan_to_num(use.recent) * recent[:, :, None]).sum(axis=(1, 2))
    values = {
        "zero_days": days,
        "usual_zero_percent": before.sum(axis=1) / np.maximum(usual_days, 1) * 100.0,
        "zero_hours": hidden.sum(axis=(1, 2)),
        "daily_kwh": energy / np.maximum(days, 1),
        "lost_kwh": (hidden.sum(axis=1) * np.nan_to_num(profile(use.usual))).sum(axis=1),
    }
    return of_four_weeks(batch, present, values)
