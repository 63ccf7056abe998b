"""The panel: bills of irregular periods spread over calendar months by days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rules.batch import month_starts
from rules.hourly_use import TEHRAN_SECONDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A month of which fewer days are billed says too little about the month: a third of it.
LEAST_DAYS = 10
_DAY_SECONDS, _DAY_MINUTES = 86_400, 1_440.0


def spread(
    row: NDArray[np.int32],
    start: NDArray[np.int32],
    end: NDArray[np.int32],
    amount: NDArray[np.float64],
    *,
    rows: int,
    last_month: int,
    months: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread `amount` of the periods [start, end) of the subjects `row` evenly over their days.

    Returns:
        ((rows, months) amount, (rows, months) days covered), the last column being `last_month`. Periods of one
        subject that overlap (two meters at once) add their amounts and count their days once, up to the month's.
    """
    bounds = month_starts(last_month, months)
    first = np.searchsorted(bounds, np.maximum(start, bounds[0]), side="right") - 1
    last = np.searchsorted(bounds, np.minimum(end, bounds[-1]) - 1, side="right") - 1
    count = np.where((end > bounds[0]) & (start < bounds[-1]) & (end > start), last - first + 1, 0)
    bill = np.repeat(np.arange(len(row)), count)
    # Month of each (bill, month) pair: the bill's first month plus the position within the bill.
    position = np.arange(len(bill)) - np.repeat(np.cumsum(count) - count, count)
    month = first[bill] + position
    days = (np.minimum(end[bill], bounds[month + 1]) - np.maximum(start[bill], bounds[month])).astype(
        np.float64
    )
    per_day = amount / np.maximum(end - start, 1)
    cell = row[bill].astype(np.int64) * months + month
    size = rows * months
    total = np.bincount(cell, weights=days * per_day[bill], minlength=size).astype(np.float64, copy=False)
    covered = np.bincount(cell, weights=days, minlength=size).astype(np.float64, copy=False)
    return total.reshape(rows, months), np.minimum(covered.reshape(rows, months), np.diff(bounds)[None, :])


def daily_use(
    row: NDArray[np.int32],
    start: NDArray[np.int32],
    end: NDArray[np.int32],
    kwh: NDArray[np.float64],
    *,
    rows: int,
    last_month: int,
    months: int,
) -> NDArray[np.float32]:
    """(rows, months) kWh/day by calendar month, NaN where fewer than `LEAST_DAYS` of the month are billed."""
    total, days = spread(row, start, end, kwh, rows=rows, last_month=last_month, months=months)
    return _per_day(total, days)


def interval_use(
    row: NDArray[np.int32],
    second: NDArray[np.int64],
    minutes: NDArray[np.int16],
    kwh: NDArray[np.float64],
    *,
    rows: int,
    last_month: int,
    months: int,
) -> NDArray[np.float32]:
    """(rows, months) kWh/day by calendar month of Tehran from energy by interval, NaN where less than `LEAST_DAYS` of
    the month is delivered. `second` is the start of an interval; it counts for the month in which it begins.

    Two meters at once add their energy and count their time once, up to the month's, as in `spread`.
    """
    bounds = month_starts(last_month, months)
    day = (second + TEHRAN_SECONDS) // _DAY_SECONDS
    inside = np.flatnonzero((day >= bounds[0]) & (day < bounds[-1]))
    month = np.searchsorted(bounds, day[inside], side="right") - 1
    cell = row[inside].astype(np.int64) * months + month
    size = rows * months
    total = np.bincount(cell, weights=kwh[inside], minlength=size).astype(np.float64, copy=False)
    covered = np.bincount(cell, weights=minutes[inside], minlength=size).reshape(rows, months) / _DAY_MINUTES
    days = np.minimum(covered, np.diff(bounds)[None, :])
    return _per_day(total.reshape(rows, months), days)


def _per_day(total: NDArray[np.float64], days: NDArray[np.float64]) -> NDArray[np.float32]:
    known = days >= LEAST_DAYS
    return np.where(known, total / np.where(known, days, 1.0), np.nan).astype(np.float32)
