"""How often points with the same event, or in the same cohort, were found out: learnt from training rows only.

A rate is (hits + w·base) / (rows + w). What a row of the training set gets is learnt from the other inner folds, so
that neither its own outcome nor that of a point sharing its meter or customer is in it; other rows get the rate of
the whole training set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import NDArray

# Rows a rate starts from: with fewer real ones the base rate wins. Chosen on nothing but habit.
SMOOTHING: Final = 12.0

Reduce = Literal["max", "sum", "mean"]


@dataclass(frozen=True, slots=True)
class Key:
    """One way of calling events alike. `subject` (rows,) int32, `code` (rows,) int64 from 0, `size` codes."""

    name: str
    subject: NDArray[np.int32]
    code: NDArray[np.int64]
    size: int
    reduce: tuple[Reduce, ...] = ("mean",)


@dataclass(frozen=True, slots=True)
class Order:
    """Subjects in an order in which neighbours may be alike; `width` neighbours on each side are looked at.

    Neighbours end where `block` changes.
    """

    name: str
    subject: NDArray[np.int32]
    block: NDArray[np.int64]
    width: int


@dataclass(frozen=True, slots=True)
class Cohorts:
    keys: list[Key] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)


def key(rows: pl.DataFrame, name: str, columns: Sequence[str], reduce: tuple[Reduce, ...]) -> Key:
    """A key of the columns; rows that are equal in all of them are alike, a missing value is a value too."""
    import polars as pl

    code = rows.select(pl.struct(columns).rank("dense")).to_series().fill_null(0).to_numpy().astype(np.int64)
    subject = rows["subject"].to_numpy().astype(np.int32)
    return Key(name, subject, code, int(code.max(initial=0)) + 1, reduce)


def learnt_rates(
    cohorts: Cohorts,
    outcome: NDArray[np.float64],
    train: NDArray[np.bool_],
    inner: NDArray[np.int64],
    prefixes: tuple[str, ...] | None = None,
    without: tuple[str, ...] = (),
) -> tuple[list[str], NDArray[np.float32]]:
    """Rates as features.

    `outcome` (n,) 0 or 1, read where `train` (n,) is true; `inner` (n,) the inner fold of each training row.
    Rates whose names begin with one of `prefixes` (None: all) and with none of `without` are learnt.

    Returns:
        names and (n, features); NaN for a subject without an event of the key.
    """
    count = len(outcome)
    base = float(outcome[train].mean())
    logit_base = _logit(np.array(base))
    folds = int(inner[train].max()) + 1
    names: list[str] = []
    columns: list[NDArray[np.float64]] = []

    def is_wanted(name: str) -> bool:
        return (prefixes is None or name.startswith(prefixes)) and not name.startswith(without)

    for one in cohorts.keys:
        if not is_wanted(one.name):
            continue
        evidence = _key_evidence(one, outcome, train, inner, folds, base) - logit_base
        rows = np.bincount(one.subject, minlength=count)
        for how in one.reduce:
            names.append(f"{one.name}_{how}")
            if how == "max":
                reduced = np.full(count, -np.inf)
                np.maximum.at(reduced, one.subject, evidence)
            else:
                reduced = np.bincount(one.subject, weights=evidence, minlength=count)
                if how == "mean":
                    reduced = reduced / np.maximum(rows, 1)
            columns.append(np.where(rows > 0, reduced, np.nan))
    for order in cohorts.orders:
        if not is_wanted(order.name):
            continue
        names.append(order.name)
        columns.append(_order_rate(order, outcome, train, inner, folds, base, count))
    if not columns:
        return names, np.empty((count, 0), np.float32)
    return names, np.column_stack(columns).astype(np.float32)


def _logit(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(rate, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def _key_evidence(
    one: Key,
    outcome: NDArray[np.float64],
    train: NDArray[np.bool_],
    inner: NDArray[np.int64],
    folds: int,
    base: float,
) -> NDArray[np.float64]:
    """(rows of the key,) log odds of the smoothed rate that each row may know."""
    is_train = train[one.subject]
    fold = np.where(is_train, inner[one.subject], folds)
    known, code = is_train, one.code
    cell = fold[known] * one.size + code[known]
    hits = np.bincount(cell, weights=outcome[one.subject[known]], minlength=folds * one.size)
    rows = np.bincount(cell, minlength=folds * one.size).astype(np.float64)
    hits, rows = hits.reshape(folds, one.size), rows.reshape(folds, one.size)
    all_hits, all_rows = hits.sum(0), rows.sum(0)
    # The last row, of the subjects that are not trained on, leaves no fold out.
    hits = np.vstack([all_hits - hits, all_hits])
    rows = np.vstack([all_rows - rows, all_rows])
    rate = (hits + SMOOTHING * base) / (rows + SMOOTHING)
    return _logit(rate)[fold, code]


def _order_rate(
    order: Order,
    outcome: NDArray[np.float64],
    train: NDArray[np.bool_],
    inner: NDArray[np.int64],
    folds: int,
    base: float,
    count: int,
) -> NDArray[np.float64]:
    """(n,) smoothed rate among the neighbours, the mean where a subject stands in the order more than once."""
    size = len(order.subject)
    position = np.arange(size)
    starts = np.r_[0, np.flatnonzero(np.diff(order.block)) + 1]
    ends = np.r_[starts[1:], size]
    block = np.searchsorted(starts, position, side="right") - 1
    low = np.maximum(position - order.width, starts[block])
    high = np.minimum(position + order.width + 1, ends[block])
    is_train = train[order.subject]
    fold = np.where(is_train, inner[order.subject], folds)
    rate = np.empty(size)
    for number in range(folds + 1):
        known = is_train & (fold != number)
        hits = np.r_[0.0, np.cumsum(np.where(known, outcome[order.subject], 0.0))]
        rows = np.r_[0.0, np.cumsum(known)]
        mine = fold == number
        found, seen = hits[high[mine]] - hits[low[mine]], rows[high[mine]] - rows[low[mine]]
        rate[mine] = (found + SMOOTHING * base) / (seen + SMOOTHING)
    rows_of = np.bincount(order.subject, minlength=count)
    mean = np.bincount(order.subject, weights=rate, minlength=count) / np.maximum(rows_of, 1)
    return np.where(rows_of > 0, mean, np.nan)
