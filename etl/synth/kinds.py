"""What the synthetic utility plants, what it makes look alike though innocent, and how much of each."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final


class Planted(StrEnum):
    """Kinds of `truth.csv`. A losing transformer is not planted but follows: one behind which single thieves take so
    much that its balance shows it.
    """

    CLUSTER_TRANSFORMER = "cluster_transformer"
    CLUSTER_THIEF = "cluster_thief"
    SMALL_MULTIPLIER = "small_multiplier"
    BYPASS_TO_ZERO = "bypass_to_zero"
    SUDDEN_DROP = "sudden_drop"
    SLOW_DECLINE = "slow_decline"
    TAMPER_EVENT = "tamper_event"
    REGISTER_TURNED_BACK = "register_turned_back"
    LOW_FROM_BEGINNING = "low_from_beginning"
    USE_AFTER_CUT = "use_after_cut"
    PAYMENT_ID_AMOUNT = "payment_id_amount"
    BILL_ID_COMPANY = "bill_id_company"
    ARITHMETIC = "arithmetic"
    PERIOD_GAP = "period_gap"
    PERIOD_OVERLAP = "period_overlap"
    DUPLICATE_BILL = "duplicate_bill"
    ESTIMATED_RUN = "estimated_run"
    SPIKE_HIGH = "spike_high"
    SPIKE_LOW = "spike_low"
    ACTIVE_PATH = "active_path"
    LOW_LOAD_FACTOR = "low_load_factor"
    UNUSED_CONTRACT = "unused_contract"
    STANDING_REGISTER = "standing_register"
    SUMMER_THEFT = "summer_theft"
    CLOSED_SEASON = "closed_season"
    RECURRENCE = "recurrence"
    TAMPER_AFTER_THEFT = "tamper_after_theft"
    NOTED_TAMPERING = "noted_tampering"
    EXPIRED_LICENCE = "expired_licence"
    SMALL_CONTRACT = "small_contract"
    LOW_POWER_FACTOR = "low_power_factor"
    REVERSE_ENERGY = "reverse_energy"
    LOST_VOLTAGE = "lost_voltage"
    MISSING_CURRENT = "missing_current"
    EARTH_RETURN = "earth_return"
    FLAT_LOAD = "flat_load"
    DEBTOR = "debtor"
    GOVERNMENT_DEBTOR = "government_debtor"
    LOSING_TRANSFORMER = "losing_transformer"
    PERIOD_SHIFTED = "period_shifted"
    NOT_ROUNDED = "not_rounded"
    WRONG_SEGMENT = "wrong_segment"
    REVISED_TWICE = "revised_twice"
    ISSUED_LATE = "issued_late"
    REGISTER_MISSING = "register_missing"
    SELF_READ_LOW = "self_read_low"
    UNDERTAXED = "undertaxed"
    DEMAND_TOO_SMALL = "demand_too_small"
    MISPRICED = "mispriced"
    PAID_TWICE = "paid_twice"
    RECONNECTED = "reconnected"


# The rules that ought to fire; others may fire too (a bypass is also a sudden drop). C02 of a debtor depends on the
# amount and is decided in `truth`.
EXPECTED_RULES: Final[dict[Planted, str]] = {
    Planted.CLUSTER_TRANSFORMER: "T17",
    Planted.LOSING_TRANSFORMER: "T17",
    Planted.CLUSTER_THIEF: "T02",
    Planted.SMALL_MULTIPLIER: "B02 T18",
    Planted.BYPASS_TO_ZERO: "T01",
    Planted.SUDDEN_DROP: "T02",
    Planted.SLOW_DECLINE: "T03",
    Planted.TAMPER_EVENT: "T14",
    Planted.REGISTER_TURNED_BACK: "T04",
    Planted.LOW_FROM_BEGINNING: "T15",
    Planted.USE_AFTER_CUT: "T19",
    Planted.PAYMENT_ID_AMOUNT: "B01",
    Planted.BILL_ID_COMPANY: "B01",
    Planted.ARITHMETIC: "B02",
    Planted.PERIOD_GAP: "B04",
    Planted.PERIOD_OVERLAP: "B04",
    Planted.DUPLICATE_BILL: "B04",
    Planted.ESTIMATED_RUN: "B12",
    Planted.SPIKE_HIGH: "B13",
    Planted.SPIKE_LOW: "B13",
    Planted.ACTIVE_PATH: "T09",
    Planted.LOW_LOAD_FACTOR: "T10",
    Planted.UNUSED_CONTRACT: "T11",
    Planted.STANDING_REGISTER: "T13",
    Planted.SUMMER_THEFT: "T16",
    Planted.CLOSED_SEASON: "T29",
    Planted.RECURRENCE: "T22",
    Planted.TAMPER_AFTER_THEFT: "T27",
    Planted.NOTED_TAMPERING: "T23",
    Planted.EXPIRED_LICENCE: "T21",
    Planted.SMALL_CONTRACT: "T12",
    Planted.LOW_POWER_FACTOR: "T24",
    Planted.REVERSE_ENERGY: "T05",
    Planted.LOST_VOLTAGE: "T06",
    Planted.MISSING_CURRENT: "T07",
    Planted.EARTH_RETURN: "T08",
    Planted.FLAT_LOAD: "T20",
    Planted.DEBTOR: "C01",
    Planted.GOVERNMENT_DEBTOR: "C07",
    Planted.PERIOD_SHIFTED: "B03",
    Planted.NOT_ROUNDED: "B10",
    Planted.WRONG_SEGMENT: "B19",
    Planted.REVISED_TWICE: "B20",
    Planted.ISSUED_LATE: "B17",
    Planted.REGISTER_MISSING: "B18",
    Planted.SELF_READ_LOW: "B15",
    Planted.UNDERTAXED: "B09",
    Planted.DEMAND_TOO_SMALL: "B06",
    Planted.MISPRICED: "B05",
    Planted.PAID_TWICE: "C09",
    Planted.RECONNECTED: "C08",
}

THEFT: Final = frozenset(
    {
        Planted.CLUSTER_THIEF,
        Planted.SMALL_MULTIPLIER,
        Planted.BYPASS_TO_ZERO,
        Planted.SUDDEN_DROP,
        Planted.SLOW_DECLINE,
        Planted.TAMPER_EVENT,
        Planted.REGISTER_TURNED_BACK,
        Planted.LOW_FROM_BEGINNING,
        Planted.USE_AFTER_CUT,
        Planted.ACTIVE_PATH,
        Planted.LOW_LOAD_FACTOR,
        Planted.UNUSED_CONTRACT,
        Planted.STANDING_REGISTER,
        Planted.SUMMER_THEFT,
        Planted.RECURRENCE,
    }
)

# Of industry or other demand customers, of whom a utility of a few hundred points may have none to spare.
OF_DEMAND: Final = frozenset(
    {
        Planted.ACTIVE_PATH,
        Planted.LOW_LOAD_FACTOR,
        Planted.UNUSED_CONTRACT,
        Planted.STANDING_REGISTER,
        Planted.LOW_POWER_FACTOR,
        Planted.EXPIRED_LICENCE,
    }
)


class Circumstance(StrEnum):
    """Innocent conditions, each of which resembles some theft or error."""

    NONE = "none"
    NEW_POINT = "new_point"
    VACANT = "vacant"
    SEASONAL = "seasonal"
    GENERATION = "generation"
    METER_EXCHANGED = "meter_exchanged"
    NEW_OCCUPANT = "new_occupant"
    CUT_FOR_DEBT = "cut_for_debt"
    EMPTY_HOME = "empty_home"
    HONEST_DECLINE = "honest_decline"
    COVER_EVENT = "cover_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares of the usage points to which something is planted or happens (`government_debtor`: of government
    bodies; `unpaid_in_part`: of the debtors). Theft adds up to 2.7 %, billing errors to 1.5 %.

    A share above zero gives at least one of its kind in the first chunk, so that a small utility shows all of
    them; the others are rounded at random, so that the expectation is exact.

    Raises ValueError where a share is outside 0–1.
    """

    cluster_thief: float = 0.0040
    small_multiplier: float = 0.0006
    bypass_to_zero: float = 0.0030
    sudden_drop: float = 0.0055
    slow_decline: float = 0.0025
    tamper_event: float = 0.0035
    register_turned_back: float = 0.0020
    low_from_beginning: float = 0.0025
    use_after_cut: float = 0.0014

    payment_id_amount: float = 0.0015
    bill_id_company: float = 0.0010
    arithmetic: float = 0.0025
    period_gap: float = 0.0015
    period_overlap: float = 0.0010
    duplicate_bill: float = 0.0010
    estimated_run: float = 0.0030
    spike_high: float = 0.0020
    spike_low: float = 0.0015

    active_path: float = 0.0002
    low_load_factor: float = 0.0002
    unused_contract: float = 0.0002
    standing_register: float = 0.0002
    summer_theft: float = 0.0004
    closed_season: float = 0.0003
    recurrence: float = 0.0003
    tamper_after_theft: float = 0.0003
    noted_tampering: float = 0.0004
    expired_licence: float = 0.0004
    small_contract: float = 0.0003
    low_power_factor: float = 0.0002
    reverse_energy: float = 0.0003
    lost_voltage: float = 0.0002
    missing_current: float = 0.0002
    earth_return: float = 0.0002
    flat_load: float = 0.0003

    period_shifted: float = 0.0005
    not_rounded: float = 0.0005
    wrong_segment: float = 0.0005
    revised_twice: float = 0.0003
    issued_late: float = 0.001
    register_missing: float = 0.0003
    self_read_low: float = 0.0003
    undertaxed: float = 0.0005
    demand_too_small: float = 0.0003
    mispriced: float = 0.0005
    paid_twice: float = 0.001
    reconnected: float = 0.0005

    debtor: float = 0.04
    government_debtor: float = 0.35
    unpaid_in_part: float = 0.2

    new_point: float = 0.015
    vacant: float = 0.012
    seasonal: float = 0.008
    generation: float = 0.003
    meter_exchanged: float = 0.02
    new_occupant: float = 0.006
    cut_for_debt: float = 0.003
    empty_home: float = 0.001
    honest_decline: float = 0.006
    cover_event: float = 0.004
    single_estimate: float = 0.04
    late_payment: float = 0.12
    inspected: float = 0.008

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not 0 <= share <= 1:
                raise ValueError(f"The share {field.name} is {share}; it must be within 0 and 1.")

    def of(self, kind: Planted | Circumstance) -> float:
        return float(getattr(self, kind.value))

    @classmethod
    def honest(cls) -> Shares:
        """Nothing planted; the innocent circumstances stay."""
        fates = {field.name for field in fields(cls)}
        return cls(**{kind.value: 0.0 for kind in Planted if kind.value in fates})
