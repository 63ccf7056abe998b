from __future__ import annotations

import numpy as np

from rules.batch import PointBatch
from rules.hourly_use import (
    LEAST_RECENT_DAYS,
    correlation,
    known_days,
    mean_and_variation,
    profile,
)

from .four_weeks import TIME_FIELDS, of_four_weeks
from .registry import Field, SignalValues, absent, signal
from .zero_run import MONTH_DAYS


@signal(
    name="day_similarity",
    subject="usage_point",
    title_en="rhythm of the load from hour to hour and day to day",
    title_fa="آهنگ بار از ساعت به ساعت و روز به روز",
    fields={
        "hour_to_hour": Field(
            "factor", "correlation of each hour with the one before", "همبستگی هر ساعت با ساعت پیش از آن"
        ),
        "day_to_day": Field(
            "factor",
            "correlation of each hour with the same of the day before",
            "همبستگی هر ساعت با همان ساعت روز پیش",
        ),
        "variation": Field("factor", "coefficient of variation of the hours", "ضریب تغییرات ساعت‌ها"),
        "daily_kwh": Field("kWh/day", "use of the last four weeks", "مصرف چهار هفته اخیر"),
        "lost_kwh": Field(
            "kWh",
            "a month of what the two months before lie above it; a month's use where they are not known",
            "یک ماه مازاد دو ماه پیش بر آن؛ اگر نامعلوم باشد، مصرف یک ماه",
        ),
        **TIME_FIELDS,
    },
    formula="Pearson's r of the last 28 days' hours with those one and 24 hours before; deviation / mean of the hours",
    missing="absent where fewer than 14 of the 28 days are known (20 hours of the day delivered), or nothing was used",
    source="values that are made up have no memory: real loads go on from hour to hour; numbers are engineering defaults",
    needs=("interval_energy",),
)
def day_similarity(batch: PointBatch) -> SignalValues:
    use = batch.hourly_use
    if not len(use.point):
        return absent(batch)
    recent = use.recent
    flat = recent.reshape(len(recent), -1)
    mean, variation = mean_and_variation(recent)
    daily = profile(recent).sum(axis=1)
    present = (known_days(recent) >= LEAST_RECENT_DAYS) & (mean > 0) & ~np.isnan(daily)
    usual = profile(use.usual).sum(axis=1)
    lost = np.where(np.isnan(usual), daily, np.maximum(usual - daily, 0.0)) * MONTH_DAYS
    values = {
        "hour_to_hour": correlation(flat[:, 1:], flat[:, :-1]),
        "day_to_day": correlation(flat[:, 24:], flat[:, :-24]),
        "variation": variation,
        "daily_kwh": daily,
        "lost_kwh": lost,
    }
    return of_four_weeks(batch, present, values)
