"""Areas whose balance does not close: the months of their transformers and points, and what those say together.

A point's months leave its bucket only where the balance of its transformer does not close, for none of this can be seen
in one bucket: the customers of one transformer stand in many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rules.area_signs import MappingProposals, MissingEnergyRanks
from rules.doubtful_readings import DoubtfulReadings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import TransformerBatch
    from rules.site import Site

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

# Two years: a network is not rebuilt more often, and every season is seen twice.
AREA_MONTHS = 24

_Rows = TypeVar("_Rows", "AreaPoints", MappingProposals, MissingEnergyRanks, DoubtfulReadings)


@dataclass(frozen=True)
class AreaPoints:
    """The points behind some transformers. All arrays are (points,) but for `kwh`."""

    usage_point_id: Ints
    subscription_no: NDArray[np.str_]
    bucket: Ints  # in which the point stands
    transformer_id: Ints
    kwh: Floats  # (points, months) billed, oldest first; NaN: no bill for the month

    def __len__(self) -> int:
        return len(self.usage_point_id)


@dataclass(frozen=True)
class Network:
    """Transformers with what their own meters measured, over the months of the areas."""

    transformer_id: Ints  # (transformers,) sorted
    code: Sequence[str]
    feeder_id: Ints  # -1: unknown
    delivered_kwh: Floats  # (transformers, months), oldest first; NaN: not measured in the whole month


@dataclass(frozen=True)
class Balances:
    """Transformers month by month, where both pans of the scales are known. Arrays are (transformers, months)."""

    delivered_kwh: Floats  # 0 where the month does not count
    difference_kwh: Floats  # delivered less billed; 0 where the month does not count
    counts: Bools

    def loss_percent(self, technical_loss_percent: float) -> Floats:
        """(transformers,) loss beyond the technical one over all months that count; NaN without any."""
        with np.errstate(invalid="ignore", divide="ignore"):
            loss: Floats = self.difference_kwh.sum(axis=1) / self.delivered_kwh.sum(axis=1) * 100.0
        return loss - technical_loss_percent


def joined(parts: Sequence[AreaPoints], months: int) -> AreaPoints:
    """The points of all buckets in the order of their ids, so that sums are the same in every scan."""
    empty = AreaPoints(
        np.empty(0, np.int64),
        np.empty(0, np.str_),
        np.empty(0, np.int64),
        np.empty(0, np.int64),
        np.empty((0, months)),
    )
    whole = AreaPoints(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in [empty, *parts]])
            for field in fields(AreaPoints)
        }
    )
    return rows_of(whole, np.argsort(whole.usage_point_id, kind="stable"))


def rows_of(table: _Rows, rows: NDArray[np.generic]) -> _Rows:
    return replace(table, **{field.name: getattr(table, field.name)[rows] for field in fields(table)})


def balances_of(network: Network, points: AreaPoints, site: Site) -> Balances:
    """A month counts where the transformer was measured and enough of its points have a bill (balance_coverage_percent)."""
    size = len(network.transformer_id)
    row = np.searchsorted(network.transformer_id, points.transformer_id)
    # Month by month: ten times as fast as adding rows at once.
    columns = [points.kwh[:, month] for month in range(points.kwh.shape[1])]
    billed = np.stack([np.bincount(row, np.nan_to_num(kwh), minlength=size) for kwh in columns], axis=1)
    known = np.stack([np.bincount(row, ~np.isnan(kwh), minlength=size) for kwh in columns], axis=1)
    customers = np.bincount(row, minlength=size)
    share = known / np.maximum(customers, 1)[:, None]
    counts = (network.delivered_kwh > 0) & (share * 100.0 >= site.balance_coverage_percent)
    delivered = np.where(counts, network.delivered_kwh, 0.0)
    return Balances(delivered, np.where(counts, delivered - billed, 0.0), counts)


def concerned(batch: TransformerBatch, site: Site) -> Ints:
    """Rows of the transformers whose points have to be looked at: they lose more than is explained, or sold more than was
    delivered, by `mapping_surplus_percent` over the months that are known.
    """
    delivered = np.where(batch.complete, batch.delivered_kwh, 0.0).sum(axis=1)
    billed = np.where(batch.complete, batch.billed_kwh, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        loss = (delivered - billed) / delivered * 100.0 - site.technical_loss_percent
    rows: Ints = np.flatnonzero(np.abs(loss) > site.mapping.surplus_percent)
    return rows
