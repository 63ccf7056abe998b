"""What smart meters, export registers, licences and visits add to a chunk, with what is planted in them."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from etl.synth import numbers
from etl.synth.kinds import Planted
from etl.synth.parties import dates
from etl.synth.planting import Plan
from etl.synth.population import AGRICULTURAL, INDUSTRIAL, Population
from etl.synth.window import FloatArray, IntArray, Window
from tarazu.models.enums import (
    EndDeviceEventKind,
    InspectionOutcome,
    MeteredQuantity,
    ReadingQuality,
    Register,
)

Tables = dict[str, pl.DataFrame]

# Honest smart meters of a chunk that deliver intervals, of one and of three phases.
_HONEST_METERS: Final = 5
_ENERGY_DAYS, _PHASE_DAYS, _PHASE_MINUTES = 14, 2, 30
# Hours of a home's day; the sum is one.
_HOME_DAY: Final = np.array([2, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 6, 7, 8, 7, 6, 3, 2]) / 100.0
_VOLTAGE: Final = 230.0
# The contract that a workshop outgrew by that factor.
_OUTGROWN: Final = 1.4
_NEUTRAL: Final = 4
_TEHRAN_SECONDS: Final = 12_600


def add_metering(
    tables: Tables,
    people: Population,
    plan: Plan,
    base: FloatArray,
    subscription: IntArray,
    serials: pl.Series,
    window: Window,
    rng: np.random.Generator,
) -> Tables:
    """The tables with `interval_reading` and the licences beside what they had. `base` is kWh a day, (points,)."""
    number = numbers.text(subscription)
    return {
        **tables,
        "usage_point_term": _terms(tables, people, plan, number, window, rng),
        "meter_reading": _readings(tables, plan, number, serials, window, rng),
        "end_device_event": _events(tables, plan, serials, window, rng),
        "inspection": _visits(tables, plan, subscription, window, rng),
        "interval_reading": _intervals(people, plan, base, number, serials, window, rng),
    }


def _rows(plan: Plan, *kinds: Planted) -> IntArray:
    return np.flatnonzero(np.logical_or.reduce([plan.planted(kind) for kind in kinds]))


def _terms(
    tables: Tables,
    people: Population,
    plan: Plan,
    number: pl.Series,
    window: Window,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """A licence for each production tariff, and contracts that are smaller than what is used."""
    term = tables["usage_point_term"]
    expiry = window.end_day + rng.integers(200, 2_000, people.points)
    expired = _rows(plan, Planted.EXPIRED_LICENCE)
    expiry[expired] = window.end_day - rng.integers(90, 300, len(expired))
    licensed = np.isin(people.tariff, [AGRICULTURAL, INDUSTRIAL])
    small = number.gather(pl.Series(_rows(plan, Planted.SMALL_CONTRACT)))
    days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
    most = (
        tables["invoice"]
        .filter(pl.col("subscription_no").is_in(small.implode()))
        .group_by("subscription_no")
        .agg(outgrown=((pl.col("consumption_kwh") / days).max() / 24 / _OUTGROWN).round(2))
    )
    return (
        term.with_columns(licence_expires_on=dates(np.where(licensed, expiry, -1)))
        .join(most, on="subscription_no", how="left", maintain_order="left")
        .with_columns(contracted_power_kw=pl.coalesce("outgrown", "contracted_power_kw"))
        .drop("outgrown")
    )


def _readings(
    tables: Tables,
    plan: Plan,
    number: pl.Series,
    serials: pl.Series,
    window: Window,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Export registers that advance every two months, where nobody has a contract for it."""
    rows = _rows(plan, Planted.REVERSE_ENERGY)
    columns = np.arange(window.columns - 8, window.columns, 2)
    index = np.cumsum(rng.integers(20, 90, (len(rows), len(columns))), axis=1)
    row = pl.Series(np.repeat(rows, len(columns)))
    exported = pl.DataFrame(
        {
            "subscription_no": number.gather(row),
            "meter_serial_no": serials.gather(row),
            "read_on": dates(np.tile(window.starts[columns], len(rows))),
            "register": pl.repeat(Register.EXPORT.value, len(row), dtype=pl.String, eager=True),
            "index_value": index.ravel().astype(np.float64),
            "quality": pl.repeat(ReadingQuality.ACTUAL.value, len(row), dtype=pl.String, eager=True),
        }
    )
    readings = tables["meter_reading"]
    return pl.concat([readings, exported.cast(readings.schema)])


