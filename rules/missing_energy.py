"""Which customers of a losing transformer move with the energy that is missing there.

Who bypasses the meter uses less on it when more is missing; of whose use a part never reaches the meter, more is missing
when he uses more. Either way his months go with those of the missing energy, beyond what the season does to all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rules.area_signs import MissingEnergyRanks
from rules.mapping import moved
from rules.signals.significance import evidence, log10_t_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.areas import AreaPoints, Balances, Network
    from rules.mapping import Move
    from rules.site import Site

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

# As in `rules.mapping`: two months of a bill are one observation.
_MONTHS_OF_AN_OBSERVATION = 2.0
# How many are named in the finding of the transformer.
_NAMED = 3


def rank(
    network: Network, points: AreaPoints, balances: Balances, moves: list[Move], site: Site
) -> tuple[MissingEnergyRanks, list[str]]:
    """(the ranks of the points behind losing transformers by point id, (transformers,) the first of each in words).

    What a proposed mapping explains is not missing any more, and a customer that is proposed elsewhere is not ranked.
    """
    left = moved(moves, points, balances)
    loss = left.loss_percent(site.technical_loss_percent)
    with np.errstate(invalid="ignore"):
        losing = (loss > site.mapping.surplus_percent) & (
            left.counts.sum(axis=1) >= site.mapping.least_months
        )
    row = np.searchsorted(network.transformer_id, points.transformer_id)
    chosen = losing[row]
    chosen[[move.point for move in moves]] = False
    rows = np.flatnonzero(chosen)
    at = row[rows]
    use = _beyond_season(np.nan_to_num(points.kwh[rows]), left, at)
    missing = _beyond_season(left.difference_kwh, left, np.arange(len(loss)))[at]
    power = np.sqrt((use**2).sum(axis=1) * (missing**2).sum(axis=1))
    # A use that never changes goes with nothing.
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.clip(np.where(power > 0, (use * missing).sum(axis=1) / power, 0.0), -1.0, 1.0)
    degrees = np.maximum(left.counts[at].sum(axis=1) / _MONTHS_OF_AN_OBSERVATION - 3.0, 1.0)
    t = np.abs(correlation) * np.sqrt(degrees / np.maximum(1.0 - correlation**2, 1e-12))
    # Both signs are looked for.
    chance = np.minimum(log10_t_tail(t, degrees) + np.log10(2.0), 0.0)
    found = evidence(chance, np.ones(len(rows), np.bool_))
    place, of = _places(at, chance)
    ranks = MissingEnergyRanks(
        usage_point_id=points.usage_point_id[rows],
        bucket=points.bucket[rows],
        place=place,
        of=of,
        correlation=correlation,
        evidence=found,
        months=left.counts[at].sum(axis=1),
        missing_kwh=left.difference_kwh.sum(axis=1)[at]
        - site.technical_loss_percent / 100.0 * left.delivered_kwh.sum(axis=1)[at],
    )
    named = [""] * len(loss)
    first = np.flatnonzero(place <= _NAMED)
    for one in first[np.argsort(place[first], kind="stable")].tolist():
        said = f"{points.subscription_no[rows[one]]} ({correlation[one]:+.2f})"
        named[at[one]] = f"{named[at[one]]}, {said}" if named[at[one]] else said
    return ranks, named


def _beyond_season(kwh: Floats, balances: Balances, row: Ints) -> Floats:
    """(n, months) without its mean and without what goes with the energy delivered; 0 in months that do not count."""
    counts, delivered = balances.counts[row], balances.delivered_kwh[row]
    months = np.maximum(counts.sum(axis=1), 1)[:, None]
    centred = np.where(counts, kwh - np.where(counts, kwh, 0.0).sum(axis=1)[:, None] / months, 0.0)
    season = np.where(counts, delivered - delivered.sum(axis=1)[:, None] / months, 0.0)
    power = np.maximum((season**2).sum(axis=1), 1e-9)
    beyond: Floats = centred - ((centred * season).sum(axis=1) / power)[:, None] * season
    return beyond


def _places(area: Ints, chance: Floats) -> tuple[Ints, Ints]:
    """(n,) place within the area, 1 the least likely by chance; (n,) how many there are."""
    order = np.lexsort((np.arange(len(area)), chance, area))
    _, start, count = np.unique(area[order], return_index=True, return_counts=True)
    place = np.empty(len(area), np.int64)
    place[order] = np.arange(len(area)) - np.repeat(start, count) + 1
    of = np.empty(len(area), np.int64)
    of[order] = np.repeat(count, count)
    return place, of
