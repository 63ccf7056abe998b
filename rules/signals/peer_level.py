"""The level of a point among its peers, in two passes: a histogram a bucket, then the position in the whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.batch import PeerGroups, PeerQuantiles, PointBatch

from .registry import Field, SignalValues, absent, signal
from .zero_run import MONTH_DAYS

# Logarithms are kept in steps of 1/200 (half a percent of consumption), so that the median over all buckets is
# exact from small histograms. ln(kWh/day) from −20 to 20 covers all that a connection can carry.
STEPS = 200
_LOWEST, _BINS = -20 * STEPS, 40 * STEPS + 1
# Sparse, of one bucket or of all: (keys, counts), key = peer group × bins + bin.
Histogram = tuple[NDArray[np.int64], NDArray[np.int64]]
# A normal distribution's standard deviation is 1.4826 times its median absolute deviation.
_SIGMA_PER_MAD = 1.4826


def quantised_log(daily_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln(kWh/day) in whole steps; NaN where there is no consumption."""
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.rint(np.log(daily_kwh) * STEPS)
    return np.where(daily_kwh > 0, np.clip(steps, _LOWEST, _LOWEST + _BINS - 1), np.nan)


def peer_histogram(batch: PointBatch) -> Histogram:
    """Of the last three known months' daily use."""
    return histogram_of(batch.peer_key, batch.recent_daily_kwh)


def histogram_of(group: NDArray[np.int64], quantity: NDArray[np.float64]) -> Histogram:
    """Of a positive quantity by peer group; both are (points,), the quantity NaN where it is unknown."""
    steps = quantised_log(quantity)
    rows = ~np.isnan(steps)
    key = group[rows] * _BINS + (steps[rows].astype(np.int64) - _LOWEST)
    keys, counts = np.unique(key, return_counts=True)
    return keys, counts.astype(np.int64)


def merge_histograms(parts: list[Histogram]) -> Histogram:
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    keys, inverse = np.unique(np.concatenate([keys for keys, _ in parts]), return_inverse=True)
    counts = np.bincount(
        inverse, weights=np.concatenate([counts for _, counts in parts]), minlength=len(keys)
    )
    return keys, counts.astype(np.int64)


def peer_quantiles(keys: NDArray[np.int64], counts: NDArray[np.int64]) -> PeerQuantiles:
    """Tenth and half of each group, to half a percent: the smallest value that so many members do not exceed."""
    group, steps = keys // _BINS, keys % _BINS + _LOWEST
    names, starts = np.unique(group, return_index=True)
    upto = np.cumsum(counts)
    before = np.append(0, upto)[starts]
    total = np.append(before, upto[-1:])[1:] - before if len(names) else before

    def at(tenths: int) -> NDArray[np.float64]:
        # The smallest number of members that is at least so many tenths of all, in whole numbers.
        row = np.searchsorted(upto, before + (total * tenths + 9) // 10)
        values: NDArray[np.float64] = np.exp(steps[row] / STEPS)
        return values

    return PeerQuantiles(names, total, at(1), at(5))


def peer_groups(keys: NDArray[np.int64], counts: NDArray[np.int64]) -> PeerGroups:
    """Median and median absolute deviation of each group, exact for the quantised logarithms."""
    group, steps = keys // _BINS, keys % _BINS + _LOWEST
    names, starts = np.unique(group, return_index=True)
    ends = np.append(starts, len(keys))[1:]
    total, median, mad = (np.zeros(len(names), np.int64), np.zeros(len(names)), np.zeros(len(names)))
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        values, weights = steps[start:end].astype(np.float64), counts[start:end]
        total[i] = weights.sum()
        middle = _weighted_median(values, weights)
        distance = np.abs(values - middle)
        order = np.argsort(distance, kind="stable")
        median[i] = middle / STEPS
        mad[i] = _weighted_median(distance[order], weights[order]) / STEPS
    return PeerGroups(names, total, median, mad)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    """Median of sorted values that occur `weights` times; the mean of the middle two where their number is even."""
    upto = np.cumsum(weights)
    total = int(upto[-1])
    low = values[np.searchsorted(upto, (total + 1) // 2)]
    high = values[np.searchsorted(upto, total // 2 + 1)]
    return float((low + high) / 2)


def yearly_shortfall_kwh(batch: PointBatch) -> NDArray[np.float64]:
    """(points,) what a year at the present use falls short of the peers' median; 0 where that is not known."""
    groups, daily = batch.peers, batch.recent_daily_kwh
    if groups is None or not len(groups.key):
        return np.zeros(len(batch))
    at = np.minimum(np.searchsorted(groups.key, batch.peer_key), len(groups.key) - 1)
    known = (groups.key[at] == batch.peer_key) & ~np.isnan(daily)
    return np.where(known, np.maximum(np.exp(groups.median[at]) - daily, 0.0), 0.0) * 12 * MONTH_DAYS


@signal(
    name="peer_level",
    subject="usage_point",
    title_en="level among peers",
    title_fa="جایگاه در میان مشترکان مشابه",
    fields={
        "robust_z": Field(
            "factor",
            "robust z-score of ln(daily use) among peers",
            "امتیاز استاندارد مقاوم مصرف میان مشابه‌ها",
        ),
        "peers": Field("count", "points in the peer group", "تعداد مشترکان مشابه"),
        "daily_kwh": Field("kWh/day", "mean of the last three known months", "میانگین سه ماه اخیر"),
        "peer_daily_kwh": Field("kWh/day", "median of the peers", "میانه مشترکان مشابه"),
        "lost_kwh": Field("kWh", "shortfall against the median over a year", "کمبود نسبت به میانه در یک سال"),
        "since": Field("date", "as of", "تاریخ"),
    },
    formula=(
        "(ln ADU − median) / (1.4826 × MAD) over points of the same district, tariff class and band of contracted "
        "power; ADU = mean of the last three known months; logarithms in steps of 1/200"
    ),
    missing="absent where one of the three months is unknown, there is no consumption, or all peers are equal",
    source="per-sector statistics of consumption; robust z-score",
    needs=("panel", "peers"),
)
def peer_level(batch: PointBatch) -> SignalValues:
    daily = batch.recent_daily_kwh
    steps = quantised_log(daily)
    groups = batch.peers
    points = len(batch)
    if groups is None or not len(groups.key):
        return absent(batch)
    at = np.minimum(np.searchsorted(groups.key, batch.peer_key), len(groups.key) - 1)
    found = groups.key[at] == batch.peer_key
    spread = groups.mad[at] * _SIGMA_PER_MAD
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (steps / STEPS - groups.median[at]) / spread
    typical = np.exp(groups.median[at])
    return SignalValues(
        found & (spread > 0) & ~np.isnan(steps),
        {
            "robust_z": z,
            "peers": groups.count[at],
            "daily_kwh": daily,
            "peer_daily_kwh": typical,
            "lost_kwh": np.maximum(typical - np.nan_to_num(daily), 0.0) * 12 * MONTH_DAYS,
            "since": np.full(points, batch.as_of, np.int64),
        },
    )