def _events(
    tables: Tables, plan: Plan, serials: pl.Series, window: Window, rng: np.random.Generator
) -> pl.DataFrame:
    kinds = {
        Planted.TAMPER_AFTER_THEFT: (EndDeviceEventKind.METER_COVER_REMOVED, "44"),
        Planted.LOW_POWER_FACTOR: (EndDeviceEventKind.LOW_POWER_FACTOR, "205"),
        Planted.REVERSE_ENERGY: (EndDeviceEventKind.REVERSE_RUN, "47"),
    }
    parts = [tables["end_device_event"]]
    for planted, (kind, code) in kinds.items():
        rows = _rows(plan, planted)
        day = int(window.starts[-6]) + rng.integers(0, 40, len(rows))
        second = day * 86_400 + rng.integers(0, 86_400, len(rows))
        parts.append(
            pl.DataFrame(
                {
                    "meter_serial_no": serials.gather(pl.Series(rows)),
                    "occurred_at": _instants(second),
                    "kind": pl.repeat(kind.value, len(rows), dtype=pl.String, eager=True),
                    "raw_code": pl.repeat(code, len(rows), dtype=pl.String, eager=True),
                }
            )
        )
    return pl.concat(parts)


def _instants(second: IntArray) -> pl.Series:
    return pl.select(
        pl.from_epoch(pl.Series(second, dtype=pl.Int64), "s")
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
    ).to_series()


def _visits(
    tables: Tables, plan: Plan, subscription: IntArray, window: Window, rng: np.random.Generator
) -> pl.DataFrame:
    # Months before the end of the window: those of a recurrence leave room for a level before the second theft.
    kinds = {
        Planted.RECURRENCE: (13, InspectionOutcome.THEFT, "اتصال غیرمجاز پیش از کنتور، اصلاح شد"),
        Planted.TAMPER_AFTER_THEFT: (12, InspectionOutcome.THEFT, "اتصال غیرمجاز پیش از کنتور، اصلاح شد"),
        Planted.NOTED_TAMPERING: (5, InspectionOutcome.CLEAN, "کنتور سالم است ولی پلمپ ندارد"),
    }
    visits = tables["inspection"]
    parts = [visits]
    for planted, (months, outcome, note) in kinds.items():
        rows = _rows(plan, planted)
        ordered = np.full(len(rows), int(window.starts[-1 - months]))
        found = outcome is InspectionOutcome.THEFT
        kwh = np.round(rng.uniform(300, 6_000, len(rows)))
        frame = pl.DataFrame(
            {
                "inspection_no": numbers.text(subscription[rows] * 10 + 2),
                "subscription_no": numbers.text(subscription[rows]),
                "ordered_on": dates(ordered),
                "inspected_on": dates(ordered + rng.integers(1, 12, len(rows))),
                "outcome": pl.repeat(outcome.value, len(rows), dtype=pl.String, eager=True),
                "unregistered_energy_kwh": pl.Series(kwh if found else [None] * len(rows), dtype=pl.Float64),
                "note": pl.repeat(note, len(rows), dtype=pl.String, eager=True),
            }
        )
        parts.append(frame.cast(visits.schema))
    return pl.concat(parts)


