"""The six standard attacks on what a smart meter reports: pure functions from true to reported energy.

They are those of Zheng, Chen, Wang and Kang, "A Novel Combined Data-Driven Approach for Electricity Theft Detection",
IEEE Transactions on Industrial Informatics 15 (2019), types FDI1 to FDI6, after the malicious samples of Jokar,
Arianpoo and Leung, "Electricity Theft Detection in AMI Using Customers' Consumption Patterns", IEEE Transactions on
Smart Grid 7 (2016).

All take `true`, (households, readings) kWh of equal intervals in the order of time, NaN where nothing was delivered,
and a generator, and return what the meter reports in the same shape. NaN stays NaN. No attack reports more in total
than was used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Energy = NDArray[np.float64]
    Attack = Callable[[Energy, np.random.Generator], Energy]

# The share that is still reported, in the paper.
_LEAST_SHARE, _LARGEST_SHARE = 0.2, 0.8
_LEAST_HIDDEN_HOURS = 4
_DAY_HOURS = 24
READINGS_PER_HOUR: Final = 2


def constant_fraction(true: Energy, rng: np.random.Generator) -> Energy:
    """f1: one fraction, U(0.2, 0.8) a household, of every reading. A shunt, or a wrong multiplier."""
    return true * rng.uniform(_LEAST_SHARE, _LARGEST_SHARE, (len(true), 1))


def cut_off(true: Energy, rng: np.random.Generator) -> Energy:
    """f2: nothing above a ceiling, drawn evenly from the household's median to its 99th percentile.

    The paper says "below the maximum"; a ceiling above the 99th percentile hides next to nothing.
    """
    low, high = _quantile(true, 0.5), _quantile(true, 0.99)
    return np.minimum(true, rng.uniform(0.0, 1.0, (len(true), 1)) * (high - low) + low)


def subtract_threshold(true: Energy, rng: np.random.Generator) -> Energy:
    """f3: what lies above a threshold, drawn evenly from the household's tenth percentile to its 90th; else zero."""
    low, high = _quantile(true, 0.1), _quantile(true, 0.9)
    return np.maximum(true - (rng.uniform(0.0, 1.0, (len(true), 1)) * (high - low) + low), 0.0)


def hidden_hours(true: Energy, rng: np.random.Generator) -> Energy:
    """f4: zero in a period of the day, the same every day, of at least four hours and at most twenty."""
    readings = _DAY_HOURS * READINGS_PER_HOUR
    least = _LEAST_HIDDEN_HOURS * READINGS_PER_HOUR
    length = rng.integers(least, readings - least + 1, (len(true), 1))
    start = rng.integers(0, readings, (len(true), 1))
    position = np.arange(true.shape[1])[None, :] % readings
    hidden = (position - start) % readings < length
    return np.where(hidden & ~np.isnan(true), 0.0, true)


def random_fraction(true: Energy, rng: np.random.Generator) -> Energy:
    """f5: of every reading another fraction, U(0.2, 0.8)."""
    return true * rng.uniform(_LEAST_SHARE, _LARGEST_SHARE, true.shape)


def random_mean(true: Energy, rng: np.random.Generator) -> Energy:
    """f6: of every reading a fraction, U(0.2, 0.8), of the household's mean, whatever was used."""
    known = ~np.isnan(true)
    mean = np.where(known, true, 0.0).sum(axis=1, keepdims=True) / np.maximum(
        known.sum(axis=1, keepdims=True), 1
    )
    return np.where(known, mean * rng.uniform(_LEAST_SHARE, _LARGEST_SHARE, true.shape), np.nan)


ATTACKS: Final[dict[str, Attack]] = {
    "f1 constant fraction": constant_fraction,
    "f2 cut-off": cut_off,
    "f3 subtracted threshold": subtract_threshold,
    "f4 hidden hours": hidden_hours,
    "f5 random fraction": random_fraction,
    "f6 random share of the mean": random_mean,
}


def _quantile(true: Energy, share: float) -> Energy:
    """(households, 1) that quantile of each household's known readings; 0 where it has none."""
    ordered = np.sort(true, axis=1)  # NaN last
    known = (~np.isnan(true)).sum(axis=1)
    at = np.maximum(np.floor((known - 1) * share), 0).astype(np.int64)[:, None]
    found = np.take_along_axis(ordered, at, axis=1) if true.shape[1] else np.zeros((len(true), 1))
    return np.nan_to_num(found)
