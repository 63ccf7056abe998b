"""How unlikely a count is, and how unlikely after having looked at many: the difference between a finding and a lottery."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

# Evidence beyond this says nothing more.
MOST_EVIDENCE = 300.0
_TERMS = 500
_TINY = 1e-300


def log10_binomial_tail(count: Floats, trials: Floats, probability: Floats) -> Floats:
    """(n,) log10 P(X ≥ count) of a binomial; exact far into the tail, where the probability itself underflows.

    By the regularised incomplete beta function I_p(count, trials − count + 1), whose continued fraction (Abramowitz and
    Stegun 26.5.8, evaluated as Lentz does) converges quickly on the side of the tail. 0 where count ≤ 0.
    """
    count, trials = np.asarray(count, np.float64), np.asarray(trials, np.float64)
    p = np.clip(np.asarray(probability, np.float64), 1e-12, 1 - 1e-12)
    log10_tail = _log10_beta(np.maximum(count, 1.0), np.maximum(trials - count + 1.0, 1.0), p)
    found: Floats = np.where(count <= 0, 0.0, np.minimum(log10_tail, 0.0))
    return found


def log10_t_tail(t: Floats, degrees: Floats) -> Floats:
    """(n,) log10 P(T ≥ t) of Student's t with so many degrees of freedom, for t ≥ 0; that of 0 for a negative t.

    P(T ≥ t) = I_x(ν/2, 1/2) / 2 with x = ν / (ν + t²) (Abramowitz and Stegun 26.5.27).
    """
    t, degrees = np.maximum(np.asarray(t, np.float64), 0.0), np.asarray(degrees, np.float64)
    x = np.clip(degrees / (degrees + t * t), 1e-300, 1 - 1e-12)
    both: Floats = _log10_beta(degrees / 2.0, np.full_like(x, 0.5), x)
    return np.minimum(both, 0.0) + math.log10(0.5)


def _log10_beta(a: Floats, b: Floats, p: Floats) -> Floats:
    """(n,) log10 of the regularised incomplete beta function I_p(a, b)."""
    is_tail = p < (a + 1) / (a + b + 2)
    x, c, d = np.where(is_tail, p, 1 - p), np.where(is_tail, a, b), np.where(is_tail, b, a)
    front = _log_gamma(c + d) - _log_gamma(c + 1) - _log_gamma(d) + c * np.log(x) + d * np.log1p(-x)
    log_side = front + np.log(_fraction(c, d, x))
    log_beta: Floats = np.where(
        is_tail, log_side, np.log1p(-np.minimum(np.exp(np.minimum(log_side, 0.0)), 1 - 1e-16))
    )
    return log_beta / math.log(10)


def evidence(log10_p: Floats, tested: Bools) -> Floats:
    """(n,) −log10 of the Benjamini–Hochberg q-value over those `tested`; 0 for the others.

    3 means: of those with at least this much, about one in a thousand is expected to be there by chance, however many
    were looked at (Benjamini and Hochberg 1995).
    """
    result = np.zeros(len(log10_p))
    rows = np.flatnonzero(tested)
    if not len(rows):
        return result
    order = rows[np.argsort(log10_p[rows], kind="stable")]
    rank = np.arange(1, len(order) + 1)
    q = np.minimum.accumulate((log10_p[order] + np.log10(len(order) / rank))[::-1])[::-1]
    result[order] = np.clip(-q, 0.0, MOST_EVIDENCE)
    return result


def _fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    d = 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / np.where(np.abs(d) < _TINY, _TINY, d)
    c, h = np.ones_like(d), d.copy()
    for m in range(1, _TERMS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + step * d
            d = 1.0 / np.where(np.abs(d) < _TINY, _TINY, d)
            c = 1.0 + step / c
            c = np.where(np.abs(c) < _TINY, _TINY, c)
            h *= c * d
        if np.all(np.abs(c * d - 1.0) < 1e-12):
            break
    return h


def _log_gamma(values: Floats) -> Floats:
    return np.array([math.lgamma(value) for value in values.ravel().tolist()]).reshape(values.shape)
