"""Batches from single points and bills, for scenarios and for the tests of kernels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.batch import (
    NO_DAY,
    Bills,
    Events,
    ExportReadings,
    Inspections,
    Intervals,
    PointBatch,
    month_starts,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import PartyDebts, PeerGroups
    from rules.site import Site

_NO_DAY = int(NO_DAY)
# Fewer billed days say too little about a month: a third of it.
LEAST_DAYS = 10
_ENERGISED = 0  # 1970-01-01: before every scenario


@dataclass(frozen=True, slots=True)
class Bill:
    """One bill; the fields are those of `rules.batch.Bills`."""

    period_start: int
    period_end: int
    consumption_kwh: float
    invoice_id: int = -1
    installation_id: int = 1
    is_start_derived: bool = False
    due_on: int = _NO_DAY
    quality: int = 0
    previous_index: float = math.nan
    current_index: float = math.nan
    multiplier: float = 1.0
    installed_multiplier: float = math.nan
    register_digits: int = 0
    bands_kwh: float = math.nan
    reactive_kvarh: float = math.nan
    read_demand_kw: float = math.nan
    bill_id: int = -1
    payment_id: int = -1
    payable_rial: int = -1
    outstanding_rial: int = 0
    kind: int = 0
    issued_on: int = _NO_DAY
    paid_on: int = _NO_DAY
    registers: int = 0
    calculated_demand_kw: float = math.nan
    loss_factor: float = math.nan
    energy_rial: float = math.nan
    demand_rial: float = math.nan
    taxable_rial: float = math.nan
    vat_rial: float = math.nan
    rounding_rial: float = math.nan
    balance_rial: float = math.nan
    exceedance_rial: float = math.nan
    licence_rial: float = math.nan


@dataclass(frozen=True, slots=True)
class Visit:
    """What an inspection found; the fields are those of `rules.batch.Inspections`."""

    day: int
    outcome: int
    unregistered_kwh: float = math.nan
    note: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """One value; the fields are those of `rules.batch.Intervals`."""

    quantity: int
    phase: int
    second: int
    duration_minutes: int
    value: float


@dataclass(frozen=True, slots=True)
class Point:
    """One usage point with its months (kWh/day, oldest first, NaN without a bill), bills, events (day, kind), visits,
    readings of export registers (installation, day, kWh) and interval readings.
    """

    daily_kwh: Sequence[float]
    bills: Sequence[Bill] = ()
    events: Sequence[tuple[int, int]] = ()
    visits: Sequence[Visit] = ()
    exports: Sequence[tuple[int, int, float]] = ()
    intervals: Sequence[Interval] = ()
    tariff_class: int = 0
    contracted_power_kw: float = 5.0
    district_id: int = 1
    transformer_id: int = -1
    is_government: bool = False
    disconnected_on: int = _NO_DAY
    vacant_from: int = _NO_DAY
    vacant_to: int = _NO_DAY
    is_seasonal: bool = False
    has_generation: bool = False
    meter_since: int = _NO_DAY
    energised_on: int = _ENERGISED
    phase_count: int = 1
    licence_expires_on: int = _NO_DAY
    reconnected_on: int = _NO_DAY
    terms_since: int = _ENERGISED
    unallocated_rial: int = 0
    unallocated_since: int = _NO_DAY
    step_kind: int = -1
    step_on: int = _NO_DAY
    instalment_due_on: int = _NO_DAY
    instalment_rial: int = 0


_BILL_TYPES: dict[str, Any] = {
    "period_start": np.int32,
    "period_end": np.int32,
    "is_start_derived": np.bool_,
    "due_on": np.int32,
    "quality": np.int8,
    "register_digits": np.int8,
    "invoice_id": np.int64,
    "installation_id": np.int64,
    "bill_id": np.int64,
    "payment_id": np.int64,
    "payable_rial": np.int64,
    "outstanding_rial": np.int64,
    "kind": np.int8,
    "issued_on": np.int32,
    "paid_on": np.int32,
    "registers": np.int8,
}
_POINT_TYPES: dict[str, Any] = {
    "tariff_class": np.int8,
    "district_id": np.int64,
    "transformer_id": np.int64,
    "is_government": np.bool_,
    "is_seasonal": np.bool_,
    "has_generation": np.bool_,
    "disconnected_on": np.int32,
    "vacant_from": np.int32,
    "vacant_to": np.int32,
    "meter_since": np.int32,
    "energised_on": np.int32,
    "phase_count": np.int8,
    "licence_expires_on": np.int32,
    "reconnected_on": np.int32,
    "terms_since": np.int32,
    "unallocated_rial": np.int64,
    "unallocated_since": np.int32,
    "step_kind": np.int8,
    "step_on": np.int32,
    "instalment_due_on": np.int32,
    "instalment_rial": np.int64,
}
_LISTS = ("daily_kwh", "bills", "events", "visits", "exports", "intervals")


def bills_of(points: Sequence[Point]) -> Bills:
    """All bills, sorted as `Bills` asks; a bill without an id gets its place among them, from 1."""
    ordered = [
        (row, bill)
        for row, point in enumerate(points)
        for bill in sorted(point.bills, key=lambda bill: (bill.installation_id, bill.period_start))
    ]
    columns: dict[str, NDArray[Any]] = {
        f.name: np.array([getattr(bill, f.name) for _, bill in ordered], _BILL_TYPES.get(f.name, np.float64))
        for f in fields(Bill)
    }
    named = columns["invoice_id"] >= 0
    columns["invoice_id"] = np.where(named, columns["invoice_id"], np.arange(1, len(ordered) + 1))
    owners = np.array([row for row, _ in ordered], np.int32)
    return Bills(point=owners, offsets=np.searchsorted(owners, np.arange(len(points) + 1)), **columns)


def _inspections_of(points: Sequence[Point]) -> Inspections:
    rows = sorted(
        ((row, visit) for row, point in enumerate(points) for visit in point.visits),
        key=lambda item: (item[0], item[1].day, item[1].outcome, item[1].note),
    )
    return Inspections(
        np.array([row for row, _ in rows], np.int32),
        np.array([visit.day for _, visit in rows], np.int32),
        np.array([visit.outcome for _, visit in rows], np.int8),
        np.array([visit.unregistered_kwh for _, visit in rows], np.float64),
        [visit.note for _, visit in rows],
    )


def _exports_of(points: Sequence[Point]) -> ExportReadings:
    rows = sorted((row, *reading) for row, point in enumerate(points) for reading in point.exports)
    return ExportReadings(
        np.array([row for row, *_ in rows], np.int32),
        np.array([meter for _, meter, *_ in rows], np.int64),
        np.array([day for *_, day, _ in rows], np.int32),
        np.array([kwh for *_, kwh in rows], np.float64),
    )


def _intervals_of(points: Sequence[Point]) -> Intervals:
    rows = sorted(
        (row, one.quantity, one.phase, one.second, one.duration_minutes, one.value)
        for row, point in enumerate(points)
        for one in point.intervals
    )
    columns = list(zip(*rows, strict=True)) or [()] * 6
    types: list[Any] = [np.int32, np.int8, np.int8, np.int64, np.int16, np.float64]
    return Intervals(*(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))


def point_batch(
    points: Sequence[Point],
    *,
    last_month: int,
    as_of: int,
    site: Site,
    peers: PeerGroups | None = None,
    debts: PartyDebts | None = None,
) -> PointBatch:
    """The points as one bucket; all have as many months. Point i has the id i + 1 and customer i + 1."""
    ids = np.arange(1, len(points) + 1)
    events = sorted((row, day, kind) for row, point in enumerate(points) for day, kind in point.events)
    columns: dict[str, Any] = {
        f.name: np.array([getattr(point, f.name) for point in points], _POINT_TYPES.get(f.name, np.float64))
        for f in fields(Point)
        if f.name not in _LISTS
    }
    return PointBatch(
        usage_point_id=ids,
        subscription_no=[f"{i}" for i in ids],
        customer_id=ids,
        party_id=ids,
        customer_no=[f"G{i}" if point.is_government else "" for i, point in zip(ids, points, strict=True)],
        daily_kwh=np.array([point.daily_kwh for point in points], np.float32),
        last_month=last_month,
        bills=bills_of(points),
        events=Events(
            np.array([row for row, _, _ in events], np.int32),
            np.array([day for _, day, _ in events], np.int32),
            np.array([kind for _, _, kind in events], np.int16),
        ),
        inspections=_inspections_of(points),
        exports=_exports_of(points),
        intervals=_intervals_of(points),
        as_of=as_of,
        site=site,
        peers=peers,
        debts=debts,
        **columns,
    )


def panel_of(bills: Sequence[Bill], last_month: int, months: int) -> list[float]:
    """Daily use by month, kWh: each bill spread evenly over its days, as the lake does it.

    Bills that overlap add their energy and count their days once; a month of which fewer than `LEAST_DAYS` are
    billed is unknown.
    """
    starts = month_starts(last_month, months).tolist()
    panel: list[float] = []
    for first, end in itertools.pairwise(starts):
        energy, days = 0.0, 0
        for bill in bills:
            billed = max(min(bill.period_end, end) - max(bill.period_start, first), 0)
            energy += bill.consumption_kwh / (bill.period_end - bill.period_start) * billed
            days += billed
        days = min(days, end - first)
        panel.append(energy / days if days >= LEAST_DAYS else math.nan)
    return panel
