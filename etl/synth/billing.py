"""Bills: energy, taxes and identifiers.

**The prices are made up.** The structure follows the official bill (steps on the 30-day equivalent, demand on the
greater of read and 90 % of contracted power, VAT on all but the duty, rounding to 1,000 rial), the figures do not.
A bill carries no balance of earlier ones: its lines add up to its payable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from etl.synth import numbers
from etl.synth.kinds import Planted
from etl.synth.parties import Parties, dates
from etl.synth.planting import Plan
from etl.synth.population import RESIDENTIAL, Population
from etl.synth.readings import BilledReadings
from etl.synth.window import DUE_DAYS, ISSUE_LAG_DAYS, BoolArray, FloatArray, IntArray, Window
from tarazu.models.enums import InvoiceKind, ReadingQuality

# kWh per 30 days at which a step ends, and rial per kWh within it.
STEP_ENDS_KWH: Final = (200.0, 300.0, 600.0)
STEP_RATES: Final = (2_500, 5_000, 9_000, 15_000)
# By class in the order of `population.CLASSES`; residential demand customers pay the first.
RATES: Final = np.array([6_000, 9_000, 5_000, 1_200, 7_000])
BAND_FACTORS: Final = (1.0, 1.5, 0.6)  # mid, peak, low
DEMAND_RATE_PER_KW: Final = 250_000  # for 30 days
SUBSCRIPTION_RIAL: Final = (45_000, 900_000)  # ordinary, demand
DUTY_SHARE: Final = 0.10
VAT_SHARE: Final = 0.10
WRONG_COMPANY_CODE: Final = 998
# Reactive over active energy where the power factor is 0.3.
_LOW_POWER_FACTOR_TANGENT: Final = 3.2

LINE_CODES: Final = (
    "energy_charge",
    "demand_charge",
    "subscription_charge",
    "electricity_duty",
    "vat",
    "rounding",
)


@dataclass(frozen=True, slots=True)
class Bills:
    """What payments need of the bills of one cohort, (bills,), and the frames `invoice` and `invoice_line` (wide:
    one column a line code).
    """

    point: IntArray
    period: IntArray
    number: IntArray
    issued_day: IntArray
    due_day: IntArray
    payable_rial: IntArray
    invoice: pl.DataFrame
    invoice_line: pl.DataFrame


def make_bills(
    readings: BilledReadings,
    people: Population,
    parties: Parties,
    plan: Plan,
    subscription: IntArray,
    meter_serials: tuple[pl.Series, pl.Series],
    window: Window,
    rng: np.random.Generator,
    *,
    monthly: bool,
) -> Bills:
    point = readings.point
    days = readings.end_day - readings.start_day
    demand, bands = _demand(readings, people, plan, window, days, rng) if monthly else ({}, None)
    residential = (people.tariff[point] == RESIDENTIAL) & ~people.demand[point]
    steps = _steps(readings.consumption_kwh, days)
    energy = _energy(readings.consumption_kwh, people.tariff[point], residential, steps, bands)
    calculated = demand.get("calculated_demand_kw")
    demand_charge = np.zeros_like(energy)
    if calculated is not None:
        demand_charge = np.round(calculated * DEMAND_RATE_PER_KW * days / 30).astype(np.int64)
    lines = _lines(energy, demand_charge, SUBSCRIPTION_RIAL[monthly])
    payable = sum(lines.values(), np.zeros_like(energy))

    year, period = window.billing_numbers(readings.end_day, monthly=monthly)
    period += 50 * readings.again  # numbered outside the regular periods
    number = subscription[point] * 1000 + readings.period * 2 + readings.again
    bill_id, payment_id = _identifiers(readings, plan, subscription, payable, year, period)
    issued = readings.end_day + ISSUE_LAG_DAYS + 3 * readings.again
    due = issued + DUE_DAYS

    row = pl.Series(point)
    keys = {
        "subscription_no": numbers.text(subscription).gather(row),
        "invoice_no": numbers.text(number),
    }
    agreement = np.where(
        (parties.next_agreement[point] >= 0)
        & (readings.end_day > window.starts[np.maximum(people.circumstance_from[point], 0)]),
        parties.next_agreement[point],
        parties.agreement[point],
    )
    first_meter, second_meter = meter_serials
    count = len(point)
    nothing = pl.repeat(None, count, dtype=pl.Float64, eager=True)
    invoice = pl.DataFrame(
        {
            **keys,
            "agreement_no": numbers.text(agreement),
            "meter_serial_no": second_meter.gather(row).zip_with(
                pl.Series(readings.second_meter), first_meter.gather(row)
            ),
            "kind": pl.repeat(InvoiceKind.ORDINARY.value, count, dtype=pl.String, eager=True),
            "billing_year": year,
            "billing_period": period,
            "bill_id": numbers.text(bill_id),
            "payment_id": numbers.text(payment_id),
            "period_start": dates(readings.start_day),
            "period_end": dates(readings.end_day),
            "issued_on": dates(issued),
            "due_on": dates(due),
            "reading_quality": pl.Series([quality.value for quality in ReadingQuality]).gather(
                pl.Series(readings.quality)
            ),
            "previous_index": readings.previous_index.astype(np.float64),
            "current_index": readings.current_index.astype(np.float64),
            "multiplier": readings.multiplier,
            "consumption_kwh": readings.consumption_kwh,
            **{name: demand.get(name, nothing) for name in _DEMAND_COLUMNS},
            **{
                f"step_{n}_kwh": pl.Series(step).set(pl.Series(~residential), None)
                for n, step in enumerate(steps, start=1)
            },
            "payable_rial": payable,
        }
    )
    # A line that a bill does not have is null, not zero.
    line_frame = pl.DataFrame({**keys, **lines}).with_columns(
        demand_charge=pl.col("demand_charge") if monthly else pl.lit(None, dtype=pl.Int64)
    )
    return Bills(point, readings.period, number, issued, due, payable, invoice, line_frame)


_DEMAND_COLUMNS: Final = (
    "mid_kwh",
    "peak_kwh",
    "low_kwh",
    "reactive_kvarh",
    "read_demand_kw",
    "calculated_demand_kw",
)


def _demand(
    readings: BilledReadings,
    people: Population,
    plan: Plan,
    window: Window,
    days: IntArray,
    rng: np.random.Generator,
) -> tuple[dict[str, FloatArray], tuple[FloatArray, FloatArray, FloatArray]]:
    """Columns of demand bills. The bands add up to register difference × printed multiplier."""
    point, count = readings.point, len(readings.point)
    habit = np.random.default_rng(rng.integers(2**63)).random((4, people.points))[:, point]
    units = np.maximum(readings.units, 0)
    mid_units = np.floor(units * (0.42 + 0.12 * habit[0] + 0.01 * rng.normal(size=count)))
    peak_units = np.floor(units * (0.13 + 0.07 * habit[1] + 0.005 * rng.normal(size=count)))
    mid, peak = mid_units * readings.multiplier, peak_units * readings.multiplier
    low = (units - mid_units - peak_units) * readings.multiplier
    total = units * readings.multiplier
    tangent = 0.25 + 0.35 * habit[2] + 0.01 * rng.normal(size=count)
    # Whoever tampers with the active path alone leaves the reactive energy, or the demand, as it truly is.
    stolen = readings.start_day >= window.starts[np.maximum(plan.theft_from[point], 0)]
    seen = np.where(stolen, np.maximum(plan.recorded_share[point], 0.01), 1.0)
    reactive = total * tangent / np.where(plan.planted(Planted.ACTIVE_PATH)[point], seen, 1.0)
    reactive = np.where(
        plan.planted(Planted.LOW_POWER_FACTOR)[point], total * _LOW_POWER_FACTOR_TANGENT, reactive
    )
    for_demand = total / np.where(plan.planted(Planted.LOW_LOAD_FACTOR)[point], seen, 1.0)
    contracted = people.contracted_kw[point]
    load_factor = 0.35 + 0.3 * habit[3] + 0.01 * rng.normal(size=count)
    # Few go beyond their contract, and by 10 % at most.
    read = np.minimum(np.round(for_demand / (24 * days) / load_factor, 1), np.round(contracted * 1.1, 1))
    columns = {
        "mid_kwh": mid,
        "peak_kwh": peak,
        "low_kwh": low,
        "reactive_kvarh": np.round(reactive),
        "read_demand_kw": read,
        "calculated_demand_kw": np.maximum(read, np.round(0.9 * contracted, 1)),
    }
    return columns, (mid, peak, low)


def _steps(consumption: FloatArray, days: IntArray) -> list[FloatArray]:
    """Energy (kWh) of the period in each step: the step limits are for 30 days, and scaled to the period's."""
    scale = days / 30
    ends = [0.0, *STEP_ENDS_KWH, np.inf]
    upper = [np.minimum(consumption, end * scale) for end in ends[1:]]
    lower = [np.minimum(consumption, end * scale) for end in ends[:-1]]
    return [np.round(high - low, 3) for high, low in zip(upper, lower, strict=True)]


