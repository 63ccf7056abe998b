"""What unbalanced areas say of the one point of a scenario."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rules.area_signs import AreaSigns, MappingProposals, MissingEnergyRanks, no_signs

# Of the one point of a scenario (`rules.testing.points`), which stands in the one bucket.
_POINT = np.ones(1, np.int64)


def signs_of(proposal: dict[str, Any] | None, rank: dict[str, Any] | None) -> AreaSigns:
    """What is not said has a plain value."""
    signs = no_signs()
    if proposal is not None:
        recorded, proposed = (
            proposal.get(f"{name}_percent", [0.0, 0.0]) for name in ("recorded", "proposed")
        )
        signs = replace(
            signs,
            proposals=MappingProposals(
                usage_point_id=_POINT,
                bucket=_POINT,
                recorded=np.array([proposal.get("recorded", "1")]),
                proposed=np.array([proposal.get("proposed", "2")]),
                kwh=_one(proposal.get("kwh", 1000)),
                months=_POINT * proposal.get("months", 24),
                evidence=_one(proposal.get("evidence", 5)),
                recorded_before_percent=_one(recorded[0]),
                recorded_after_percent=_one(recorded[1]),
                proposed_before_percent=_one(proposed[0]),
                proposed_after_percent=_one(proposed[1]),
            ),
        )
    if rank is not None:
        signs = replace(
            signs,
            ranks=MissingEnergyRanks(
                usage_point_id=_POINT,
                bucket=_POINT,
                place=_POINT * rank.get("place", 1),
                of=_POINT * rank.get("of", 50),
                correlation=_one(rank.get("correlation", 0)),
                evidence=_one(rank.get("evidence", 0)),
                months=_POINT * rank.get("months", 24),
                missing_kwh=_one(rank.get("missing_kwh", 10_000)),
            ),
        )
    return signs


def _one(value: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([float(value)])