def _intervals(
    people: Population,
    plan: Plan,
    base: FloatArray,
    number: pl.Series,
    serials: pl.Series,
    window: Window,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Energy by the hour for two weeks, and voltages and currents by half hour for two days, of a few meters."""
    planted = _rows(
        plan, Planted.LOST_VOLTAGE, Planted.MISSING_CURRENT, Planted.EARTH_RETURN, Planted.FLAT_LOAD
    )
    honest = [
        np.flatnonzero((plan.kind < 0) & people.smart & (people.three_phase == three) & (base > 1))
        for three in (False, True)
    ]
    rows = np.concatenate([planted, *(some[:_HONEST_METERS] for some in honest)])
    last_day = int(window.starts[-2])
    parts = [_frame(rows[:0], MeteredQuantity.ACTIVE_ENERGY_KWH, 0, np.zeros(0), np.zeros((0, 0)), 60)]

    hours = 24 * _ENERGY_DAYS
    begin = (last_day - _ENERGY_DAYS) * 86_400 - _TEHRAN_SECONDS
    shape = np.tile(_HOME_DAY, _ENERGY_DAYS) * np.exp(rng.normal(0, 0.3, (len(rows), hours)))
    flat = plan.planted(Planted.FLAT_LOAD)[rows]
    shape[flat] = (1 + rng.normal(0, 0.02, (int(flat.sum()), hours))) / 24
    kwh = np.round(base[rows, None] * shape, 3)
    parts.append(
        _frame(rows, MeteredQuantity.ACTIVE_ENERGY_KWH, 0, begin + 3_600 * np.arange(hours), kwh, 60)
    )

    steps = _PHASE_DAYS * 24 * 60 // _PHASE_MINUTES
    second = (last_day - _PHASE_DAYS) * 86_400 - _TEHRAN_SECONDS + 60 * _PHASE_MINUTES * np.arange(steps)
    phases = np.where(people.three_phase[rows], 3, 1)
    hour = np.arange(steps) * _PHASE_MINUTES // 60 % 24
    # As the meter measures: behind its current transformers.
    watts = base[rows, None] * 1000 * _HOME_DAY[hour] / people.multiplier[rows, None]
    amperes: FloatArray = watts / (_VOLTAGE * phases[:, None])
    for phase in (1, 2, 3):
        of = np.flatnonzero(phases >= phase)
        volts: FloatArray = _VOLTAGE * (1 + rng.normal(0, 0.01, (len(of), steps)))
        one: FloatArray = np.maximum(amperes[of] * (1 + rng.normal(0, 0.03, (len(of), steps))), 0.0)
        if phase == 3:
            volts[plan.planted(Planted.LOST_VOLTAGE)[rows[of]]] = 3.0
            # Where voltage is lost, there is load; where a current transformer is bridged, none is seen.
            one[plan.planted(Planted.LOST_VOLTAGE)[rows[of]]] += 1.0
            one[plan.planted(Planted.MISSING_CURRENT)[rows[of]]] *= 0.02
        one[plan.planted(Planted.MISSING_CURRENT)[rows[of]]] += 0.0 if phase == 3 else 2.0
        parts.append(
            _frame(rows[of], MeteredQuantity.VOLTAGE_V, phase, second, np.round(volts, 1), _PHASE_MINUTES)
        )
        parts.append(
            _frame(rows[of], MeteredQuantity.CURRENT_A, phase, second, np.round(one, 3), _PHASE_MINUTES)
        )
        if phase == 1:
            single = np.flatnonzero(phases[of] == 1)
            back: FloatArray = one[single] * (1 + rng.normal(0, 0.005, (len(single), steps)))
            back[plan.planted(Planted.EARTH_RETURN)[rows[of[single]]]] *= 0.4
            parts.append(
                _frame(
                    rows[of[single]],
                    MeteredQuantity.CURRENT_A,
                    _NEUTRAL,
                    second,
                    np.round(back, 3),
                    _PHASE_MINUTES,
                )
            )
    frame = pl.concat(parts)
    row = frame["row"]
    return frame.select(
        subscription_no=number.gather(row),
        meter_serial_no=serials.gather(row),
        quantity="quantity",
        phase="phase",
        started_at=_instants(frame["second"].to_numpy()),
        duration_minutes="duration_minutes",
        value="value",
    )


def _frame(
    rows: IntArray,
    quantity: MeteredQuantity,
    phase: int,
    second: FloatArray | IntArray,
    value: FloatArray,
    minutes: int,
) -> pl.DataFrame:
    """`value` is (rows, seconds)."""
    count = value.size
    return pl.DataFrame(
        {
            "row": pl.Series(np.repeat(rows, len(second)), dtype=pl.Int64),
            "quantity": pl.repeat(quantity.value, count, dtype=pl.String, eager=True),
            "phase": pl.repeat(phase, count, dtype=pl.Int16, eager=True),
            "second": pl.Series(np.tile(second, len(rows)).astype(np.int64), dtype=pl.Int64),
            "duration_minutes": pl.repeat(minutes, count, dtype=pl.Int16, eager=True),
            "value": pl.Series(value.ravel(), dtype=pl.Float64),
        }
    )
