"""Reductions from a long table (bills, events) to the points of a batch. `point` is sorted ascending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import Bills

    Ints = NDArray[np.int64]


def first_rows(point: NDArray[Any]) -> Ints:
    """Rows at which a new point begins."""
    if not len(point):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], point[1:] != point[:-1])))


def sum_by_point(point: NDArray[Any], value: NDArray[Any], points: int) -> NDArray[np.float64]:
    """(points,) exact up to 2^53: money sums of one point stay far below."""
    return np.bincount(point, weights=value, minlength=points).astype(np.float64, copy=False)


def worst_by_point(point: NDArray[Any], value: NDArray[Any], points: int) -> tuple[NDArray[np.bool_], Ints]:
    """((points,) whether the point has rows, (points,) row with the largest value, the first of equals)."""
    has = np.zeros(points, np.bool_)
    row = np.zeros(points, np.int64)
    starts = first_rows(point)
    if len(starts):
        largest = np.maximum.reduceat(value, starts)
        lengths = np.diff(np.append(starts, len(point)))
        candidates = np.flatnonzero(value == np.repeat(largest, lengths))
        owners = point[candidates]
        first = candidates[first_rows(owners)]
        has[point[first]] = True
        row[point[first]] = first
    return has, row


def take(rows: Ints, has: NDArray[np.bool_], value: NDArray[Any], missing: float) -> NDArray[Any]:
    """`value[rows]` where the point has a row, else `missing`."""
    if not len(value):
        return np.full(len(rows), missing)
    return np.where(has, value[rows], missing)


def median_by_group(group: NDArray[Any], value: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """(groups,) median of each group's values (mean of the middle two where their number is even), NaN for none."""
    order = np.lexsort((value, group))
    ordered = value[order]
    count = np.bincount(group, minlength=groups)
    first = np.cumsum(count) - count
    if not len(ordered):
        return np.full(groups, np.nan)
    low = np.minimum(first + np.maximum(count - 1, 0) // 2, len(ordered) - 1)
    high = np.minimum(first + count // 2, len(ordered) - 1)
    return np.where(count > 0, (ordered[low] + ordered[high]) / 2, np.nan)


def rank_from_newest(point: NDArray[Any], day: NDArray[Any]) -> tuple[Ints, Ints]:
    """(rows in the order of point and day, how many rows of the same point come after each of them)."""
    order = np.lexsort((day, point))
    owner = point[order]
    starts = first_rows(owner)
    ends = np.append(starts, len(owner))[1:]
    return order, np.repeat(ends, np.diff(np.append(starts, len(owner)))) - 1 - np.arange(len(owner))


def bill_period(bills: Bills, at: Ints, has: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """The fields `since` and `until` of the bills in rows `at`."""
    return {
        "since": take(at, has, bills.period_start, 0).astype(np.int64),
        "until": take(at, has, bills.period_end, 0).astype(np.int64),
    }


def worst_bill(bills: Bills, rows: Ints, value: NDArray[Any], points: int) -> tuple[NDArray[np.bool_], Ints]:
    """((points,) whether the point has any of the bills `rows`, (points,) row of the one with the largest `value`).

    `value` is (rows,).
    """
    has, worst = worst_by_point(bills.point[rows], value, points)
    return has, rows[worst] if len(rows) else worst


def by_row(bills: Bills, rows: Ints, value: NDArray[Any]) -> NDArray[np.float64]:
    """(bills,) the values of the bills `rows`, zero for the others."""
    whole = np.zeros(len(bills))
    whole[rows] = value
    return whole
