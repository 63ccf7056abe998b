"""How long a condition on interval readings lasts without a break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.batch import QUANTITIES, PointBatch

from .grouping import take, worst_by_point

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

DAY_SECONDS, _MINUTE_SECONDS = 86_400, 60
# An instantaneous value stands until the next, for an hour at most: nobody knows what was between.
_LONGEST_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one quantity, sorted by point, phase and time; arrays are (readings,). `minutes` is how long each
    stands.
    """

    point: NDArray[np.int32]
    phase: NDArray[np.int8]
    second: Ints
    minutes: Floats
    value: Floats

    def at(self, rows: NDArray[np.bool_] | Ints) -> Series:
        return Series(
            self.point[rows], self.phase[rows], self.second[rows], self.minutes[rows], self.value[rows]
        )


def series_of(batch: PointBatch, quantity: str) -> Series:
    every = batch.intervals
    rows = np.flatnonzero(every.quantity == QUANTITIES.index(quantity))
    point, phase, second = every.point[rows], every.phase[rows], every.second[rows]
    minutes = every.duration_minutes[rows].astype(np.float64)
    gap = np.full(len(rows), np.inf)
    if len(rows) > 1:
        same = (point[1:] == point[:-1]) & (phase[1:] == phase[:-1])
        gap[:-1] = np.where(same, np.diff(second) / _MINUTE_SECONDS, np.inf)
    stands = np.where(minutes > 0, minutes, np.minimum(gap, _LONGEST_MINUTES))
    return Series(point, phase, second, stands, every.value[rows])


def moment(series: Series, lines: int) -> Ints:
    """A number for point, line (0 … lines − 1, here the phase) and second, in the order of the rows.

    Seconds since 1970 fit 33 bits until 2242, and a bucket has far fewer than 2^27 points and phases.
    """
    return ((series.point.astype(np.int64) * lines + series.phase) << 33) + series.second


@dataclass(frozen=True, slots=True)
class Longest:
    """Of each point: the longest run and all of them together; arrays are (points,). Days are since 1970."""

    minutes: Ints
    total_minutes: Ints
    since: Ints
    until: Ints


def longest_run(batch: PointBatch, series: Series, flags: NDArray[np.bool_]) -> Longest:
    """Runs of flagged readings of one point and phase that follow each other without a gap.

    Two readings that overlap count as following; a run's minutes are those of its readings.
    """
    points = len(batch)
    rows = np.flatnonzero(flags)
    if not len(rows):
        nothing = np.zeros(points, np.int64)
        return Longest(nothing, nothing, nothing, nothing)
    one = series.at(rows)
    end = one.second + one.minutes * _MINUTE_SECONDS
    fresh = np.ones(len(rows), np.bool_)
    fresh[1:] = (
        (one.point[1:] != one.point[:-1]) | (one.phase[1:] != one.phase[:-1]) | (one.second[1:] > end[:-1])
    )
    run = np.cumsum(fresh) - 1
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(rows)) - 1
    minutes = np.rint(np.bincount(run, weights=one.minutes)).astype(np.int64)
    owner = one.point[first]
    has, at = worst_by_point(owner, minutes, points)
    total = np.bincount(owner, weights=minutes, minlength=points).astype(np.int64)
    return Longest(
        take(at, has, minutes, 0).astype(np.int64),
        total,
        take(at, has, one.second[first] // DAY_SECONDS, 0).astype(np.int64),
        take(at, has, np.ceil(end[last] / DAY_SECONDS), 0).astype(np.int64),
    )
