"""What signals are computed from: the subjects of one lake bucket as arrays.

Days are days since 1970-01-01 (int32); a missing day is `NO_DAY`. Energy is kWh, money rial. A missing float is
NaN, a missing identifier or amount -1.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rules.agent_batch import AgentBatch
from rules.area_signs import AreaSigns
from rules.hourly_use import HourlyUse, hourly_use

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.doubtful_readings import DoubtfulReadings
    from rules.site import Site

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

NO_DAY = np.int32(-(2**31) + 1)
EPOCH = dt.date(1970, 1, 1)

# The order is the code that the lake stores; `tarazu.models.enums` has the words.
TARIFF_CLASSES = ("residential", "public", "agricultural", "industrial", "other")
QUALITIES = ("actual", "estimated", "self_read", "no_access")
INVOICE_KINDS = ("ordinary", "provisional", "revised", "final")
# Bits of `Bills.registers`, in the order of a meter's display; the last is reactive energy.
SIBLING_REGISTERS = ("mid", "peak", "low", "reactive")
# The official booklet's own boundary between the two price tables; exactly 30 kW is ordinary.
DEMAND_ABOVE_KW = 30.0
# The ladder of collection in its order: what was done last, and how long ago.
COLLECTION_STEPS = ("reminder", "cut_notice", "cut_order")
# Upper bounds of contracted power, kW, that separate peers; 30 is the boundary of the two price tables.
POWER_BANDS_KW = (5.0, 10.0, 30.0, 100.0, 1000.0)


def day_number(day: dt.date) -> int:
    return (day - EPOCH).days


def month_number(day: dt.date) -> int:
    """Months since year 0: 2026-01 is 24312."""
    return day.year * 12 + day.month - 1


def month_start(month: int) -> int:
    """Day number of the first day of a month number."""
    return day_number(dt.date(month // 12, month % 12 + 1, 1))


def month_starts(last_month: int, months: int) -> NDArray[np.int32]:
    """(months + 1,) day numbers of the first days of `months` months up to `last_month`, and of the month after."""
    return np.array([month_start(m) for m in range(last_month - months + 1, last_month + 2)], np.int32)


@dataclass(frozen=True, slots=True)
class Bills:
    """Bills of the points of a batch, sorted by point, installation and start. All arrays are (bills,)."""

    point: NDArray[np.int32]  # row of the point in the batch
    offsets: Ints  # (points + 1,): bills of point i are offsets[i]:offsets[i + 1]
    invoice_id: Ints
    installation_id: Ints
    period_start: NDArray[np.int32]
    period_end: NDArray[np.int32]
    is_start_derived: Bools  # the source gives no first day: it was reckoned back from a number of months
    due_on: NDArray[np.int32]
    quality: NDArray[np.int8]
    previous_index: Floats
    current_index: Floats
    multiplier: Floats
    installed_multiplier: Floats
    register_digits: NDArray[np.int8]
    consumption_kwh: Floats
    bands_kwh: Floats  # mid + peak + low, NaN where the bill has no bands
    reactive_kvarh: Floats
    read_demand_kw: Floats
    bill_id: Ints
    payment_id: Ints
    payable_rial: Ints
    outstanding_rial: Ints
    kind: NDArray[np.int8]  # index into INVOICE_KINDS
    issued_on: NDArray[np.int32]
    paid_on: NDArray[np.int32]  # last day on which something was paid for it
    registers: NDArray[np.int8]  # bit i: the bill has the register SIBLING_REGISTERS[i]
    calculated_demand_kw: Floats
    loss_factor: Floats  # as printed
    # Charges, whole rials, NaN where the bill has no such line. `taxable_rial` is the sum of all lines that bear tax.
    energy_rial: Floats
    demand_rial: Floats
    taxable_rial: Floats
    vat_rial: Floats
    rounding_rial: Floats
    balance_rial: Floats
    exceedance_rial: Floats
    licence_rial: Floats

    def __len__(self) -> int:
        return len(self.point)


@dataclass(frozen=True, slots=True)
class Events:
    """Events of the meters at the points that rules look at, sorted by point and day. All arrays are (events,)."""

    point: NDArray[np.int32]
    day: NDArray[np.int32]
    kind: NDArray[np.int16]  # index into `EVENT_KINDS`


@dataclass(frozen=True, slots=True)
class Inspections:
    """Visits to the points and what they found, sorted by point and day. All arrays are (visits,)."""

    point: NDArray[np.int32]
    day: NDArray[np.int32]
    outcome: NDArray[np.int8]  # index into `OUTCOMES`
    unregistered_kwh: Floats  # NaN where none was estimated
    note: Sequence[str]  # as `tarazu.text.search_key` writes it, "" for none


@dataclass(frozen=True, slots=True)
class ExportReadings:
    """What the export registers showed, sorted by point, installation and day. All arrays are (readings,)."""

    point: NDArray[np.int32]
    installation_id: Ints
    day: NDArray[np.int32]
    index_kwh: Floats  # the register times the multiplier of its day


@dataclass(frozen=True, slots=True)
class Intervals:
    """Quantities by interval or at an instant, sorted by point, quantity, phase and time. All arrays are (readings,).

    `second` is the start, seconds since 1970 UTC. `phase` is 0 for all together, 1 to 3 for a phase, 4 for the neutral.
    """

    point: NDArray[np.int32]
    quantity: NDArray[np.int8]  # index into `QUANTITIES`
    phase: NDArray[np.int8]
    second: Ints
    duration_minutes: NDArray[np.int16]
    value: Floats


# Events that mean that somebody may have opened, blinded or reconfigured the meter (domain: rule T14).
TAMPER_EVENTS = (
    "terminal_cover_removed",
    "meter_cover_removed",
    "module_cover_opened",
    "magnetic_field",
    "wrong_password",
    "configuration_changed",
    "clock_adjusted",
    "reverse_run",
    "current_without_voltage",
    "neutral_disturbance",
    "event_log_cleared",
)
# All that the lake holds; tamper events come first, so that a code below their number is one of them.
EVENT_KINDS = (*TAMPER_EVENTS, "low_power_factor")
OUTCOMES = ("theft", "meter_fault", "billing_error", "clean", "no_access")
QUANTITIES = (
    "active_energy_kwh",
    "reactive_energy_kvarh",
    "export_energy_kwh",
    "active_power_kw",
    "voltage_v",
    "current_a",
    "power_factor",
)


@dataclass(frozen=True)
class PeerGroups:
    """Robust level of each peer group: natural logarithm of kWh/day of its members' last three known months."""

    key: Ints  # (groups,) sorted
    count: Ints
    median: Floats
    mad: Floats  # median absolute deviation, unscaled


