"""Reading agents as subjects: what their visits of a year amount to, counted so that it can be tested.

A visit is one attempt to read one point. What is expected of an agent is what *other* agents meet on the same routes: a
route of locked yards has many closed doors whoever walks it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rules.site import Site

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """Something that can happen at a visit, of each agent. All arrays are (agents,)."""

    count: Ints  # visits at which it happened
    of: Ints  # visits at which it could be seen
    expected: (
        Floats  # visits at which it would have happened to other agents on the same routes; NaN: nobody else
    )

    @property
    def share(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            shares: Floats = self.count / self.of
        return shares


# What is tallied: the fields of `AgentBatch.tallies`.
TALLIES = (
    "round_consumption",
    "step_consumption",
    "same_register",
    "same_consumption",
    "not_read",
    "zero_consumption",
    "corrected",
    "irregular",
    "photo_mismatch",
    "far_away",
)


@dataclass(frozen=True)
class AgentBatch:
    """All reading agents. Arrays are (agents,)."""

    agent_id: Ints
    agent_no: Sequence[str]
    contractor_code: Sequence[str]  # "" for the company's own people
    district_id: Ints  # where most of the visits were
    visits: Ints
    kwh: Floats  # energy of the visits whose consumption is known
    since: NDArray[np.int32]
    until: NDArray[np.int32]  # day after the last visit
    tallies: dict[str, Tally]  # by TALLIES
    timed_intervals: Ints  # pairs of consecutive reads of one day whose times are known
    median_seconds: Floats  # NaN without intervals
    most_in_ten_minutes: Ints
    same_place_run: Ints  # most consecutive reads at exactly one position
    located: Ints  # reads with a position
    longest_cycles: Ints  # consecutive months on one route
    routed: Ints  # visits whose route is known
    site: Site

    subject_kind = "reading_agent"

    def __len__(self) -> int:
        return len(self.agent_id)
