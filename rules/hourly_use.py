"""Energy by interval as a grid of days and hours: what signals about the shape of a load are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import Intervals

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

DAY_HOURS, HOUR_SECONDS = 24, 3_600
# Iran has had no summer time since 1401: UTC+3:30 the year round.
TEHRAN_SECONDS = 12_600
# What the lake holds: the last four weeks, and two months before them to compare with.
GRID_DAYS, RECENT_DAYS = 92, 28
# An hour of which less was delivered is unknown, and so is a day of which fewer hours were.
_LEAST_MINUTES, _LEAST_HOURS = 30, 20
# Half of the recent days must be known, and as many weeks before as are judged: a shape needs every day of the week.
LEAST_RECENT_DAYS, LEAST_USUAL_DAYS = 14, 28
# Below this share of the sum of squares the rest of a constant series is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class HourlyUse:
    """Hourly energy of the points that have it, kWh, NaN where an hour is unknown. Days are Tehran's.

    `point` (n,) is the row of the point in its batch, ascending; `kwh` is (n, GRID_DAYS, 24) and ends with the day
    before the scan's.
    """

    point: Ints
    kwh: Floats

    @property
    def recent(self) -> Floats:
        """(n, RECENT_DAYS, 24) the last four weeks."""
        return self.kwh[:, -RECENT_DAYS:]

    @property
    def usual(self) -> Floats:
        """(n, GRID_DAYS − RECENT_DAYS, 24) the days before them."""
        return self.kwh[:, :-RECENT_DAYS]


def hourly_use(intervals: Intervals, *, quantity: int, points: int, as_of: int) -> HourlyUse:
    """Readings of `quantity` over all phases that last an hour at most, put into the hour in which they begin.

    An hour of which only a part was delivered counts with the rate of that part, and so does one that is delivered
    twice, by two meters in turn. Negative values are no use and count as not delivered.
    """
    minutes = intervals.duration_minutes
    chosen = (intervals.quantity == quantity) & (intervals.phase == 0) & (minutes > 0) & (minutes <= 60)
    chosen &= intervals.value >= 0
    hour = (intervals.second + TEHRAN_SECONDS) // HOUR_SECONDS - (as_of - GRID_DAYS) * DAY_HOURS
    hours = GRID_DAYS * DAY_HOURS
    chosen &= (hour >= 0) & (hour < hours)
    rows = np.flatnonzero(chosen)
    has = np.bincount(intervals.point[rows], minlength=points) > 0
    point = np.flatnonzero(has)
    cell = (np.cumsum(has) - 1)[intervals.point[rows]] * hours + hour[rows]
    size = len(point) * hours
    covered = np.bincount(cell, weights=minutes[rows], minlength=size)
    energy = np.bincount(cell, weights=intervals.value[rows], minlength=size)
    known = covered >= _LEAST_MINUTES
    kwh = np.where(known, energy * 60.0 / np.where(known, covered, 1.0), np.nan)
    return HourlyUse(point, kwh.reshape(len(point), GRID_DAYS, DAY_HOURS))


def known_days(kwh: Floats) -> Ints:
    """(n,) days of (n, days, 24) of which enough hours are known."""
    days: Ints = ((~np.isnan(kwh)).sum(axis=2) >= _LEAST_HOURS).sum(axis=1)
    return days


def profile(kwh: Floats) -> Floats:
    """(n, 24) mean of each hour of the day over the days of (n, days, 24), NaN where no day has it."""
    known = ~np.isnan(kwh)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, kwh, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def mean_and_variation(kwh: Floats) -> tuple[Floats, Floats]:
    """((n,) mean, (n,) population deviation over it) of the known values of (n, …); 0 where none or the mean is 0."""
    flat = kwh.reshape(len(kwh), -1)
    known = ~np.isnan(flat)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, flat, 0.0).sum(axis=1) / count
    spread = np.sqrt((np.where(known, flat - mean[:, None], 0.0) ** 2).sum(axis=1) / count)
    return mean, np.where(mean > 0, spread / np.where(mean > 0, mean, 1.0), 0.0)


def correlation(one: Floats, other: Floats) -> Floats:
    """(n,) Pearson's r over the pairs of (n, m) of which both are known; 0 where one of them does not vary."""
    known = ~(np.isnan(one) | np.isnan(other))
    count = np.maximum(known.sum(axis=1), 1)

    def centred(value: Floats) -> tuple[Floats, Floats]:
        filled = np.where(known, value, 0.0)
        mean = filled.sum(axis=1) / count
        rest = np.where(known, value - mean[:, None], 0.0)
        square = (rest * rest).sum(axis=1)
        return rest, np.where(square > _ROUNDING * (filled * filled).sum(axis=1), square, 0.0)

    (left, left_square), (right, right_square) = centred(one), centred(other)
    size = np.sqrt(left_square * right_square)
    return np.where(size > 0, (left * right).sum(axis=1) / np.where(size > 0, size, 1.0), 0.0)
