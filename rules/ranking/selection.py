"""Who is visited: the best by probability times money, and some by chance, so that what is learnt stays unbiased."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Selection:
    """`row` (k,) the chosen rows, the ranked ones first, best first; `is_random` (k,) which were drawn."""

    row: NDArray[np.int64]
    is_random: NDArray[np.bool_]


def select(
    worth: NDArray[np.float64], eligible: NDArray[np.bool_], capacity: int, random_share: float, seed: int
) -> Selection:
    """`worth` (n,). Exactly `capacity` rows, or all that are eligible where those are fewer.

    Of them round(capacity · random_share) are drawn with equal chances from what the ranking left; equal worths keep
    the order of the rows. The same seed draws the same.
    """
    rows = np.flatnonzero(eligible)
    size = min(capacity, len(rows))
    drawn = round(size * random_share)
    order = rows[np.argsort(-worth[rows], kind="stable")]
    best, rest = order[: size - drawn], order[size - drawn :]
    chance = np.sort(np.random.default_rng(seed).choice(rest, drawn, replace=False)) if drawn else rest[:0]
    return Selection(
        np.concatenate([best, chance]).astype(np.int64),
        np.r_[np.zeros(len(best), np.bool_), np.ones(len(chance), np.bool_)],
    )
