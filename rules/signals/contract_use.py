from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rules.batch import PeerQuantiles, PointBatch, month_starts

from .registry import Field, SignalValues, absent, signal
from .zero_run import MONTH_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_YEAR = 12


def yearly_kwh(batch: PointBatch) -> NDArray[np.float64]:
    """(points,) energy of the last 12 known months, NaN where one is unknown or the newest is long ago."""
    if batch.months < _YEAR:
        return np.full(len(batch), np.nan)
    year = batch.aligned[:, -_YEAR:].mean(axis=1) * (_YEAR * MONTH_DAYS)
    return np.where(batch.is_current, year, np.nan)


def hours_of_use(batch: PointBatch) -> NDArray[np.float64]:
    """(points,) hours a year that the contracted power would have to run for the energy of the last year."""
    power = batch.contracted_power_kw
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(power > 0, yearly_kwh(batch) / power, np.nan)


def contract_key(batch: PointBatch) -> NDArray[np.int64]:
    """(points,) peers share tariff class and band of contracted power, wherever they are: demand customers are few,
    and the hours of a trade do not depend on its district.
    """
    return batch.peer_key % 64


def peers_at(key: NDArray[np.int64], groups: PeerQuantiles) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """((points,) row of each point's group, (points,) whether it has one). `groups` must not be empty."""
    at = np.minimum(np.searchsorted(groups.key, key), len(groups.key) - 1)
    return at, groups.key[at] == key


@signal(
    name="contract_use",
    subject="usage_point",
    title_en="use of the contracted power",
    title_fa="بهره‌گیری از قدرت قراردادی",
    fields={
        "hours": Field("hour", "hours a year at contracted power", "ساعت بهره‌گیری سالانه از قدرت قراردادی"),
        "percent_of_tenth": Field(
            "percent", "hours as a share of the peers' tenth percentile", "نسبت ساعت‌ها به دهک پایین مشابه‌ها"
        ),
        "percent_of_median": Field(
            "percent", "hours as a share of the peers' median", "نسبت ساعت‌ها به میانه مشابه‌ها"
        ),
        "peer_hours": Field("hour", "median of the peers", "میانه مشترکان مشابه"),
        "peers": Field("count", "points in the peer group", "تعداد مشترکان مشابه"),
        "contracted_kw": Field("kW", "contracted power", "قدرت قراردادی"),
        "lost_kwh": Field(
            "kWh", "shortfall of the year against the peers' median", "کمبود سال نسبت به میانه مشابه‌ها"
        ),
        "since": Field("date", "first day of the last 12 known months", "آغاز ۱۲ ماه اخیر"),
        "until": Field("date", "end of the last known month", "پایان ۱۲ ماه اخیر"),
    },
    formula=(
        "kWh of the last 12 known months / contracted kW, against the tenth percentile and the median of points of "
        "the same tariff class and band of contracted power, of all districts"
    ),
    missing=(
        "absent where one of the 12 months is unknown, nothing was used, the contracted power is unknown or the point "
        "has no peers"
    ),
    source="hours of use of the contracted power as a feature of non-technical losses",
    needs=("panel", "peers", "contracts"),
)
def contract_use(batch: PointBatch) -> SignalValues:
    groups = batch.hours_of_use_peers
    if groups is None or not len(groups.key):
        return absent(batch)
    hours = hours_of_use(batch)
    at, found = peers_at(contract_key(batch), groups)
    present = found & (hours > 0)
    usual = groups.median[at]
    power = np.nan_to_num(batch.contracted_power_kw)
    starts = month_starts(batch.last_month, batch.months)
    last = np.maximum(batch.last_known, _YEAR - 1)
    return SignalValues(
        present,
        {
            "hours": hours,
            "percent_of_tenth": hours / groups.tenth[at] * 100.0,
            "percent_of_median": hours / usual * 100.0,
            "peer_hours": usual,
            "peers": groups.count[at],
            "contracted_kw": power,
            "lost_kwh": np.maximum(usual - np.nan_to_num(hours), 0.0) * power,
            "since": starts[last - _YEAR + 1].astype(np.int64)
            if batch.months >= _YEAR
            else np.zeros(len(batch), np.int64),
            "until": starts[np.minimum(last, batch.months - 1) + 1].astype(np.int64),
        },
    )
