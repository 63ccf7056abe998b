"""What the bills of demand customers say of active against reactive energy and of energy against demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.batch import EVENT_KINDS, PointBatch

from .grouping import median_by_group, rank_from_newest, sum_by_point, take, worst_by_point
from .registry import Field, SignalValues, signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_YEAR_DAYS = 366  # a bill that ended a year before the newest began still counts
_LEAST_BEFORE = 6  # bills that make a usual value
_NOW = 3  # newest bills that make the present
_HOURS = 24.0
_LOW_POWER_FACTOR = EVENT_KINDS.index("low_power_factor")


@dataclass(frozen=True, slots=True)
class _Newest:
    """Rows of the bills that say something, the newest first of each point counted from 0; arrays are (rows,)."""

    row: NDArray[np.int64]
    point: NDArray[np.int32]
    rank: NDArray[np.int64]
    days: NDArray[np.float64]


def _newest(batch: PointBatch, told: NDArray[np.bool_]) -> _Newest:
    bills = batch.bills
    rows = np.flatnonzero(told)
    order, rank = rank_from_newest(bills.point[rows], bills.period_end[rows])
    row = rows[order]
    days = (bills.period_end[row] - bills.period_start[row]).astype(np.float64)
    return _Newest(row, bills.point[row], rank, days)


def _edge(
    batch: PointBatch, chosen: _Newest, now: NDArray[np.bool_], name: str, *, first: bool
) -> NDArray[np.int64]:
    """(points,) the first or last of the days `name` of the bills that are now."""
    day = getattr(batch.bills, name)[chosen.row[now]].astype(np.int64)
    has, at = worst_by_point(chosen.point[now], -day if first else day, len(batch))
    return take(at, has, day, 0).astype(np.int64)


@signal(
    name="reactive_ratio",
    subject="usage_point",
    title_en="jump of the reactive against the active energy",
    title_fa="جهش نسبت انرژی راکتیو به اکتیو",
    fields={
        "rise_percent": Field(
            "percent", "rise of the newest bill's ratio over the median before", "رشد نسبت به میانه پیشین"
        ),
        "reactive_change_percent": Field(
            "percent",
            "change of the reactive energy a day against its median before, without sign",
            "تغییر انرژی راکتیو روزانه نسبت به میانه پیشین",
        ),
        "ratio": Field("factor", "kvarh / kWh of the newest bill", "نسبت راکتیو به اکتیو آخرین قبض"),
        "usual_ratio": Field("factor", "median of the bills of a year before", "میانه یک سال پیش از آن"),
        "bills": Field("count", "bills behind the median", "قبض‌های سازنده میانه"),
        "lost_kwh": Field(
            "kWh",
            "active energy that the usual ratio adds to the newest bill",
            "انرژی اکتیو متناظر نسبت معمول، افزون بر آخرین قبض",
        ),
        "since": Field("date", "start of the newest bill", "آغاز آخرین قبض"),
        "until": Field("date", "end of the newest bill", "پایان آخرین قبض"),
    },
    formula="tan φ = kvarh / kWh; newest against the median of the bills that ended within a year before it began",
    missing=(
        "absent where the bills carry no reactive energy, fewer than six bills of the year before have both energies "
        "above zero, or the newest has none"
    ),
    source="ratio of active and reactive energy as a feature of non-technical losses",
    needs=("bills", "reactive"),
)
def reactive_ratio(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    both = _newest(batch, (bills.reactive_kvarh > 0) & (bills.consumption_kwh > 0))
    row, point = both.row, both.point
    ratio = bills.reactive_kvarh[row] / bills.consumption_kwh[row]
    a_day = bills.reactive_kvarh[row] / both.days
    newest = both.rank == 0
    has = np.zeros(points, np.bool_)
    has[point[newest]] = True

    def now(value: NDArray[np.float64]) -> NDArray[np.float64]:
        values = np.ones(points)
        values[point[newest]] = value[newest]
        return values

    begun = np.zeros(points, np.int64)
    begun[point[newest]] = bills.period_start[row[newest]]
    end = bills.period_end[row]
    before = ~newest & (end <= begun[point]) & (end > begun[point] - _YEAR_DAYS)
    count = np.bincount(point[before], minlength=points)
    usual = median_by_group(point[before], ratio[before], points)
    usual_day = median_by_group(point[before], a_day[before], points)
    kwh, kvarh = now(bills.consumption_kwh[row]), now(bills.reactive_kvarh[row])
    present = has & (count >= _LEAST_BEFORE)
    invoice = np.full(points, -1, np.int64)
    invoice[point[newest]] = bills.invoice_id[row[newest]]
    return SignalValues(
        present,
        {
            "rise_percent": (now(ratio) / usual - 1.0) * 100.0,
            "reactive_change_percent": np.abs(now(a_day) / usual_day - 1.0) * 100.0,
            "ratio": now(ratio),
            "usual_ratio": usual,
            "bills": count,
            "lost_kwh": np.where(present, np.maximum(kvarh / usual - kwh, 0.0), 0.0),
            "since": begun,
            "until": _edge(batch, both, newest, "period_end", first=False),
        },
        invoice,
    )


@signal(
    name="power_factor",
    subject="usage_point",
    title_en="power factor of the newest bills",
    title_fa="ضریب توان آخرین قبض‌ها",
    fields={
        "power_factor": Field("factor", "kWh over the apparent energy", "نسبت انرژی اکتیو به ظاهری"),
        "daily_kwh": Field("kWh/day", "active energy a day", "انرژی اکتیو روزانه"),
        "kvarh": Field("kvarh", "reactive energy", "انرژی راکتیو"),
        "events": Field("count", "low power factor events of a year", "رخدادهای ضریب توان پایین در یک سال"),
        "lost_kwh": Field(
            "kWh",
            "active energy that an ordinary power factor adds",
            "انرژی اکتیو متناظر ضریب توان عادی، افزون بر قبض",
        ),
        "since": Field("date", "start of the first of these bills", "آغاز این قبض‌ها"),
        "until": Field("date", "end of the newest", "پایان آخرین قبض"),
    },
    formula="Σ kWh / √((Σ kWh)² + (Σ kvarh)²) over the newest three bills that carry reactive energy",
    missing="absent where no bill carries reactive energy, or these have neither active nor reactive energy",
    source="low power factor as a sign of a tampered active path; events of meters",
    needs=("bills", "reactive"),
)
def power_factor(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    told = _newest(batch, ~np.isnan(bills.reactive_kvarh))
    now = told.rank < _NOW
    row, point = told.row[now], told.point[now]
    kwh = sum_by_point(point, bills.consumption_kwh[row], points)
    kvarh = sum_by_point(point, bills.reactive_kvarh[row], points)
    days = sum_by_point(point, told.days[now], points)
    apparent = np.hypot(kwh, kvarh)
    ordinary = batch.site.ordinary_power_factor
    events = batch.events
    reported = (events.kind == _LOW_POWER_FACTOR) & (events.day <= batch.as_of)
    reported &= events.day > batch.as_of - _YEAR_DAYS
    return SignalValues(
        apparent > 0,
        {
            "power_factor": kwh / np.where(apparent > 0, apparent, 1.0),
            "daily_kwh": kwh / np.maximum(days, 1.0),
            "kvarh": kvarh,
            "events": np.bincount(events.point[reported], minlength=points),
            "lost_kwh": np.maximum(kvarh * ordinary / np.sqrt(1.0 - ordinary * ordinary) - kwh, 0.0),
            "since": _edge(batch, told, now, "period_start", first=True),
            "until": _edge(batch, told, now, "period_end", first=False),
        },
    )


@signal(
    name="load_factor",
    subject="usage_point",
    title_en="load factor of the newest bills",
    title_fa="ضریب بار آخرین قبض‌ها",
    fields={
        "load_factor_percent": Field(
            "percent",
            "energy as a share of the read demand over all hours",
            "نسبت انرژی به قدرت قرائت در همه ساعت‌ها",
        ),
        "peak_of_contract_percent": Field(
            "percent", "largest read demand as a share of the contract", "نسبت بیشترین قدرت قرائت به قراردادی"
        ),
        "peak_kw": Field("kW", "largest read demand", "بیشترین قدرت قرائت"),
        "kwh": Field("kWh", "energy of these bills", "انرژی این قبض‌ها"),
        "lost_kwh": Field(
            "kWh",
            "what the median load factor of the year before adds, 0 where fewer than six bills make one",
            "انرژی متناظر میانه ضریب بار سال پیش، افزون بر این قبض‌ها",
        ),
        "since": Field("date", "start of the first of these bills", "آغاز این قبض‌ها"),
        "until": Field("date", "end of the newest", "پایان آخرین قبض"),
    },
    formula="Σ kWh / Σ (read kW × 24 h × days) × 100 over the newest three bills with a read demand above zero",
    missing="absent where no bill has a read demand above zero or the contracted power is unknown",
    source="load factor, average over peak, as a feature of load profiles",
    needs=("bills", "demands", "contracts"),
)
def load_factor(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    told = _newest(batch, bills.read_demand_kw > 0)
    demand = bills.read_demand_kw[told.row]
    full = demand * _HOURS * told.days
    energy = bills.consumption_kwh[told.row]
    now = told.rank < _NOW
    point = told.point
    kwh, possible = sum_by_point(point[now], energy[now], points), sum_by_point(point[now], full[now], points)
    has, at = worst_by_point(point[now], demand[now], points)
    peak = take(at, has, demand[now], 0.0)
    since = _edge(batch, told, now, "period_start", first=True)
    end = bills.period_end[told.row]
    before = ~now & (end <= since[point]) & (end > since[point] - _YEAR_DAYS)
    usual = median_by_group(point[before], energy[before] / full[before], points)
    enough = np.bincount(point[before], minlength=points) >= _LEAST_BEFORE
    power = np.nan_to_num(batch.contracted_power_kw)
    return SignalValues(
        has & (power > 0),
        {
            "load_factor_percent": kwh / np.where(possible > 0, possible, 1.0) * 100.0,
            "peak_of_contract_percent": peak / np.where(power > 0, power, 1.0) * 100.0,
            "peak_kw": peak,
            "kwh": kwh,
            "lost_kwh": np.where(enough, np.maximum(np.nan_to_num(usual) * possible - kwh, 0.0), 0.0),
            "since": since,
            "until": _edge(batch, told, now, "period_end", first=False),
        },
    )
