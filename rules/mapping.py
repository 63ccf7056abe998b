"""Customers that seem to hang on another transformer than the register says.

Where transformer X loses more than is explained and Y of the same feeder sold more than was delivered to it, some
customer of Y may really hang on X. Moved there, its months must explain both differences: what is left of each must vary
less. A thief explains none of it, for nothing of what he takes was sold at Y.

The technical loss of each of the two is known within its uncertainty only (a site value). So the level of a difference
counts as far as it is beyond that, and the months' variation counts in full. Where thieves are besides, the level
misleads: a second look leaves the technical loss free, so that what is proportional to the energy delivered drops out.
Of the whole network each (customer, X) and look is one trial, and the evidence is corrected for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.area_signs import MappingProposals
from rules.areas import rows_of
from rules.signals.significance import log10_t_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.areas import AreaPoints, Balances, Network
    from rules.site import Site

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

# Bills of two months are spread evenly over both, so that two months say as much as one observation.
_MONTHS_OF_AN_OBSERVATION = 2.0
# A meter of accuracy class 0.5 is nearly always within so much of the truth: no difference is known better.
_METER_ERROR = 0.002
# A customer moves wholly: twice or half of it explains nothing. But thieves may add to what is lost.
_LEAST_SHARE, _MOST_SHARE_SOLD, _MOST_SHARE_LOST = 0.5, 1.5, math.inf
# Candidates are taken while they make the differences this much likelier (natural logarithm), which is well below what passes
# the tests; those are made at the end, of all together.
_LEAST_GAIN = 4.0
_MOST_MOVES = 30
# Each customer is tried with the technical loss bounded and with it left free.
_PASSES = 2


@dataclass(frozen=True, slots=True)
class Move:
    """`point`: row of the points; `recorded`, `proposed`: rows of the network; `evidence`: −log10 of the corrected chance."""

    point: int
    recorded: int
    proposed: int
    evidence: float


def propose(network: Network, points: AreaPoints, balances: Balances, site: Site) -> list[Move]:
    """The moves that explain, in the order of the points."""
    loss = balances.loss_percent(site.technical_loss_percent)
    enough = balances.counts.sum(axis=1) >= site.mapping.least_months
    with np.errstate(invalid="ignore"):
        losing = enough & (loss > site.mapping.surplus_percent)
        gaining = enough & (loss < -site.mapping.surplus_percent)
    areas = [
        area
        for feeder in np.intersect1d(network.feeder_id[losing], network.feeder_id[gaining]).tolist()
        if feeder >= 0
        and len((area := _Area(network, points, balances, losing, gaining, feeder, site)).candidates)
    ]
    tried = sum(area.tried for area in areas)
    moves = [move for area in areas for move in area.moves(tried)]
    return sorted(moves, key=lambda move: move.point)


class _Area:
    """The losing and gaining transformers of one feeder. `months` of a candidate that are unknown count as nothing.

    All sums of squares are those of generalised least squares under months that vary independently and a technical loss
    that is off by its uncertainty; with an unbounded uncertainty what is proportional to the delivered energy drops out.
    """

    def __init__(
        self,
        network: Network,
        points: AreaPoints,
        balances: Balances,
        losing: Bools,
        gaining: Bools,
        feeder: int,
        site: Site,
    ) -> None:
        there = network.feeder_id == feeder
        self._losing = np.flatnonzero(losing & there)
        self._mapping, self._counts, self._delivered = site.mapping, balances.counts, balances.delivered_kwh
        self._months = balances.counts.sum(axis=1)
        self._power = np.maximum((self._delivered**2).sum(axis=1), 1.0)
        row = np.searchsorted(network.transformer_id, points.transformer_id)
        self.candidates: Ints = np.flatnonzero(
            (gaining & there)[row] & (np.nan_to_num(points.kwh) > 0).any(axis=1)
        )
        self._recorded = row[self.candidates]
        self._kwh = np.nan_to_num(points.kwh[self.candidates])
        # Beyond the technical loss that is expected.
        self._beyond = balances.difference_kwh - site.technical_loss_percent / 100.0 * self._delivered
        self._uncertainty = site.technical_loss_uncertainty_percent / 100.0
        self._weight = self._weights(bounded=True)

    @property
    def tried(self) -> int:
        return len(self.candidates) * len(self._losing) * _PASSES

    def moves(self, tried: int) -> list[Move]:
        """Two passes: how much is lost and sold decides too, and then, where thieves are besides, its variation alone."""
        free = np.ones(len(self.candidates), np.bool_)
        found: list[Move] = []
        for bounded in (True, False):
            self._weight = self._weights(bounded=bounded)
            found += [
                Move(
                    int(self.candidates[candidate]),
                    int(self._recorded[candidate]),
                    int(self._losing[losing]),
                    evidence,
                )
                for candidate, losing, evidence in self._pass(free, tried, bounded=bounded)
            ]
        return found

    def _pass(self, free: Bools, tried: int, *, bounded: bool) -> list[tuple[int, int, float]]:
        """(candidate, losing transformer, evidence); they are moved and not free any more."""
        chosen: list[tuple[int, int]] = []
        while len(chosen) < _MOST_MOVES:
            gain = self._gains(free)
            candidate, losing = divmod(int(np.argmax(gain)), gain.shape[1])
            if gain[candidate, losing] < _LEAST_GAIN:
                break
            chosen.append((candidate, losing))
            free[candidate] = False
            self._move(candidate, losing, 1.0)
        self._weight = self._weights(bounded=bounded)
        while chosen:
            evidence = [self._evidence(candidate, losing, free, tried) for candidate, losing in chosen]
            worst = int(np.argmin(evidence))
            if evidence[worst] >= self._mapping.least_evidence:
                return [(*one, evidence[i]) for i, one in enumerate(chosen)]
            # The others are tested again without it: they may have stood on its shoulders.
            candidate, losing = chosen.pop(worst)
            free[candidate] = True
            self._move(candidate, losing, -1.0)
            self._weight = self._weights(bounded=bounded)
        return []

    def _move(self, candidate: int, losing: int, sign: float) -> None:
        kwh = sign * self._kwh[candidate]
        proposed, recorded = self._losing[losing], self._recorded[candidate]
        self._beyond[proposed] -= np.where(self._counts[proposed], kwh, 0.0)
        self._beyond[recorded] += np.where(self._counts[recorded], kwh, 0.0)

    def _weights(self, *, bounded: bool) -> Floats:
        """(transformers,) what of the delivered energy's share is taken out of a product of two series of months."""
        if not bounded:
            unbounded: Floats = 1.0 / self._power
            return unbounded
        share: Floats = (self._beyond * self._delivered).sum(axis=1) / self._power
        varying = ((self._beyond - share[:, None] * self._delivered) ** 2).sum(axis=1)
        variance = (varying + self._power * _METER_ERROR**2) / np.maximum(self._months - 1, 1)
        weight: Floats = 1.0 / (
            variance * _MONTHS_OF_AN_OBSERVATION / max(self._uncertainty, 1e-6) ** 2 + self._power
        )
        return weight

    def _product(self, one: Floats, other: Floats, row: Ints) -> Floats:
        """(n,) of series (n, months) at the transformers `row` (n,)."""
        delivered = self._delivered[row]
        along = (one * delivered).sum(axis=1) * (other * delivered).sum(axis=1)
        product: Floats = (one * other).sum(axis=1) - self._weight[row] * along
        return product

    def _noise(self, row: Ints) -> Floats:
        """(n,) the least sum of squares that the transformers' meters allow."""
        noise: Floats = self._power[row] * _METER_ERROR**2
        return noise

    def _gains(self, free: Bools) -> Floats:
        """(candidates, losing) logarithm of the likelihood ratio of each single move; −inf where it must not be."""
        gains = np.full((len(self.candidates), len(self._losing)), -np.inf)
        left_behind = self._gain(self._recorded, -1.0)
        for i, losing in enumerate(self._losing.tolist()):
            explained = self._gain(np.full(len(self.candidates), losing), 1.0)
            taken = np.where(self._counts[losing], self._kwh, 0.0).sum(axis=1)
            # More than is lost cannot have been delivered there.
            spare = self._mapping.surplus_percent / 100.0 * self._delivered[losing].sum()
            fits = taken - self._beyond[losing].sum() <= spare
            good = free & fits & (explained > 0) & (left_behind > 0)
            gains[good, i] = (explained + left_behind)[good]
        return gains

    def _gain(self, row: Ints, sign: float) -> Floats:
        beyond, kwh = self._beyond[row], np.where(self._counts[row], self._kwh, 0.0)
        before = self._product(beyond, beyond, row) + self._noise(row)
        left = beyond - sign * kwh
        after = self._product(left, left, row) + self._noise(row)
        gain: Floats = self._months[row] / _MONTHS_OF_AN_OBSERVATION / 2.0 * np.log(before / after)
        return gain

    def _evidence(self, candidate: int, losing: int, free: Bools, tried: int) -> float:
        """−log10 of the chance of both regressions, corrected for all trials; 0 where another explains nearly as much."""
        self._move(candidate, losing, -1.0)
        chance = max(
            self._chance(candidate, int(self._losing[losing]), 1.0, _MOST_SHARE_LOST),
            self._chance(candidate, int(self._recorded[candidate]), -1.0, _MOST_SHARE_SOLD),
        )
        evidence = max(-chance - math.log10(tried), 0.0)
        if evidence < self._mapping.least_evidence:
            self._move(candidate, losing, 1.0)
            return evidence
        others = free.copy()
        others[candidate] = True
        gains = self._gains(others)
        own = gains[candidate, losing]
        gains[candidate, losing] = -np.inf
        self._move(candidate, losing, 1.0)
        # Not so where it must not be moved at all any more (−inf).
        if own <= gains.max() or own - gains.max() < self._mapping.least_margin * math.log(10):
            return 0.0
        return evidence

    def _chance(self, candidate: int, transformer: int, sign: float, most_share: float) -> float:
        """log10 of the chance of such a slope of the difference on the candidate's months; 0 where it is no whole move."""
        row = np.array([transformer])
        x = np.where(self._counts[row], self._kwh[[candidate]], 0.0)
        y = sign * self._beyond[row]
        months = float(self._months[transformer])
        degrees = months / _MONTHS_OF_AN_OBSERVATION - 2.0
        xx = float(self._product(x, x, row)[0])
        if degrees < 1.0 or xx <= 0.0:
            return 0.0
        slope = float(self._product(x, y, row)[0]) / xx
        if not _LEAST_SHARE <= slope <= most_share:
            return 0.0
        left = y - slope * x
        rest = float((self._product(left, left, row) + self._noise(row))[0])
        error = math.sqrt(rest / (months - 2.0) * _MONTHS_OF_AN_OBSERVATION / xx)
        return float(log10_t_tail(np.array([slope / error]), np.array([degrees]))[0])


