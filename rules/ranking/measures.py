"""How good a ranking is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Quality:
    """Areas and hit rates, all as shares."""

    points: int
    hits: int
    area: float
    average_precision: float
    top_100: float
    top_500: float
    top_1000: float
    recall_top_tenth: float
    calibration_error: float


def quality(outcome: NDArray[np.float64], probability: NDArray[np.float64]) -> Quality:
    """Both (n,); there must be hits and misses. Equal probabilities keep the order of the rows."""
    order = np.argsort(-probability, kind="stable")
    ranked = outcome[order]
    return Quality(
        points=len(outcome),
        hits=int(outcome.sum()),
        area=float(roc_auc_score(outcome, probability)),
        average_precision=float(average_precision_score(outcome, probability)),
        top_100=float(ranked[:100].mean()),
        top_500=float(ranked[:500].mean()),
        top_1000=float(ranked[:1000].mean()),
        recall_top_tenth=float(ranked[: max(1, len(ranked) // 10)].sum() / max(1.0, outcome.sum())),
        calibration_error=calibration_error(outcome, probability),
    )


def calibration_error(
    outcome: NDArray[np.float64], probability: NDArray[np.float64], bins: int = 20
) -> float:
    """Expected calibration error over `bins` bins of equal count (Naeini et al. 2015)."""
    total = 0.0
    for rows in np.array_split(np.argsort(probability, kind="stable"), bins):
        if len(rows):
            total += len(rows) * abs(float(outcome[rows].mean()) - float(probability[rows].mean()))
    return total / max(1, len(outcome))


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval in which the rate lies with 95 % confidence (Wilson 1927); (0, 1) of nothing."""
    if of == 0:
        return 0.0, 1.0
    rate = hits / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * np.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
