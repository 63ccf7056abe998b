"""A reading agent, or a contractor, at a glance: the parts with their numbers, and a sum by weights.

The score orders who is looked at first. It is no verdict: each part carries the counts it stands on, and a part whose
data are missing is told as missing, not as good.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.signals import all_signals

if TYPE_CHECKING:
    from rules.agent_batch import AgentBatch


@dataclass(frozen=True, slots=True)
class Part:
    """One signal of the card; `points` (of at most `weight`) is None where it was not evaluated."""

    signal: str
    title_en: str
    title_fa: str
    weight: float
    points: float | None
    count: int
    visits: int
    percent: float | None
    expected_percent: float | None
    evidence: float | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """`score`: points of the evaluated parts in percent of their weights, 0 the best; None where none was."""

    key: str
    contractor_code: str
    district_id: int
    visits: int
    score: float | None
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def scorecards(batch: AgentBatch) -> list[Scorecard]:
    """The cards of all subjects of the batch, the highest score first."""
    practice, signals = batch.site.reading, all_signals()
    columns = []
    for name, weight in practice.scorecard_weights:
        values = signals[name].kernel(batch)
        fields = {key: values.fields[key] for key in _SHOWN} if values.fields else {}
        # From where chance is doubted to where nobody would speak of it any more.
        least, full = practice.scorecard_least_evidence, practice.scorecard_full_evidence
        points = weight * np.clip((values.fields["evidence"] - least) / (full - least), 0.0, 1.0)
        columns.append((name, weight, values.present, points, fields))
    cards = [_card(batch, row, columns) for row in range(len(batch))]
    return sorted(cards, key=lambda card: (-(card.score if card.score is not None else -1.0), card.key))


_SHOWN = ("count", "visits", "percent", "expected_percent", "evidence")


def _card(
    batch: AgentBatch, row: int, columns: list[tuple[str, float, Any, Any, dict[str, Any]]]
) -> Scorecard:
    parts, signals = [], all_signals()
    for name, weight, present, points, fields in columns:
        known = bool(present[row])
        signal = signals[name]
        shown = {key: float(fields[key][row]) if known else None for key in _SHOWN[2:]}
        parts.append(
            Part(
                name,
                signal.title_en,
                signal.title_fa,
                weight,
                round(float(points[row]), 4) if known else None,
                int(fields["count"][row]),
                int(fields["visits"][row]),
                **shown,
            )
        )
    evaluated = [part for part in parts if part.points is not None and part.weight]
    total = sum(part.weight for part in evaluated)
    score = 100.0 * sum(part.points or 0.0 for part in evaluated) / total if total else None
    return Scorecard(
        batch.agent_no[row],
        batch.contractor_code[row],
        int(batch.district_id[row]),
        int(batch.visits[row]),
        None if score is None else round(score, 2),
        tuple(parts),
    )
