"""From energy to what stands on registers and bills, with everything that goes wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etl.synth.kinds import Circumstance, Planted
from etl.synth.planting import Plan
from etl.synth.population import Population
from etl.synth.window import BoolArray, FloatArray, IntArray, Window


@dataclass(frozen=True, slots=True)
class BilledReadings:
    """One row a bill of a cohort (two-monthly or monthly), ordered by point and period; arrays are (bills,).

    `point` is the row of the chunk's population, `period` the number of the bill of that point from 0. Days are
    since 1970. `units` is what the register moved by (negative when turned back), `consumption_kwh` what the bill
    says. `second_meter` is true after a meter exchange, `again` on the second of two bills for one period.
    """

    point: IntArray
    period: IntArray
    start_day: IntArray
    end_day: IntArray
    previous_index: IntArray
    current_index: IntArray
    units: IntArray
    multiplier: FloatArray
    consumption_kwh: FloatArray
    quality: IntArray
    second_meter: BoolArray
    again: BoolArray


# Khordad to Shahrivar: when air conditioners run past the meter.
_SUMMER = (3, 4, 5, 6)


def recorded_share(plan: Plan, window: Window) -> FloatArray:
    """What of the true use the meter sees, (points, columns)."""
    columns = window.columns
    column = np.arange(columns)
    stolen = (plan.theft_from[:, None] >= 0) & (column >= plan.theft_from[:, None])
    share = np.where(stolen, plan.recorded_share[:, None], 1.0)
    rows = np.flatnonzero(plan.planted(Planted.SUMMER_THEFT))
    summer = np.isin(window.month_of_year[:columns], _SUMMER)
    share[rows] = np.where(summer, plan.recorded_share[rows, None], 1.0)
    rows = np.flatnonzero(plan.planted(Planted.SLOW_DECLINE))
    since = plan.theft_from[rows, None]
    progress = np.clip((column - since + 1) / (columns - since), 0.0, 1.0)
    share[rows] = 1 - progress * (1 - plan.recorded_share[rows, None])
    return share


def billed_share(people: Population, plan: Plan, window: Window) -> FloatArray:
    """What of the recorded energy a wrong multiplier lets onto the bill, (points, columns)."""
    wrong = plan.planted(Planted.SMALL_MULTIPLIER)
    first = people.phase + np.where(people.demand, 1, 2) * np.maximum(plan.period, 0)
    since = wrong[:, None] & (np.arange(window.columns) >= first[:, None])
    return np.where(since, plan.amount[:, None], 1.0)


def read_registers(
    rows: IntArray, people: Population, plan: Plan, recorded: FloatArray, window: Window, *, monthly: bool
) -> tuple[BilledReadings, FloatArray]:
    """Bills of the points `rows`, and the energy in kWh by which a register turned back or a wrong multiplier
    made theirs too small, (rows,). `recorded` is kWh a day, (points, columns).
    """
    column = window.reading_columns(monthly=monthly)[None, :] - (1 - people.phase[rows])[:, None]
    day = people.reading_day[rows, None]
    reading_day = window.starts[column] + day
    daily = recorded[rows]
    before = np.cumsum(daily * window.lengths, axis=1) - daily * window.lengths
    energy = np.take_along_axis(before + daily * day, column, axis=1)

    multiplier = people.multiplier[rows, None]
    first = np.floor(people.start_units[rows, None] + (energy - energy[:, :1]) / multiplier).astype(np.int64)
    exchanged = people.has(Circumstance.METER_EXCHANGED)[rows, None]
    new = people.has(Circumstance.NEW_POINT)[rows, None]
    # The meter of a new point and the second one of an exchange begin at zero on a reading day.
    begin = _beginning(people, rows, column)
    at_begin = np.take_along_axis(energy, begin, axis=1)
    second = np.floor(np.maximum(energy - at_begin, 0) / multiplier).astype(np.int64)

    _lag(first, plan, rows)
    lost_units = _shift(first, plan, rows)

    periods = column.shape[1] - 1
    period = np.broadcast_to(np.arange(periods), (len(rows), periods))
    after = (exchanged | new) & (period >= begin)
    previous = np.where(after, second[:, :-1], first[:, :-1])
    current = np.where(after, second[:, 1:], first[:, 1:])
    units = current - previous

    printed = np.broadcast_to(multiplier, units.shape).copy()
    wrong = plan.planted(Planted.SMALL_MULTIPLIER)[rows][:, None] & (period >= plan.period[rows, None])
    printed[wrong] *= np.broadcast_to(plan.amount[rows, None], units.shape)[wrong]
    consumption = np.maximum(units, 0) * printed
    lost_kwh = lost_units * people.multiplier[rows] + (units * (multiplier - printed)).sum(axis=1)
    hit = (period == plan.period[rows, None]) & plan.planted(Planted.ARITHMETIC)[rows][:, None]
    error = np.round(np.maximum(consumption, 50 * multiplier) * plan.amount[rows, None])
    consumption = np.where(hit, np.maximum(consumption + error, 0), consumption)
    # Where subtracting came to nothing (no use), the clerk's error adds.
    consumption = np.where(hit & (consumption == units * printed), consumption - error, consumption)

    unread = (period >= plan.lag_from[rows, None]) & (period < (plan.lag_from + plan.lag_periods)[rows, None])
    quality = np.where(unread & (plan.lag_from[rows, None] >= 0), plan.lag_quality[rows, None], 0)

    start_day = reading_day[:, :-1].copy()
    hit = (period == plan.period[rows, None]) & plan.planted(Planted.PERIOD_OVERLAP)[rows][:, None]
    start_day -= np.where(hit, plan.amount[rows, None], 0).astype(np.int64)

    keep = ~((period == plan.period[rows, None]) & plan.planted(Planted.PERIOD_GAP)[rows][:, None])
    keep &= ~new | (period >= begin)
    twice = (period == plan.period[rows, None]) & plan.planted(Planted.DUPLICATE_BILL)[rows][:, None]
    flat = np.sort(np.concatenate([np.flatnonzero(keep), np.flatnonzero(twice)]))

    register = 10 ** people.register_digits[rows[flat // periods]]
    return (
        BilledReadings(
            point=rows[flat // periods],
            period=flat % periods,
            start_day=start_day.ravel()[flat],
            end_day=reading_day[:, 1:].ravel()[flat],
            previous_index=previous.ravel()[flat] % register,
            current_index=current.ravel()[flat] % register,
            units=units.ravel()[flat],
            multiplier=printed.ravel()[flat],
            consumption_kwh=consumption.ravel()[flat],
            quality=quality.ravel()[flat],
            second_meter=(after & exchanged).ravel()[flat],
            again=np.diff(flat, prepend=-1) == 0,
        ),
        lost_kwh,
    )


def _beginning(people: Population, rows: IntArray, column: IntArray) -> IntArray:
    """Number of the reading on whose day a circumstance began, (rows, 1); 0 where there is none."""
    before = (column < people.circumstance_from[rows, None]).sum(axis=1, keepdims=True)
    beginning: IntArray = np.minimum(before, column.shape[1] - 2)
    return beginning


def _lag(units: IntArray, plan: Plan, rows: IntArray) -> None:
    """Registers not read, or misread: the bill takes a share of the use, the next actual reading the rest."""
    hit = np.flatnonzero(plan.lag_from[rows] >= 0)
    since = plan.lag_from[rows[hit], None]
    reading = np.arange(units.shape[1])
    within = (reading > since) & (reading <= since + plan.lag_periods[rows[hit], None])
    last_read = np.take_along_axis(units[hit], since, axis=1)
    share = plan.lag_share[rows[hit], None]
    lagging = last_read + np.floor(share * (units[hit] - last_read)).astype(np.int64)
    units[hit] = np.where(within, lagging, units[hit])


def _shift(units: IntArray, plan: Plan, rows: IntArray) -> IntArray:
    """Registers turned back or jumped at the end of a period; the units so lost, (rows,)."""
    lost = np.zeros(len(rows), dtype=np.int64)
    kind = plan.planted(Planted.REGISTER_TURNED_BACK) | plan.planted(Planted.SPIKE_HIGH)
    hit = np.flatnonzero(kind[rows])
    period = plan.period[rows[hit], None]
    previous = np.take_along_axis(units[hit], period, axis=1)
    current = np.take_along_axis(units[hit], period + 1, axis=1)
    amount = plan.amount[rows[hit], None]
    # A hundred units at least, so that it shows where little was used; half of the register at most.
    shift = np.trunc(amount * np.maximum(current - previous, 100)).astype(np.int64)
    shift = np.maximum(shift, -(previous // 2))
    units[hit] += np.where(np.arange(units.shape[1]) > period, shift, 0)
    lost[hit] = np.where(amount < 0, -shift, 0)[:, 0]
    return lost
