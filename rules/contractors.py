"""Reading contractors: all that holds of agents, of the visits of all their agents together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.agent_tally import happenings, tallies_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.agent_batch import AgentBatch
    from rules.agent_tally import Visits


def by_contractor(batch: AgentBatch, visits: Visits) -> AgentBatch:
    """Contractors as subjects: `visits` of all their agents together; "" are the company's own people.

    What is expected of a contractor is what the *others'* agents meet on the same routes, so one of hard routes is not held
    for a bad one, and colleagues who all invent readings do not excuse each other. With one contractor alone nothing but
    chance gives an expectation, and the other parts are not evaluated. Pace, place and rotation are those of the agent
    who went furthest, for no two agents walk together. The district is that of the agent with the most visits.
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
    happened = happenings(visits, batch.site)
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
        tallies=tallies_of(visits, row[visits.agent], count, happened, batch.site),
        timed_intervals=whole(batch.timed_intervals),
        median_seconds=batch.median_seconds[busiest] if count else batch.median_seconds,
        most_in_ten_minutes=most(batch.most_in_ten_minutes),
        same_place_run=most(batch.same_place_run),
        located=whole(batch.located),
        longest_cycles=most(batch.longest_cycles),
        routed=whole(batch.routed),
    )
