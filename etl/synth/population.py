"""Who is connected: class, power, owner, meter and circumstance of each usage point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from etl.synth.kinds import Circumstance, Shares
from etl.synth.network import Layout
from etl.synth.window import READING_DAYS, BoolArray, FloatArray, IntArray, Window
from tarazu.jalali import jalali_to_epoch_days
from tarazu.models.enums import TariffClass

CLASSES: Final = (
    TariffClass.RESIDENTIAL,
    TariffClass.OTHER,
    TariffClass.PUBLIC,
    TariffClass.AGRICULTURAL,
    TariffClass.INDUSTRIAL,
)
RESIDENTIAL, OTHER, PUBLIC, AGRICULTURAL, INDUSTRIAL = range(5)
CLASS_SHARES: Final = (0.82, 0.11, 0.025, 0.025, 0.02)
# Chance of more than 30 kW; over all classes about 2 %.
_DEMAND_SHARE: Final = np.array([0.0004, 0.025, 0.14, 0.12, 0.5])
_GOVERNMENT_SHARE_OF_PUBLIC: Final = 0.85

_ORDINARY_KW: Final = np.array([4.0, 5.5, 8.0, 11.0, 15.0, 20.0, 25.0, 30.0])
_ORDINARY_KW_SHARES: Final = np.array(
    [
        [0.25, 0.55, 0.1, 0.06, 0.03, 0.01, 0.0, 0.0],
        [0.25, 0.35, 0.15, 0.1, 0.07, 0.04, 0.03, 0.01],
        [0.0, 0.15, 0.15, 0.2, 0.2, 0.15, 0.1, 0.05],
        [0.0, 0.0, 0.0, 0.1, 0.2, 0.25, 0.25, 0.2],
        [0.0, 0.0, 0.05, 0.1, 0.2, 0.25, 0.2, 0.2],
    ]
)
_SINGLE_PHASE_KW: Final = 8.0
# Above this a customer has a transformer of its own, outside the shared network.
_OWN_TRANSFORMER_KW: Final = 150.0
# Multiplier of current (and voltage) transformers by contracted power, for meters of 5 A.
_CT_STEPS_KW: Final = np.array([30.0, 50.0, 75.0, 100.0, 150.0, 250.0, 400.0, 630.0, 1000.0, 2000.0])
_CT_MULTIPLIER: Final = np.array([1.0, 20.0, 30.0, 40.0, 60.0, 100.0, 800.0, 1200.0, 2000.0, 4000.0, 8000.0])

_CIRCUMSTANCES: Final = tuple(Circumstance)
_ON_READING_DAY: Final = (Circumstance.NEW_POINT, Circumstance.METER_EXCHANGED, Circumstance.CUT_FOR_DEBT)


@dataclass(frozen=True, slots=True)
class Population:
    """One chunk. Every array is (points,). Columns are month columns of the `Window`; -1 is none.

    `circumstance_from`/`_to` say in which month columns [from, to) the circumstance holds. New points, meter
    exchanges and cuts happen on the reading day of the month `from`, in which the point is read.
    """

    tariff: IntArray
    demand: BoolArray
    government: BoolArray
    contracted_kw: FloatArray
    three_phase: BoolArray
    transformer: IntArray
    phase: IntArray
    reading_day: IntArray
    multiplier: FloatArray
    register_digits: IntArray
    start_units: IntArray
    smart: BoolArray
    energised_day: IntArray
    circumstance: IntArray
    circumstance_from: IntArray
    circumstance_to: IntArray

    def has(self, circumstance: Circumstance) -> BoolArray:
        return np.equal(self.circumstance, _CIRCUMSTANCES.index(circumstance))

    @property
    def points(self) -> int:
        return len(self.tariff)

    def reading_column(self, column: IntArray) -> IntArray:
        """The first month column from `column` on in which the point is read."""
        return np.where(self.demand, column, column + (column + self.phase) % 2)


def count_of(share: float, points: int, chunk: int, rng: np.random.Generator) -> int:
    count = int(share * points + rng.random())
    return max(count, 1) if share > 0 and chunk == 0 else count


def populate(layout: Layout, window: Window, shares: Shares, rng: np.random.Generator) -> Population:
    points = layout.points
    tariff = rng.choice(len(CLASSES), points, p=CLASS_SHARES)
    demand = rng.random(points) < _DEMAND_SHARE[tariff]
    cumulated = np.cumsum(_ORDINARY_KW_SHARES, axis=1)[tariff]
    ordinary_kw = _ORDINARY_KW[np.minimum((rng.random((points, 1)) > cumulated).sum(axis=1), 7)]
    demand_kw = np.clip(np.round(np.exp(rng.normal(4.7, 0.9, points)) / 5) * 5, 35, 5000)
    contracted_kw = np.where(demand, demand_kw, ordinary_kw)

    digits = np.where(demand, 7, np.where(rng.random(points) < 0.12, 5, 6))
    # A five-digit meter may pass its last index within the window: a rollover, not a register turned back.
    start_units = rng.integers(3_000, np.where(digits == 5, 100_000, 120_000))

    route_phase = rng.integers(0, 2, layout.routes)
    route_day = rng.integers(0, READING_DAYS, layout.routes)
    start = int(window.starts[0])
    oldest, _ = jalali_to_epoch_days(np.array([1375]), np.array([1]), np.array([1]))
    circumstance, since, until = _circumstances(tariff, demand, layout.chunk, window, shares, rng)
    people = Population(
        tariff=tariff,
        demand=demand,
        government=(tariff == PUBLIC) & (rng.random(points) < _GOVERNMENT_SHARE_OF_PUBLIC),
        contracted_kw=contracted_kw,
        three_phase=contracted_kw > _SINGLE_PHASE_KW,
        transformer=np.where(contracted_kw > _OWN_TRANSFORMER_KW, -1, layout.transformer),
        phase=np.where(demand, 1, route_phase[layout.route]),
        reading_day=route_day[layout.route],
        multiplier=_CT_MULTIPLIER[np.searchsorted(_CT_STEPS_KW, contracted_kw)],
        register_digits=digits,
        start_units=start_units,
        smart=demand | (rng.random(points) < 0.25),
        energised_day=rng.integers(int(oldest[0]), start - 400, points),
        circumstance=circumstance,
        circumstance_from=since,
        circumstance_to=until,
    )
    on_reading_day = np.isin(circumstance, [_CIRCUMSTANCES.index(kind) for kind in _ON_READING_DAY])
    since[on_reading_day] = people.reading_column(since)[on_reading_day]
    return people


def _circumstances(
    tariff: IntArray,
    demand: BoolArray,
    chunk: int,
    window: Window,
    shares: Shares,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray, IntArray]:
    points, last = len(tariff), window.columns
    circumstance = np.zeros(points, dtype=np.int64)
    since, until = np.full(points, -1), np.full(points, last)
    home = (tariff == RESIDENTIAL) & ~demand
    small = (tariff <= OTHER) & ~demand
    hosts = {
        Circumstance.NEW_POINT: np.ones(points, dtype=bool),
        Circumstance.VACANT: small,
        Circumstance.SEASONAL: home,
        Circumstance.GENERATION: home,
        Circumstance.METER_EXCHANGED: np.ones(points, dtype=bool),
        Circumstance.NEW_OCCUPANT: small,
        Circumstance.CUT_FOR_DEBT: small,
        Circumstance.EMPTY_HOME: home,
        Circumstance.HONEST_DECLINE: small,
        Circumstance.COVER_EVENT: small,
    }
    for code, kind in enumerate(Circumstance):
        if kind is Circumstance.NONE:
            continue
        free = np.flatnonzero(hosts[kind] & (circumstance == 0))
        count = min(count_of(shares.of(kind), points, chunk, rng), len(free))
        chosen = rng.choice(free, count, replace=False)
        circumstance[chosen] = code
        since[chosen], until[chosen] = _months(kind, count, last, rng)
    # A third of the wells stand still outside the irrigation season, and the office knows it.
    idle = (tariff == AGRICULTURAL) & (circumstance == 0) & (rng.random(points) < 0.35)
    circumstance[idle] = _CIRCUMSTANCES.index(Circumstance.SEASONAL)
    since[idle] = 0
    return circumstance, since, until


def _months(kind: Circumstance, count: int, last: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    whole = np.zeros(count, dtype=np.int64), np.full(count, last)
    match kind:
        case Circumstance.SEASONAL | Circumstance.HONEST_DECLINE:
            return whole
        case Circumstance.VACANT:
            since = rng.integers(4, last - 8, count)
            return since, since + rng.integers(5, 14, count)
        case Circumstance.EMPTY_HOME:
            since = rng.integers(0, last // 2, count)
            return since, since + rng.integers(6, last, count)
        case Circumstance.CUT_FOR_DEBT:
            return rng.integers(10, last - 6, count), whole[1]
        case _:
            return rng.integers(4, last - 6, count), whole[1]
