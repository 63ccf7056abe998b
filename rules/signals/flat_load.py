from __future__ import annotations

import numpy as np

from rules.batch import PointBatch
from rules.hourly_use import TEHRAN_SECONDS

from .grouping import sum_by_point
from .interval_runs import DAY_SECONDS, series_of
from .registry import Field, SignalValues, absent, signal
from .zero_run import MONTH_DAYS

# Low-load hours of the first half of the year; for a load that never changes any eight hours would do.
_NIGHT_FROM, _NIGHT_TO, _NIGHT_SHARE = 23, 7, 8 / 24
_DAY_MINUTES = 1440.0
_MONTHS_AT_RISK = 3


@signal(
    name="flat_load",
    subject="usage_point",
    title_en="a load that never changes, day and night",
    title_fa="بار یکنواخت شبانه‌روزی",
    fields={
        "variation": Field("factor", "coefficient of variation of the load", "ضریب تغییرات بار"),
        "night_deviation_percent": Field(
            "percent",
            "distance of the share of the eight night hours from a third",
            "فاصله سهم هشت ساعت شب از یک‌سوم",
        ),
        "daily_kwh": Field("kWh/day", "energy a day of the intervals", "انرژی روزانه"),
        "times_peers": Field(
            "factor", "that over the median of the peers, 0 where they are not known", "نسبت به میانه مشابه‌ها"
        ),
        "days": Field("day", "days that the intervals cover", "روزهای دارای داده"),
        "lost_kwh": Field(
            "kWh", "three months of what lies above the peers' median", "مازاد سه ماه بر میانه مشابه‌ها"
        ),
        "since": Field("date", "day of the first interval", "نخستین روز"),
        "until": Field("date", "day of the last interval", "آخرین روز"),
    },
    formula=(
        "power of each interval = kWh / hours; its standard deviation over its mean; energy from 23 to 7 o'clock / "
        "energy against 8/24"
    ),
    missing="absent where the point has no energy by interval of at most an hour, or none was used",
    source="report of continuous high loads (unauthorised mining); numbers are engineering defaults",
    needs=("interval_energy", "peers"),
)
def flat_load(batch: PointBatch) -> SignalValues:
    if not len(batch.intervals.point):
        return absent(batch)
    points = len(batch)
    energy = series_of(batch, "active_energy_kwh")
    energy = energy.at((energy.phase == 0) & (energy.minutes <= 60))
    point, second, minutes = energy.point, energy.second, energy.minutes
    count = np.bincount(point, minlength=points)
    total = sum_by_point(point, energy.value, points)
    covered = sum_by_point(point, minutes, points)
    power = energy.value / minutes
    mean = sum_by_point(point, power, points) / np.maximum(count, 1)
    spread = sum_by_point(point, (power - mean[point]) ** 2, points) / np.maximum(count, 1)
    hour = (second + TEHRAN_SECONDS) % DAY_SECONDS // 3600
    night = (hour >= _NIGHT_FROM) | (hour < _NIGHT_TO)
    share = sum_by_point(point[night], energy.value[night], points) / np.where(total > 0, total, 1.0)
    daily = total / np.where(covered > 0, covered, 1.0) * _DAY_MINUTES
    usual = _peer_median(batch)
    first, last = np.full(points, np.iinfo(np.int64).max), np.zeros(points, np.int64)
    np.minimum.at(first, point, second)
    np.maximum.at(last, point, second)
    return SignalValues(
        total > 0,
        {
            "variation": np.sqrt(spread) / np.where(mean > 0, mean, 1.0),
            "night_deviation_percent": np.abs(share / _NIGHT_SHARE - 1.0) * 100.0,
            "daily_kwh": daily,
            "times_peers": np.where(usual > 0, daily / np.where(usual > 0, usual, 1.0), 0.0),
            "days": np.floor(covered / _DAY_MINUTES).astype(np.int64),
            "lost_kwh": np.where(usual > 0, np.maximum(daily - usual, 0.0), 0.0)
            * _MONTHS_AT_RISK
            * MONTH_DAYS,
            "since": np.where(total > 0, first // DAY_SECONDS, 0),
            "until": last // DAY_SECONDS,
        },
    )


def _peer_median(batch: PointBatch) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(points,) kWh a day, 0 where the peers are not known."""
    groups = batch.peers
    if groups is None or not len(groups.key):
        return np.zeros(len(batch))
    at = np.minimum(np.searchsorted(groups.key, batch.peer_key), len(groups.key) - 1)
    return np.where(groups.key[at] == batch.peer_key, np.exp(groups.median[at]), 0.0)