def _energy(
    consumption: FloatArray,
    tariff: IntArray,
    residential: BoolArray,
    steps: list[FloatArray],
    bands: tuple[FloatArray, FloatArray, FloatArray] | None,
) -> IntArray:
    stepped = sum(
        (step * rate for step, rate in zip(steps, STEP_RATES, strict=True)), np.zeros_like(consumption)
    )
    flat = consumption * RATES[tariff]
    if bands is not None:
        weighted = sum(
            (band * factor for band, factor in zip(bands, BAND_FACTORS, strict=True)), np.zeros_like(flat)
        )
        flat += (weighted - sum(bands, np.zeros_like(flat))) * RATES[tariff]
    return np.round(np.where(residential, stepped, flat)).astype(np.int64)


def _lines(energy: IntArray, demand_charge: IntArray, subscription_rial: int) -> dict[str, IntArray]:
    subscription = np.full_like(energy, subscription_rial)
    duty = np.round(energy * DUTY_SHARE).astype(np.int64)
    vat = np.round((energy + demand_charge + subscription) * VAT_SHARE).astype(np.int64)
    total = energy + demand_charge + subscription + duty + vat
    rounding = (total + 500) // 1000 * 1000 - total
    amounts = (energy, demand_charge, subscription, duty, vat, rounding)
    return dict(zip(LINE_CODES, amounts, strict=True))


def _identifiers(
    readings: BilledReadings,
    plan: Plan,
    subscription: IntArray,
    payable: IntArray,
    year: IntArray,
    period: IntArray,
) -> tuple[IntArray, IntArray]:
    point = readings.point
    hit = plan.period[point] == readings.period
    foreign = hit & plan.planted(Planted.BILL_ID_COMPANY)[point]
    own = numbers.bill_ids(subscription)[point]
    bill_id = np.where(foreign, numbers.bill_ids(subscription, WRONG_COMPANY_CODE)[point], own)
    # A digit slipped: the tens of thousands of the amount went up or down by one.
    slipped = np.where(payable >= 20_000, payable - 10_000, payable + 10_000)
    amount = np.where(hit & plan.planted(Planted.PAYMENT_ID_AMOUNT)[point], slipped, payable)
    return bill_id, numbers.payment_ids(bill_id, amount, year, period)