def proposals_of(
    moves: list[Move], network: Network, points: AreaPoints, balances: Balances, site: Site
) -> MappingProposals:
    """What is said of each move: the balances before, and after all of them."""
    point, recorded, proposed = (
        np.array([getattr(move, name) for move in moves], np.int64)
        for name in ("point", "recorded", "proposed")
    )
    after = moved(moves, points, balances)
    technical = site.technical_loss_percent
    before_percent, after_percent = balances.loss_percent(technical), after.loss_percent(technical)
    codes = np.array(network.code, np.str_)
    both = balances.counts[recorded] & balances.counts[proposed]
    chosen = rows_of(points, point)
    return MappingProposals(
        usage_point_id=chosen.usage_point_id,
        bucket=chosen.bucket,
        recorded=codes[recorded],
        proposed=codes[proposed],
        kwh=np.where(both, np.nan_to_num(chosen.kwh), 0.0).sum(axis=1),
        months=both.sum(axis=1),
        evidence=np.array([move.evidence for move in moves], np.float64),
        recorded_before_percent=before_percent[recorded],
        recorded_after_percent=after_percent[recorded],
        proposed_before_percent=before_percent[proposed],
        proposed_after_percent=after_percent[proposed],
    )


def moved(moves: list[Move], points: AreaPoints, balances: Balances) -> Balances:
    """The balances as they would be with all moves made."""
    difference = balances.difference_kwh + moved_kwh(moves, points, balances.counts.shape)
    return type(balances)(balances.delivered_kwh, np.where(balances.counts, difference, 0.0), balances.counts)


def moved_kwh(moves: list[Move], points: AreaPoints, shape: tuple[int, int]) -> Floats:
    """(transformers, months) what the moves add to the difference of each transformer."""
    added = np.zeros(shape)
    for move in moves:
        kwh = np.nan_to_num(points.kwh[move.point])
        added[move.proposed] -= kwh
        added[move.recorded] += kwh
    return added
