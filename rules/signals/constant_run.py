from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import take, worst_by_point
from .interval_runs import DAY_SECONDS, series_of
from .registry import Field, SignalValues, absent, signal

_DAY_MINUTES = 1440.0


@signal(
    name="constant_run",
    subject="usage_point",
    title_en="interval values that stand still",
    title_fa="ثابت ماندن مقادیر بازه‌ای",
    fields={
        "minutes": Field(
            "minute",
            "longest time of one and the same value above zero",
            "طولانی‌ترین زمان یک مقدار ثابت بالای صفر",
        ),
        "values": Field("count", "readings in it", "شمار قرائت‌های آن"),
        "level_kw": Field("kW", "its load", "بار آن"),
        "usual_daily_kwh": Field("kWh/day", "use of the other intervals", "مصرف بازه‌های دیگر"),
        "usual_variation": Field(
            "factor", "coefficient of variation of the other intervals' load", "ضریب تغییرات بار بازه‌های دیگر"
        ),
        "lost_kwh": Field(
            "kWh", "what the others use more in that time", "مازاد مصرف بازه‌های دیگر در همان زمان"
        ),
        "since": Field("date", "day on which it began (UTC)", "آغاز آن"),
        "until": Field("date", "day after its end (UTC)", "پایان آن"),
    },
    formula="longest run of equal values above 0 kWh that follow each other without a gap; the others are all outside it",
    missing="absent where the point has no energy by interval of at most an hour",
    source="stuck values of meter-data validation; numbers are engineering defaults",
    needs=("interval_energy",),
)
def constant_run(batch: PointBatch) -> SignalValues:
    if not len(batch.intervals.point):
        return absent(batch)
    points = len(batch)
    energy = series_of(batch, "active_energy_kwh")
    energy = energy.at((energy.phase == 0) & (energy.minutes <= 60))
    if not len(energy.point):
        return absent(batch)
    point, value, minutes = energy.point, energy.value, energy.minutes
    end = energy.second + minutes * 60
    fresh = np.ones(len(point), np.bool_)
    fresh[1:] = (point[1:] != point[:-1]) | (value[1:] != value[:-1]) | (energy.second[1:] > end[:-1])
    run = np.cumsum(fresh) - 1
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(point)) - 1
    lasts = np.where(value[first] > 0, np.rint(np.bincount(run, weights=minutes)), 0.0)
    has, longest = worst_by_point(point[first], lasts, points)
    has &= take(longest, has, lasts, 0.0) > 0
    chosen = np.where(has, longest, -1)
    outside = run != chosen[point]
    owner, others = point[outside], value[outside] / minutes[outside] * 60.0
    count = np.maximum(np.bincount(owner, minlength=points), 1)
    mean = np.bincount(owner, weights=others, minlength=points) / count
    spread = np.sqrt(np.bincount(owner, weights=(others - mean[owner]) ** 2, minlength=points) / count)
    covered = np.bincount(owner, weights=minutes[outside], minlength=points)
    total = np.bincount(owner, weights=value[outside], minlength=points)
    usual = np.where(covered > 0, total / np.where(covered > 0, covered, 1.0), 0.0)
    level = take(longest, has, value[first] / minutes[first], 0.0)
    duration = take(longest, has, lasts, 0.0)
    return SignalValues(
        np.bincount(point, minlength=points) > 0,
        {
            "minutes": duration.astype(np.int64),
            "values": take(longest, has, last - first + 1, 0).astype(np.int64),
            "level_kw": level * 60.0,
            "usual_daily_kwh": usual * _DAY_MINUTES,
            "usual_variation": np.where(mean > 0, spread / np.where(mean > 0, mean, 1.0), 0.0),
            "lost_kwh": np.maximum(usual - level, 0.0) * duration,
            "since": take(longest, has, energy.second[first] // DAY_SECONDS, 0).astype(np.int64),
            "until": take(longest, has, np.ceil(end[last] / DAY_SECONDS), 0).astype(np.int64),
        },
    )
