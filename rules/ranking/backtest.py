"""What rules and ranking would have found, against what inspections did find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rules.ranking.measures import quality, wilson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from rules.ranking.measures import Quality

# Capacities at which a ranking is judged: what inspectors of a district, of a company and of a year can visit.
CAPACITIES: Final = (100, 500, 1000)
# Fewer outcomes give no area that means anything.
LEAST_OF_A_PART: Final = 200
BINS: Final = 10

AgainstChance = Literal["better", "no better", "worse"]


@dataclass(frozen=True, slots=True)
class Row:
    """Shares, not percent; `low` and `high` are the bounds of Wilson's 95 % interval of the hit rate.

    `against_chance`: whether that interval lies above, around or below the share of losses among all points.
    """

    name: str
    flagged: int
    hits: int
    hit_rate: float
    low: float
    high: float
    lift: float
    recall: float
    money_rial: int
    against_chance: AgainstChance


@dataclass(frozen=True, slots=True)
class Part:
    """The ranking among the points of one class, district or length of history."""

    by: str
    name: str
    quality: Quality


def row(
    name: str, flagged: NDArray[np.bool_], outcome: NDArray[np.float64], money_rial: NDArray[np.int64]
) -> Row:
    """`flagged`, `outcome` and `money_rial` (n,) of the points with an outcome."""
    count, hits = int(flagged.sum()), int(outcome[flagged].sum())
    low, high = wilson(hits, count)
    base = float(outcome.mean()) if len(outcome) else 0.0
    return Row(
        name=name,
        flagged=count,
        hits=hits,
        hit_rate=hits / max(1, count),
        low=low,
        high=high,
        lift=hits / max(1, count) / base if base else 0.0,
        recall=hits / max(1.0, float(outcome.sum())),
        money_rial=int(money_rial[flagged & (outcome > 0)].sum()),
        against_chance="better" if low > base else "worse" if high < base else "no better",
    )


def ranking_rows(
    score: NDArray[np.float64], outcome: NDArray[np.float64], money_rial: NDArray[np.int64], what: str
) -> list[Row]:
    """The best by `score` at each capacity there are enough points for, and the best tenth."""
    order = np.argsort(-score, kind="stable")
    made = []
    for capacity in (*[c for c in CAPACITIES if c < len(score)], max(1, len(score) // 10)):
        flagged = np.zeros(len(score), np.bool_)
        flagged[order[:capacity]] = True
        made.append(row(f"{what}, best {capacity:,}", flagged, outcome, money_rial))
    return made


def parts(
    probability: NDArray[np.float64], outcome: NDArray[np.float64], by: Mapping[str, list[str]]
) -> list[Part]:
    """Each value of each dimension (name → value of each point) that has enough points, losses and clean ones."""
    made = []
    for dimension, values in by.items():
        names = np.array(values, dtype=object)
        for name in sorted(set(values)):
            inside = names == name
            hits = outcome[inside].sum()
            if inside.sum() >= LEAST_OF_A_PART and 0 < hits < inside.sum():
                made.append(Part(dimension, name, quality(outcome[inside], probability[inside])))
    return made


def cumulative(
    score: NDArray[np.float64], outcome: NDArray[np.float64], points: int = 200
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(visits, hit rate so far, recall so far) at up to `points` numbers of visits."""
    ranked = outcome[np.argsort(-score, kind="stable")]
    at = np.unique(np.rint(np.geomspace(1, len(ranked), points)).astype(np.int64))
    found = np.cumsum(ranked)[at - 1]
    return at.astype(np.float64), found / at, found / max(1.0, float(outcome.sum()))


def reliability(
    probability: NDArray[np.float64], outcome: NDArray[np.float64]
) -> list[tuple[float, float, float, float, int]]:
    """By tenths of the points: mean probability, hit rate, its interval, points."""
    made = []
    for rows in np.array_split(np.argsort(probability, kind="stable"), BINS):
        if len(rows):
            hits = int(outcome[rows].sum())
            low, high = wilson(hits, len(rows))
            made.append((float(probability[rows].mean()), hits / len(rows), low, high, len(rows)))
    return made
