"""Where theft, billing errors and debts are planted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from etl.synth.kinds import Circumstance, Planted, Shares
from etl.synth.parties import Parties
from etl.synth.population import (
    AGRICULTURAL,
    INDUSTRIAL,
    OTHER,
    PUBLIC,
    RESIDENTIAL,
    Population,
    count_of,
)
from etl.synth.window import BoolArray, FloatArray, IntArray, Window
from tarazu.models.enums import ReadingQuality

KINDS: Final = tuple(Planted)
_QUALITIES: Final = tuple(ReadingQuality)
# What a cluster takes of the energy behind its transformer, and who is left honest there at least.
_CLUSTER_TAKES: Final = (0.17, 0.25)
_CLUSTER_MEMBERS: Final = 0.5
# Below this use before theft, in kWh a day, nobody steals: there is nothing to gain and nothing to see.
_WORTHWHILE_USE: Final = 5.0
# A bill that is far too low stands out only where some 200 kWh are missing.
_SPIKE_USE: Final = 7.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One chunk; arrays are (points,) unless said. -1 is none.

    `recorded_share` (from month column `theft_from` on) is what the meter still sees; a slow decline reaches it
    at the end. `period` counts the bills of a point from 0. `units_shift` moves the register at the end of
    `period`, in multiples of that bill's use (negative: turned back). `lag_*`: over `lag_periods` bills from
    `lag_from` on only `lag_share` of the use is read, and the next bill catches up. `unpaid_from` is the first
    bill that is not paid, of which `paid_share` is paid after all.
    """

    kind: IntArray
    theft_from: IntArray
    recorded_share: FloatArray
    period: IntArray
    amount: FloatArray
    lag_from: IntArray
    lag_periods: IntArray
    lag_share: FloatArray
    lag_quality: IntArray
    cut_from: IntArray
    unpaid_from: IntArray
    paid_share: FloatArray
    cluster_of: IntArray
    clusters: IntArray
    cluster_from: IntArray
    unpaying_bodies: IntArray

    def planted(self, kind: Planted) -> BoolArray:
        return np.equal(self.kind, KINDS.index(kind))


@dataclass(slots=True)
class _Planter:
    people: Population
    window: Window
    shares: Shares
    chunk: int
    rng: np.random.Generator
    plan: Plan
    free: BoolArray

    def choose(self, kind: Planted, hosts: BoolArray) -> IntArray:
        candidates = np.flatnonzero(hosts & self.free)
        count = min(count_of(self.shares.of(kind), len(self.free), self.chunk, self.rng), len(candidates))
        chosen = self.rng.choice(candidates, count, replace=False)
        self.take(kind, chosen)
        return chosen

    def take(self, kind: Planted, rows: IntArray) -> None:
        self.plan.kind[rows] = KINDS.index(kind)
        self.free[rows] = False

    def steal(self, rows: IntArray, earliest: int, latest: int, least: float, most: float) -> None:
        """From a month in [earliest, latest), leaving a share between least and most."""
        count = len(rows)
        self.plan.theft_from[rows] = self.rng.integers(Window.LEAD + earliest, Window.LEAD + latest, count)
        self.plan.recorded_share[rows] = self.rng.uniform(least, most, count)

    def periods(self, rows: IntArray, after: int, before: int) -> IntArray:
        """A bill of each point, at least `after` from its first and `before` from its last."""
        last = bills_of(self.people, self.window)[rows]
        return self.rng.integers(after, last - before)


