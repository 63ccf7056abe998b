from __future__ import annotations

import numpy as np

from rules.batch import PointBatch
from rules.hourly_use import (
    LEAST_RECENT_DAYS,
    LEAST_USUAL_DAYS,
    RECENT_DAYS,
    correlation,
    known_days,
    profile,
)

from .four_weeks import TIME_FIELDS, of_four_weeks
from .registry import Field, SignalValues, absent, signal

# The load that never leaves: refrigerators and what stands by. A quarter of the day's hours.
_BASE_HOURS = 6


@signal(
    name="interval_drop",
    subject="usage_point",
    title_en="fall of the load of four weeks with its shape kept",
    title_fa="افت بار چهار هفته با حفظ شکل",
    fields={
        "drop_percent": Field("percent", "fall of the daily use", "افت مصرف روزانه"),
        "base_drop_percent": Field(
            "percent", "fall of the six hours of the day with the least use", "افت شش ساعت کم‌بار شبانه‌روز"
        ),
        "even_hours": Field(
            "count",
            "hours of the day that fell by half of that or more",
            "ساعت‌هایی که دست‌کم نیمی از آن افت کرده‌اند",
        ),
        "shape_similarity": Field(
            "factor",
            "correlation of the two mean days by hour",
            "همبستگی میانگین شبانه‌روز پیش و پس",
        ),
        "now_daily_kwh": Field("kWh/day", "use of the last four weeks", "مصرف چهار هفته اخیر"),
        "usual_daily_kwh": Field("kWh/day", "use of the two months before", "مصرف دو ماه پیش از آن"),
        "lost_kwh": Field("kWh", "shortfall of the four weeks", "کاهش چهار هفته"),
        **TIME_FIELDS,
    },
    formula=(
        "mean use of each hour of the day over the last 28 days against the 64 before; drop of their sums, of their six "
        "lowest hours, and Pearson's r between the two"
    ),
    missing=(
        "absent where fewer than 14 of the 28 days or 28 of the 64 are known (20 hours of the day delivered), an hour of "
        "the day never is, or nothing was used before"
    ),
    source="a shunted meter registers the same share less at every hour; numbers are engineering defaults",
    needs=("interval_energy",),
)
def interval_drop(batch: PointBatch) -> SignalValues:
    use = batch.hourly_use
    if not len(use.point):
        return absent(batch)
    now, before = profile(use.recent), profile(use.usual)
    then = before.sum(axis=1)
    present = (known_days(use.recent) >= LEAST_RECENT_DAYS) & (known_days(use.usual) >= LEAST_USUAL_DAYS)
    present &= ~np.isnan(now).any(axis=1) & ~np.isnan(then)
    present &= np.nan_to_num(then) > 0
    now, before = np.where(present[:, None], now, 0.0), np.where(present[:, None], before, 1.0)
    daily, usual = now.sum(axis=1), before.sum(axis=1)
    drop = 1.0 - daily / usual
    base = np.sort(before, axis=1)[:, :_BASE_HOURS].sum(axis=1)
    base_now = np.sort(now, axis=1)[:, :_BASE_HOURS].sum(axis=1)
    # An hour without use before cannot fall.
    fall = np.where(before > 0, 1.0 - now / np.where(before > 0, before, 1.0), 0.0)
    values = {
        "drop_percent": drop * 100.0,
        "base_drop_percent": np.where(base > 0, 1.0 - base_now / np.where(base > 0, base, 1.0), 0.0) * 100.0,
        "even_hours": ((fall >= drop[:, None] / 2) & (fall > 0)).sum(axis=1),
        "shape_similarity": correlation(now, before),
        "now_daily_kwh": daily,
        "usual_daily_kwh": usual,
        "lost_kwh": np.maximum(usual - daily, 0.0) * RECENT_DAYS,
    }
    return of_four_weeks(batch, present, values)