@dataclass(frozen=True)
class PeerQuantiles:
    """How a positive quantity is spread in each peer group."""

    key: Ints  # (groups,) sorted
    count: Ints
    tenth: Floats  # the value that a tenth of the members fall short of
    median: Floats


@dataclass(frozen=True)
class TransformerLosses:
    """What the balance of each transformer says of the points behind it."""

    transformer_id: Ints  # (transformers,) sorted
    non_technical_loss_percent: Floats  # NaN where there is no balance
    lost_kwh: Floats  # a month's
    explained_kwh: Floats  # a month's, of what visits within a year found behind it


@dataclass(frozen=True)
class PartyDebts:
    """What persons and bodies owe at all their points, over all buckets; sorted by party. All arrays are (parties,)."""

    party_id: Ints
    overdue_rial: Ints
    points: Ints  # that owe
    oldest_due: NDArray[np.int32]


@dataclass(frozen=True)
class Surroundings:
    """What is known of all points together, against which one bucket's are judged."""

    peers: PeerGroups
    hours_of_use: PeerQuantiles
    summer_rise: PeerQuantiles
    losses: TransformerLosses
    debts: PartyDebts
    signs: AreaSigns
    doubtful: DoubtfulReadings


@dataclass(frozen=True)
class TransformerBatch:
    """Transformers with the energy their own meter saw and what their customers were billed, by month."""

    transformer_id: Ints
    code: list[str]
    district_id: Ints
    feeder_id: Ints  # -1: unknown
    delivered_kwh: Floats  # (transformers, months), oldest first; NaN: no meter data for the whole month
    billed_kwh: Floats  # (transformers, months)
    moved_kwh: Floats  # (transformers, months) sold to customers that are proposed to hang here, less those elsewhere
    coverage: Floats  # (transformers, months) share of customers with a bill for the month
    ranked: list[str]  # the customers that go best with what is missing, in words; "–" for none
    customers: Ints
    last_month: int
    site: Site

    subject_kind = "transformer"

    def __len__(self) -> int:
        return len(self.transformer_id)

    @cached_property
    def complete(self) -> Bools:
        """(transformers, months) whether both pans of the scales are known."""
        is_known: Bools = (self.delivered_kwh > 0) & (
            self.coverage * 100.0 >= self.site.balance_coverage_percent
        )
        return is_known


@dataclass(frozen=True)
class CustomerBatch:
    """Customers with overdue debts at any of their points, over all buckets."""

    customer_id: Ints
    customer_no: list[str]
    district_id: Ints
    points: Ints
    outstanding_rial: Ints
    overdue_rial: Ints
    oldest_due: NDArray[np.int32]
    is_government: Bools
    all_overdue_rial: int  # of the whole company
    as_of: int
    site: Site

    subject_kind = "customer"

    def __len__(self) -> int:
        return len(self.customer_id)