def bills_of(people: Population, window: Window) -> IntArray:
    return np.where(people.demand, window.months, window.months // 2)


def plan_planting(
    people: Population,
    parties: Parties,
    base: FloatArray,
    window: Window,
    shares: Shares,
    chunk: int,
    rng: np.random.Generator,
) -> Plan:
    free = people.has(Circumstance.NONE)
    planter = _Planter(people, window, shares, chunk, rng, _nothing(people.points), free)
    _plant_theft(planter, base)
    _plant_errors(planter, base)
    _plant_debts(planter, parties)
    # Last and from a stream of its own, so that what was planted before stays where it is.
    planter.rng = rng.spawn(1)[0]
    _plant_metering(planter, base)
    return planter.plan


def _nothing(points: int) -> Plan:
    def none() -> IntArray:
        return np.full(points, -1, dtype=np.int64)

    def whole() -> FloatArray:
        return np.ones(points)

    empty = np.zeros(0, dtype=np.int64)
    return Plan(
        kind=none(),
        theft_from=none(),
        recorded_share=whole(),
        period=none(),
        amount=np.zeros(points),
        lag_from=none(),
        lag_periods=np.zeros(points, dtype=np.int64),
        lag_share=whole(),
        lag_quality=np.zeros(points, dtype=np.int64),
        cut_from=none(),
        unpaid_from=none(),
        paid_share=np.zeros(points),
        cluster_of=none(),
        clusters=empty,
        cluster_from=empty,
        unpaying_bodies=empty,
    )


def _plant_theft(planter: _Planter, base: FloatArray) -> None:
    people, plan, rng = planter.people, planter.plan, planter.rng
    months = planter.window.months
    worthwhile = (base >= _WORTHWHILE_USE) & (people.tariff != AGRICULTURAL) & (people.tariff != PUBLIC)
    small = worthwhile & ~people.demand

    planter.plan = plan = _plant_clusters(planter, worthwhile, base)

    rows = planter.choose(Planted.SMALL_MULTIPLIER, (people.multiplier > 1) & (people.tariff != AGRICULTURAL))
    plan.period[rows] = planter.periods(rows, 6, 4)
    plan.amount[rows] = rng.choice([0.5, 0.25, 0.2], len(rows))

    rows = planter.choose(Planted.BYPASS_TO_ZERO, small)
    planter.steal(rows, 8, months - 8, 0.0, 0.0)
    # After a year of honest use, and with a whole bill of theft at least.
    rows = planter.choose(Planted.SUDDEN_DROP, worthwhile)
    planter.steal(rows, 12, months - 3, 0.2, 0.45)
    rows = planter.choose(Planted.SLOW_DECLINE, small)
    planter.steal(rows, 0, months - 19, 0.08, 0.25)
    rows = planter.choose(Planted.TAMPER_EVENT, worthwhile)
    planter.steal(rows, 12, months - 4, 0.2, 0.42)
    people.smart[rows] = True

    rows = planter.choose(Planted.REGISTER_TURNED_BACK, small & (people.contracted_kw <= 8))
    plan.period[rows] = planter.periods(rows, 4, 2)
    plan.amount[rows] = -rng.uniform(1.4, 3.5, len(rows))
    # Room on the register to turn it back, and no chance of a rollover.
    people.register_digits[rows] = 6
    people.start_units[rows] = rng.integers(30_000, 90_000, len(rows))

    # Homes of the common sizes, which have peers enough, and whose true use is not itself far below theirs.
    homes = (people.tariff == RESIDENTIAL) & (people.contracted_kw <= 8)
    median = np.median(base[homes])
    rows = planter.choose(Planted.LOW_FROM_BEGINNING, small & homes & (base >= median))
    plan.theft_from[rows] = 0
    plan.recorded_share[rows] = rng.uniform(0.05, 0.12, len(rows))

    rows = planter.choose(Planted.USE_AFTER_CUT, small)
    since = rng.integers(10, planter.window.columns - 6, people.points)
    plan.cut_from[rows] = people.reading_column(since)[rows]
    innocent = np.flatnonzero(people.has(Circumstance.CUT_FOR_DEBT))
    plan.cut_from[innocent] = people.circumstance_from[innocent]


def _plant_metering(planter: _Planter, base: FloatArray) -> None:
    """What shows in demand bills, in registers, visits and intervals rather than in a fall of use alone."""
    people, plan, months = planter.people, planter.plan, planter.window.months
    planter.free &= (plan.unpaid_from < 0) & ~people.has(Circumstance.NEW_POINT)
    industry = people.demand & (people.tariff == INDUSTRIAL)
    trade = people.demand & (people.tariff != AGRICULTURAL)
    home = (people.tariff == RESIDENTIAL) & ~people.demand & (people.contracted_kw <= 8)
    small = (people.tariff != AGRICULTURAL) & ~people.demand & (base >= _WORTHWHILE_USE)

    # A whole bill of theft, and no second: the median before stays what it was.
    planter.steal(planter.choose(Planted.ACTIVE_PATH, industry), months - 2, months - 1, 0.35, 0.5)
    loaded = trade & (base >= 0.3 * 24 * people.contracted_kw)
    planter.steal(planter.choose(Planted.LOW_LOAD_FACTOR, loaded), months - 7, months - 5, 0.02, 0.06)
    # Two or three bills at zero, of which four months would be another rule's.
    planter.steal(planter.choose(Planted.STANDING_REGISTER, trade), months - 4, months - 2, 0.0, 0.0)
    planter.choose(Planted.LOW_POWER_FACTOR, trade)
    # Of the commonest size, which alone has peers enough.
    rows = planter.choose(Planted.UNUSED_CONTRACT, industry & (people.contracted_kw <= 100))
    plan.theft_from[rows], plan.recorded_share[rows] = 0, planter.rng.uniform(0.03, 0.06, len(rows))
    rows = planter.choose(Planted.SUMMER_THEFT, home & (base >= _WORTHWHILE_USE))
    plan.theft_from[rows], plan.recorded_share[rows] = 0, planter.rng.uniform(0.15, 0.25, len(rows))
    planter.steal(planter.choose(Planted.RECURRENCE, small), months - 5, months - 4, 0.15, 0.35)

    planter.choose(Planted.CLOSED_SEASON, people.tariff == AGRICULTURAL)
    planter.choose(Planted.NOTED_TAMPERING, small)
    planter.choose(Planted.EXPIRED_LICENCE, people.tariff == INDUSTRIAL)
    workshop = np.isin(people.tariff, [OTHER, INDUSTRIAL]) & ~people.demand
    planter.choose(Planted.SMALL_CONTRACT, workshop & (base >= _WORTHWHILE_USE))
    three = people.three_phase & (base >= _WORTHWHILE_USE)
    for kind, hosts in (
        (Planted.TAMPER_AFTER_THEFT, small),
        (Planted.REVERSE_ENERGY, small),
        (Planted.LOST_VOLTAGE, three),
        (Planted.MISSING_CURRENT, three),
        (Planted.EARTH_RETURN, small & ~people.three_phase),
    ):
        people.smart[planter.choose(kind, hosts)] = True
    rows = planter.choose(Planted.FLAT_LOAD, home)
    people.smart[rows] = True
    # Machines that run day and night, far above any home of that size.
    base[rows] = 0.45 * 24 * people.contracted_kw[rows]


def _plant_clusters(planter: _Planter, worthwhile: BoolArray, base: FloatArray) -> Plan:
    """Neighbours of one transformer who began together: the transformer's balance gives them away."""
    people, plan, rng = planter.people, planter.plan, planter.rng
    hosts = worthwhile & planter.free & ~people.demand & (people.transformer >= 0)
    behind = people.transformer >= 0
    everyone = np.bincount(people.transformer[behind], weights=base[behind])
    small = np.bincount(people.transformer[hosts], weights=base[hosts], minlength=len(everyone))
    # Streets of homes: behind a workshop's transformer nobody's theft shows.
    members = np.bincount(people.transformer[hosts], minlength=len(everyone))
    share_of_homes = small / np.maximum(everyone, 1.0)
    large = members >= np.median(members)
    candidates = np.flatnonzero(large & (share_of_homes >= min(0.7, float(share_of_homes[large].max()))))
    low, high = _CLUSTER_TAKES
    recorded = rng.uniform(0.08, 0.35, people.points)
    # A member takes 78 % of a use that, the large ones left out, is three quarters of the mean.
    expected_members = (low + high) / 2 / (0.78 * 0.75) * hosts.sum() / len(everyone)
    share = planter.shares.cluster_thief / max(expected_members, 1.0)
    count = min(count_of(share, people.points, planter.chunk, rng), len(candidates))
    clusters = np.sort(rng.choice(candidates, count, replace=False))
    start = Window.LEAD + rng.integers(13, planter.window.months - 5, count)
    for cluster, since in zip(clusters.tolist(), start.tolist(), strict=True):
        neighbours = rng.permutation(np.flatnonzero(hosts & (people.transformer == cluster)))
        # Several common households, not one large one.
        neighbours = neighbours[base[neighbours] <= 1.5 * np.mean(base[neighbours])]
        taken = np.cumsum(base[neighbours] * (1 - recorded[neighbours])) / everyone[cluster]
        wanted = int(np.searchsorted(taken, rng.uniform(low, high))) + 1
        rows = neighbours[: min(wanted, int(_CLUSTER_MEMBERS * len(neighbours)))]
        planter.take(Planted.CLUSTER_THIEF, rows)
        plan.cluster_of[rows] = cluster
        plan.theft_from[rows] = since
        plan.recorded_share[rows] = recorded[rows]
    return replace(plan, clusters=clusters, cluster_from=start)


def _plant_errors(planter: _Planter, base: FloatArray) -> None:
    people, plan, rng = planter.people, planter.plan, planter.rng
    anyone = np.ones(people.points, dtype=bool)
    using = people.tariff != AGRICULTURAL

    for kind in (Planted.PAYMENT_ID_AMOUNT, Planted.BILL_ID_COMPANY):
        rows = planter.choose(kind, anyone)
        plan.period[rows] = planter.periods(rows, 1, 1)
    rows = planter.choose(Planted.ARITHMETIC, using)
    plan.period[rows] = planter.periods(rows, 1, 1)
    plan.amount[rows] = rng.choice([-1, 1], len(rows)) * rng.uniform(0.2, 0.6, len(rows))
    for kind in (Planted.PERIOD_GAP, Planted.DUPLICATE_BILL):
        rows = planter.choose(kind, anyone)
        plan.period[rows] = planter.periods(rows, 2, 2)
    rows = planter.choose(Planted.PERIOD_OVERLAP, anyone)
    plan.period[rows] = planter.periods(rows, 2, 2)
    plan.amount[rows] = rng.integers(7, 14, len(rows))

    # These three are open when the utility exports: nobody has read or corrected anything since.
    last = bills_of(people, planter.window)
    rows = planter.choose(Planted.ESTIMATED_RUN, using)
    length = rng.integers(3, 6, len(rows))
    _lag(plan, rows, last[rows] - length, length, rng.uniform(0.85, 0.95, len(rows)), rng)
    rows = planter.choose(Planted.SPIKE_LOW, using & (base >= _SPIKE_USE))
    _lag(plan, rows, last[rows] - 1, np.ones_like(rows), rng.uniform(0.03, 0.1, len(rows)), rng)
    plan.lag_quality[rows] = _QUALITIES.index(ReadingQuality.ACTUAL)
    rows = planter.choose(Planted.SPIKE_HIGH, using & (base >= _SPIKE_USE))
    plan.period[rows] = last[rows] - 1
    plan.amount[rows] = rng.uniform(5, 10, len(rows))

    # Honest: one or two closed doors in a row.
    rows = np.flatnonzero(planter.free & using & (rng.random(people.points) < planter.shares.single_estimate))
    length = rng.integers(1, 3, len(rows))
    _lag(plan, rows, planter.periods(rows, 1, 3), length, rng.uniform(0.85, 1.0, len(rows)), rng)


def _lag(
    plan: Plan, rows: IntArray, since: IntArray, length: IntArray, share: FloatArray, rng: np.random.Generator
) -> None:
    plan.lag_from[rows] = since
    plan.lag_periods[rows] = length
    plan.lag_share[rows] = share
    unread = [_QUALITIES.index(ReadingQuality.ESTIMATED), _QUALITIES.index(ReadingQuality.NO_ACCESS)]
    plan.lag_quality[rows] = rng.choice(unread, len(rows))


def _plant_debts(planter: _Planter, parties: Parties) -> None:
    """Debtors leave at least three bills unpaid (monthly ones five), so that the oldest is overdue by more than 90
    days; late payers never are by more than about four weeks.
    """
    people, plan, rng, shares = planter.people, planter.plan, planter.rng, planter.shares
    bills = bills_of(people, planter.window)
    least = np.where(people.demand, 5, 3)
    private = ~people.government & ~people.has(Circumstance.NEW_POINT)
    count = min(count_of(shares.debtor, people.points, planter.chunk, rng), int(private.sum()))
    rows = rng.choice(np.flatnonzero(private), count, replace=False)
    # Most owe little: the number of unpaid bills falls off geometrically.
    unpaid = np.minimum(least[rows] + rng.geometric(0.3, count) - 1, bills[rows] - 1)
    plan.unpaid_from[rows] = bills[rows] - unpaid
    in_part = rng.random(count) < shares.unpaid_in_part
    plan.paid_share[rows] = np.where(in_part, rng.uniform(0.2, 0.6, count), 0.0)

    # Who was cut for debt had stopped paying before.
    cut = np.flatnonzero(plan.cut_from >= 0)
    step = np.where(people.demand[cut], 1, 2)
    plan.unpaid_from[cut] = np.maximum((plan.cut_from[cut] - 6) // step, 1)
    plan.paid_share[cut] = 0.0

    bodies = np.unique(parties.body[people.government])
    count = min(count_of(shares.government_debtor, len(bodies), planter.chunk, rng), len(bodies))
    unpaying = np.sort(rng.choice(bodies, count, replace=False))
    owing = np.flatnonzero(np.isin(parties.body, unpaying) & people.government)
    # Government arrears are older: up to the whole window.
    since = rng.uniform(0.05, 0.7, len(bodies))[np.searchsorted(bodies, parties.body[owing])]
    plan.unpaid_from[owing] = np.minimum((since * bills[owing]).astype(np.int64), bills[owing] - least[owing])
    planter.plan = replace(plan, unpaying_bodies=unpaying)
