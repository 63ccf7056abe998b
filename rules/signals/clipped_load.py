from __future__ import annotations

import numpy as np

from rules.batch import PointBatch
from rules.hourly_use import RECENT_DAYS, TEHRAN_SECONDS

from .grouping import first_rows, sum_by_point
from .interval_runs import DAY_SECONDS, series_of
from .registry import Field, SignalValues, absent, signal

_LEAST_READINGS = 24 * 14  # half of four weeks by the hour


@signal(
    name="clipped_load",
    subject="usage_point",
    title_en="load that is cut off at a ceiling",
    title_fa="بار بریده‌شده در یک سقف",
    fields={
        "ceiling_kw": Field("kW", "largest load of the four weeks", "بیشترین بار چهار هفته"),
        "readings": Field("count", "readings that are exactly that", "شمار قرائت‌های برابر با آن"),
        "times_next": Field(
            "factor",
            "how many times as often as the next lower value",
            "نسبت به شمار قرائت‌های برابر با مقدار کمتر بعدی",
        ),
        "share_percent": Field("percent", "share of those at the ceiling", "سهم قرائت‌های برابر با سقف"),
        "days": Field("day", "days on which it was reached", "روزهایی که به سقف رسیده"),
        "usual_peak_kw": Field(
            "kW",
            "largest load before, the ceiling where it is not known",
            "بیشترین بار پیش از آن، برابر سقف اگر نامعلوم باشد",
        ),
        "lost_kwh": Field(
            "kWh",
            "four weeks of what lay above the ceiling before, 0 where it is not known",
            "چهار هفته از آنچه پیش از آن بالای سقف بود، صفر اگر نامعلوم باشد",
        ),
        "since": Field("date", "first day at the ceiling", "نخستین روز در سقف"),
        "until": Field("date", "day after the last", "روز پس از آخرین"),
    },
    formula=(
        "values of the last 28 days that equal their maximum, against those that equal the next lower value; lost: Σ max(kWh "
        "− ceiling, 0) of the readings before / their days × 28"
    ),
    missing="absent where fewer than 336 readings of at most an hour are there, or none is above zero",
    source="a real peak is reached once, a cut-off one again and again; numbers are engineering defaults",
    needs=("interval_energy",),
)
def clipped_load(batch: PointBatch) -> SignalValues:
    if not len(batch.intervals.point):
        return absent(batch)
    points = len(batch)
    energy = series_of(batch, "active_energy_kwh")
    day = (energy.second + TEHRAN_SECONDS) // DAY_SECONDS
    energy_rows = (energy.phase == 0) & (energy.minutes <= 60) & (day < batch.as_of)
    rows = np.flatnonzero(energy_rows & (day >= batch.as_of - RECENT_DAYS))
    earlier = np.flatnonzero(energy_rows & (day < batch.as_of - RECENT_DAYS))
    point = energy.point[rows]
    power = energy.value[rows] / energy.minutes[rows] * 60.0
    # Sorted by point and falling power: the first run of equals is the ceiling, the second the next value.
    order = np.lexsort((-power, point))
    owner, falling = point[order], power[order]
    starts = first_rows(owner)
    has = np.zeros(points, np.bool_)
    ceiling = np.zeros(points)
    has[owner[starts]] = True
    ceiling[owner[starts]] = falling[starts]
    is_top = falling == ceiling[owner]
    top = np.bincount(owner[is_top], minlength=points)
    rest_owner, rest = owner[~is_top], falling[~is_top]
    rest_starts = first_rows(rest_owner)
    following = np.full(points, -1.0)
    following[rest_owner[rest_starts]] = rest[rest_starts]
    below = np.bincount(rest_owner[rest == following[rest_owner]], minlength=points)
    count = np.bincount(point, minlength=points)
    at_top = rows[order[is_top]]
    top_point, top_day = energy.point[at_top], day[at_top]
    pairs = np.unique(top_point.astype(np.int64) * 2**32 + top_day)
    first, last = np.full(points, np.iinfo(np.int64).max), np.zeros(points, np.int64)
    np.minimum.at(first, top_point, top_day)
    np.maximum.at(last, top_point, top_day)
    usual_peak, lost = _before(
        batch, energy.point[earlier], energy.value[earlier], energy.minutes[earlier], ceiling
    )
    present = has & (count >= _LEAST_READINGS) & (ceiling > 0)
    return SignalValues(
        present,
        {
            "ceiling_kw": ceiling,
            "readings": top,
            "times_next": top / np.maximum(below, 1),
            "share_percent": top / np.maximum(count, 1) * 100.0,
            "days": np.bincount(pairs // 2**32, minlength=points),
            "usual_peak_kw": np.where(usual_peak > 0, usual_peak, ceiling),
            "lost_kwh": lost,
            "since": np.where(has, first, 0),
            "until": np.where(has, last + 1, 0),
        },
    )


def _before(
    batch: PointBatch,
    point: np.ndarray[tuple[int], np.dtype[np.int32]],
    value: np.ndarray[tuple[int], np.dtype[np.float64]],
    minutes: np.ndarray[tuple[int], np.dtype[np.float64]],
    ceiling: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """((points,) largest kW, (points,) kWh of four weeks above the ceiling) of the readings before; 0 for none."""
    points = len(batch)
    peak = np.zeros(points)
    np.maximum.at(peak, point, value / minutes * 60.0)
    above = sum_by_point(point, np.maximum(value - ceiling[point] * minutes / 60.0, 0.0), points)
    days = sum_by_point(point, minutes, points) / (DAY_SECONDS / 60)
    return peak, np.where(days > 0, above / np.where(days > 0, days, 1.0), 0.0) * RECENT_DAYS
