"""Arithmetic over months that several kernels share. NaN is a month without a bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def percent_fall(before: Floats, after: Floats) -> Floats:
    """(1 − after / before) × 100; NaN where `before` is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(before > 0, (1.0 - after / before) * 100.0, np.nan)


def known_mean(window: Floats, at_least: int) -> Floats:
    """(rows,) mean of the known columns of (rows, columns); NaN where fewer than `at_least` are known."""
    known = ~np.isnan(window)
    count = known.sum(axis=1)
    total = np.where(known, window, 0.0).sum(axis=1)
    return np.where(count >= at_least, total / np.maximum(count, 1), np.nan)


def known_variation(window: Floats, at_least: int) -> Floats:
    """(rows,) coefficient of variation (population) of the known columns; NaN where too few or mean zero."""
    known = ~np.isnan(window)
    count = np.maximum(known.sum(axis=1), 1)
    filled = np.where(known, window, 0.0)
    mean = filled.sum(axis=1) / count
    variance = np.maximum((filled * filled).sum(axis=1) / count - mean * mean, 0.0)
    enough = (known.sum(axis=1) >= at_least) & (mean > 0)
    return np.where(enough, np.sqrt(variance) / np.where(mean > 0, mean, 1.0), np.nan)


def longest_run_end(flags: NDArray[np.bool_], starts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(rows,) length of the run of true flags that ends at each row of a long table, 0 where the flag is false.

    `starts` marks rows at which a new group begins: a run does not cross it.
    """
    position = np.arange(len(flags), dtype=np.int64)
    # The last row before each at which a run could not continue.
    broken = np.where(~flags, position, np.where(starts, position - 1, -1))
    return np.where(flags, position - np.maximum.accumulate(broken), 0) if len(flags) else position
