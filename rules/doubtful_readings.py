"""Readings that were perhaps never taken: of agents whose habits say so, and at which points.

An agent who copies the reading before, or gives two meters one number, makes customers look as if they used nothing. Where
a finding about a customer rests on such readings, it is the agent's case that has to be cleared up first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.agent_tally import happenings
from rules.facts import compute
from rules.rule import ACTIVE
from rules.screen import fires_for
from rules.standing import spoken_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.agent_batch import AgentBatch
    from rules.agent_tally import Visits
    from rules.rule import Rule

    Ints = NDArray[np.int64]

# Signals of an agent's invented readings, and what happens at a visit that shows one. A rounded reading was taken.
INVENTED = {
    "same_registers": "same_register",
    "repeated_consumptions": "same_consumption",
    "zero_readings": "zero_consumption",
    "photo_mismatch": "photo_mismatch",
}


@dataclass(frozen=True)
class DoubtfulReadings:
    """Points with readings that an agent's habit puts in doubt. Arrays are (points,)."""

    usage_point_id: Ints  # sorted
    bucket: Ints
    agent_no: NDArray[np.str_]  # of most of them
    readings: Ints  # in doubt
    of: Ints  # readings from the first to the last of these
    first: Ints  # days
    last: Ints

    def __len__(self) -> int:
        return len(self.usage_point_id)


def nothing_doubtful() -> DoubtfulReadings:
    ints = np.empty(0, np.int64)
    return DoubtfulReadings(ints, ints, np.empty(0, np.str_), ints, ints, ints, ints)


def doubtful_readings(
    visits: Visits,
    bucket: Ints,
    agents: AgentBatch,
    rules: Sequence[Rule],
    cleared: Collection[str] = (),
) -> DoubtfulReadings:
    """`bucket` (visits,) of the visited points; `rules` of agents that are evaluated; `cleared`: numbers of agents of whom
    a person found that nothing is wrong.
    """
    # What opens no case carries nobody's findings.
    chosen = [
        rule
        for rule in rules
        if rule.status in ACTIVE and any(name in INVENTED for name in rule.when_signals)
    ]
    if not chosen or not len(agents):
        return nothing_doubtful()
    table = compute(agents, chosen)
    innocent = np.isin(np.array(agents.agent_no, np.str_), sorted(cleared))
    happened = happenings(visits, agents.site)
    doubtful = np.zeros(len(visits), np.bool_)
    for rule in chosen:
        held = fires_for(table, rule) & spoken_of(agents, rule) & ~innocent
        for name in rule.when_signals:
            if name in INVENTED:
                one = happened[INVENTED[name]]
                doubtful |= held[visits.agent] & one.seen & one.hit
    rows = np.flatnonzero(doubtful)
    if not len(rows):
        return nothing_doubtful()
    ids, first_row, row = np.unique(visits.usage_point_id[rows], return_index=True, return_inverse=True)
    first, last = np.full(len(ids), np.iinfo(np.int64).max), np.full(len(ids), -1)
    np.minimum.at(first, row, visits.day[rows].astype(np.int64))
    np.maximum.at(last, row, visits.day[rows].astype(np.int64))
    at = np.minimum(np.searchsorted(ids, visits.usage_point_id), len(ids) - 1)
    between = visits.is_read & (ids[at] == visits.usage_point_id)
    between &= (visits.day >= first[at]) & (visits.day <= last[at])
    return DoubtfulReadings(
        usage_point_id=ids,
        bucket=bucket[rows][first_row],
        agent_no=np.array(agents.agent_no, np.str_)[_most(row, visits.agent[rows], len(ids), len(agents))],
        readings=np.bincount(row, minlength=len(ids)),
        of=np.bincount(at[between], minlength=len(ids)),
        first=first,
        last=last,
    )


def _most(point: Ints, agent: Ints, points: int, agents: int) -> Ints:
    """(points,) row of the agent with most of the readings, the first of several."""
    pairs, counts = np.unique(point * agents + agent, return_counts=True)
    order = np.lexsort((-(pairs % agents), counts))
    most = np.zeros(points, np.int64)
    # Written last, so kept: the largest count, and of those the first agent.
    most[(pairs // agents)[order]] = (pairs % agents)[order]
    return most
