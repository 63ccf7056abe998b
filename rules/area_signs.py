"""What areas whose balance does not close say of single points, by point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class MappingProposals:
    """Points that seem to hang on another transformer than is recorded. Arrays are (proposals,).

    Percents are losses beyond the technical one; below zero more was sold than was delivered. `after` is after all
    proposals together.
    """

    usage_point_id: Ints  # sorted
    bucket: Ints
    recorded: NDArray[np.str_]  # code of the transformer in the register
    proposed: NDArray[np.str_]
    kwh: Floats  # billed to the point in the months that were compared
    months: Ints
    evidence: Floats  # −log10 of the chance, corrected for all customers tried
    recorded_before_percent: Floats
    recorded_after_percent: Floats
    proposed_before_percent: Floats
    proposed_after_percent: Floats


@dataclass(frozen=True)
class MissingEnergyRanks:
    """Points behind losing transformers, by how well they go with what is missing there. Arrays are (points,)."""

    usage_point_id: Ints  # sorted
    bucket: Ints
    place: Ints  # 1: goes best with it
    of: Ints  # points that were compared at the transformer
    correlation: Floats  # of the point's months with the missing energy, beyond the season
    evidence: Floats
    months: Ints
    missing_kwh: Floats  # at the transformer in these months


@dataclass(frozen=True)
class AreaSigns:
    """Both; each sorted by point."""

    proposals: MappingProposals
    ranks: MissingEnergyRanks


def no_signs() -> AreaSigns:
    """Where every balance closes."""
    ints, floats, texts = np.empty(0, np.int64), np.empty(0), np.empty(0, np.str_)
    return AreaSigns(
        MappingProposals(ints, ints, texts, texts, floats, ints, floats, floats, floats, floats, floats),
        MissingEnergyRanks(ints, ints, ints, ints, floats, floats, ints, floats),
    )