@dataclass(frozen=True)
class PointBatch:
    """The usage points of one bucket."""

    usage_point_id: Ints
    subscription_no: Sequence[str]
    district_id: Ints
    customer_id: Ints  # -1: unknown
    customer_no: Sequence[str]  # "" where the customer is unknown
    party_id: Ints  # the same for all customers that are one person or body, -1: unknown
    transformer_id: Ints  # -1: unknown
    tariff_class: NDArray[np.int8]  # index into TARIFF_CLASSES
    contracted_power_kw: Floats
    is_government: Bools
    disconnected_on: NDArray[np.int32]
    vacant_from: NDArray[np.int32]
    vacant_to: NDArray[np.int32]
    is_seasonal: Bools
    has_generation: Bools
    meter_since: NDArray[np.int32]  # start of the newest installation
    energised_on: NDArray[np.int32]
    reconnected_on: NDArray[np.int32]  # end of the newest cut that has ended
    terms_since: NDArray[np.int32]  # start of the newest terms: tariff class and contracted power
    unallocated_rial: Ints  # payments of the point that settle no bill, 0 for none
    unallocated_since: NDArray[np.int32]  # the oldest of them
    step_kind: NDArray[np.int8]  # index into COLLECTION_STEPS: the newest step, -1 for none
    step_on: NDArray[np.int32]
    instalment_due_on: NDArray[np.int32]  # oldest unpaid instalment of a plan in force
    instalment_rial: Ints  # all that is unpaid of the plan, 0 for none
    daily_kwh: NDArray[np.float32]  # (points, months) average daily use by calendar month, oldest first
    last_month: int  # month number of the last column
    bills: Bills
    events: Events
    phase_count: NDArray[np.int8]  # 0: unknown
    licence_expires_on: NDArray[np.int32]
    inspections: Inspections
    exports: ExportReadings
    intervals: Intervals
    as_of: int
    site: Site
    peers: PeerGroups | None = None
    hours_of_use_peers: PeerQuantiles | None = None
    summer_rise_peers: PeerQuantiles | None = None
    losses: TransformerLosses | None = None
    debts: PartyDebts | None = None
    signs: AreaSigns | None = None
    doubtful: DoubtfulReadings | None = None

    subject_kind = "usage_point"

    def __len__(self) -> int:
        return len(self.usage_point_id)

    def among(self, around: Surroundings) -> PointBatch:
        """The same points, with what is known of all others."""
        return replace(
            self,
            peers=around.peers,
            hours_of_use_peers=around.hours_of_use,
            summer_rise_peers=around.summer_rise,
            losses=around.losses,
            debts=around.debts,
            signs=around.signs,
            doubtful=around.doubtful,
        )

    @property
    def months(self) -> int:
        return int(self.daily_kwh.shape[1])

    @cached_property
    def last_known(self) -> NDArray[np.int64]:
        """(points,) column of the last month with a bill, -1 where there is none."""
        known = ~np.isnan(self.daily_kwh)
        reverse = np.argmax(known[:, ::-1], axis=1)
        return np.where(known.any(axis=1), self.months - 1 - reverse, -1)

    @cached_property
    def aligned(self) -> Floats:
        """(points, months) the panel shifted so that each point's last known month is the last column.

        Readings come at different weeks; shifting compares the last three months that are known, not the last
        three of the calendar, of which some points have none yet.
        """
        shift = (self.months - 1 - self.last_known)[:, None]
        column = np.arange(self.months)[None, :] - shift
        daily = self.daily_kwh.astype(np.float64)
        return np.where(column >= 0, np.take_along_axis(daily, np.maximum(column, 0), axis=1), np.nan)

    @cached_property
    def is_current(self) -> Bools:
        """(points,) whether there are bills within the last four months: an old history says nothing about now.

        Four: a two-month period, a month to issue it, and one late cycle.
        """
        return self.last_known >= self.months - 4

    @cached_property
    def recent_daily_kwh(self) -> Floats:
        """(points,) mean daily use of the last three known months, NaN where one is missing."""
        if self.months < 3:
            return np.full(len(self), np.nan)
        # As the last three columns of `aligned`, without moving the others.
        column = self.last_known[:, None] + np.arange(-2, 1)[None, :]
        recent = np.take_along_axis(self.daily_kwh, np.maximum(column, 0), axis=1).astype(np.float64)
        return np.where(self.is_current & (column[:, 0] >= 0), recent.mean(axis=1), np.nan)

    @cached_property
    def hourly_use(self) -> HourlyUse:
        """Active energy of the last three months by day and hour, of the points that have it by interval."""
        return hourly_use(
            self.intervals,
            quantity=QUANTITIES.index("active_energy_kwh"),
            points=len(self),
            as_of=self.as_of,
        )

    @cached_property
    def bill_power_kw(self) -> Floats:
        """(bills,) contracted power at each bill; NaN where it is unknown or the bill is from before the present terms."""
        point = self.bills.point
        is_of_terms = self.bills.period_start >= self.terms_since[point]
        return np.where(is_of_terms, self.contracted_power_kw[point], np.nan)

    @cached_property
    def peer_key(self) -> Ints:
        """(points,) peers share district, tariff class and band of contracted power."""
        power = np.nan_to_num(self.contracted_power_kw, nan=0.0)
        band = np.searchsorted(np.array(POWER_BANDS_KW), power, side="left")
        key: Ints = (self.district_id * 8 + self.tariff_class) * 8 + band
        return key


Batch = PointBatch | TransformerBatch | CustomerBatch | AgentBatch
