"""A reading agent, or a contractor, at a glance: the parts with their numbers, and a sum by weights.

The score orders who is looked at first. It is no verdict: each part carries the counts it stands on, and a part whose
data are missing is told as missing, not as good.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.agent_batch import AgentBatch, Tally
from rules.signals import all_signals

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def by_contractor(batch: AgentBatch) -> AgentBatch:
    """Contractors as subjects: the visits of all their agents together; "" are the company's own people.

    What is expected of an agent stays what others meet on the same routes, so a contractor of hard routes is not
    held for a bad one. The district is that of the agent with the most visits.
    """
    codes, row = np.unique(np.array(batch.contractor_code, dtype=np.str_), return_inverse=True)
    count = len(codes)

    def total(values: NDArray[Any]) -> NDArray[Any]:
        return np.bincount(row, values, minlength=count)

    def most(values: NDArray[Any]) -> NDArray[Any]:
        found = np.full(count, values.min(initial=0), values.dtype)
        np.maximum.at(found, row, values)
        return found

    def whole(values: NDArray[Any]) -> NDArray[np.int64]:
        return total(values).astype(np.int64)

    busiest = np.zeros(count, np.int64)
    order = np.argsort(batch.visits, kind="stable")
    busiest[row[order]] = order
    tallies = {}
    for name, tally in batch.tallies.items():
        known = ~np.isnan(tally.expected)
        of = whole(np.where(known, tally.of, 0))
        expected = total(np.where(known, tally.expected, 0.0))
        tallies[name] = Tally(whole(np.where(known, tally.count, 0)), of, np.where(of > 0, expected, np.nan))
    return replace(
        batch,
        agent_id=np.arange(count),
        agent_no=codes.tolist(),
        contractor_code=codes.tolist(),
        district_id=batch.district_id[busiest] if count else batch.district_id,
        visits=whole(batch.visits),
        kwh=total(batch.kwh),
        since=-most(-batch.since),
        until=most(batch.until),
        tallies=tallies,
        timed_intervals=whole(batch.timed_intervals),
        median_seconds=batch.median_seconds[busiest] if count else batch.median_seconds,
        most_in_ten_minutes=most(batch.most_in_ten_minutes),
        same_place_run=most(batch.same_place_run),
        located=whole(batch.located),
        longest_cycles=most(batch.longest_cycles),
        routed=whole(batch.routed),
    )
