"""Usage points, their terms and states, their meters and what those reported, and visits."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from etl.synth import numbers
from etl.synth.kinds import Circumstance, Planted, Shares
from etl.synth.network import DISTRICTS, Layout, district_codes, transformer_codes
from etl.synth.parties import Parties, addresses, dates, first_days
from etl.synth.planting import Plan
from etl.synth.population import AGRICULTURAL, CLASSES, INDUSTRIAL, Population
from etl.synth.window import IntArray, Window
from tarazu.models.enums import EndDeviceEventKind, InspectionOutcome, UsagePointStatusKind

_FIRST_METER: Final = 300_000_000
_SECOND_METER: Final = 400_000_000
_TARIFF_CODES: Final = ("100", "500", "200", "300", "400")  # made up, but for 100
# Made up: 5010, 5020 … of each class, and how many it has.
_FIRST_ACTIVITY: Final = np.array([1010, 5010, 2010, 3010, 4010])
_ACTIVITIES: Final = np.array([1, 4, 3, 2, 3])
_MAKERS: Final = (("کنتورسازی ایران", "EA-101"), ("الکترو سنجش", "ES-3F"), ("توس فیوز", "TF-G3"))

# DLMS codes of the events (domain: event table).
_TAMPER: Final = (
    (EndDeviceEventKind.TERMINAL_COVER_REMOVED, "40"),
    (EndDeviceEventKind.MAGNETIC_FIELD, "42"),
    (EndDeviceEventKind.METER_COVER_REMOVED, "44"),
)
_COMMON: Final = (
    (EndDeviceEventKind.POWER_FAILURE, "1"),
    (EndDeviceEventKind.POWER_RETURNED, "2"),
    (EndDeviceEventKind.CLOCK_ADJUSTED, "4"),
    (EndDeviceEventKind.BATTERY_LOW, "8"),
    (EndDeviceEventKind.UNDER_VOLTAGE, "77"),
)
# Chance that a smart meter reports one of the common events in the window.
_COMMON_EVENT_SHARE: Final = 0.3
# Iran has had no summer time since 1401: UTC+3:30 the year round.
TEHRAN_OFFSET_SECONDS: Final = 12_600

_OUTCOMES: Final = (
    (InspectionOutcome.CLEAN, "بازدید شد، مورد خاصی مشاهده نشد"),
    (InspectionOutcome.NO_ACCESS, "درب بسته"),
    (InspectionOutcome.METER_FAULT, "خرابی کنتور، تعویض شود"),
    (InspectionOutcome.THEFT, "دستکاری لوازم اندازه‌گیری، پلمپ ندارد"),
)
_OUTCOME_SHARES: Final = (0.85, 0.06, 0.05, 0.04)


def usage_point_frames(
    layout: Layout,
    people: Population,
    window: Window,
    subscription: IntArray,
    rng: np.random.Generator,
) -> dict[str, pl.DataFrame]:
    points = people.points
    since = first_days(people, window)
    position = np.array([district[3:] for district in DISTRICTS])[layout.district]
    position = np.round(position + rng.normal(0, 0.012, (points, 2)), 6)
    number = numbers.text(subscription)
    code = np.where(people.transformer < 0, -1, layout.transformer_code[people.transformer])
    activity = _FIRST_ACTIVITY[people.tariff] + 10 * rng.integers(0, _ACTIVITIES[people.tariff])
    usage_point = pl.DataFrame(
        {
            "subscription_no": number,
            "bill_id": numbers.text(numbers.bill_ids(subscription)),
            "district_code": district_codes(layout.district),
            "transformer_code": transformer_codes(code),
            "phase_count": np.where(people.three_phase, 3, 1),
            "activity_code": numbers.text(activity),
            "address": addresses(points, rng),
            "latitude": position[:, 0],
            "longitude": position[:, 1],
            "energised_on": dates(since),
        }
    )
    production = people.demand & np.isin(people.tariff, [AGRICULTURAL, INDUSTRIAL])
    option = pl.Series(rng.integers(1, 4, points)).set(pl.Series(~production), None)
    term = pl.DataFrame(
        {
            "subscription_no": number,
            "valid_from": dates(since),
            "tariff_class": pl.Series([tariff.value for tariff in CLASSES]).gather(pl.Series(people.tariff)),
            "tariff_code": pl.Series(_TARIFF_CODES).gather(pl.Series(people.tariff)),
            "tariff_option": option,
            "contracted_power_kw": people.contracted_kw,
            "permitted_power_kw": pl.Series(people.contracted_kw).set(pl.Series(~production), None),
        }
    )
    return {"usage_point": usage_point, "usage_point_term": term}


def status_frame(
    people: Population, parties: Parties, plan: Plan, window: Window, subscription: IntArray
) -> pl.DataFrame:
    start = window.starts
    columns: list[tuple[UsagePointStatusKind, IntArray, IntArray, IntArray]] = []

    def during(kind: UsagePointStatusKind, circumstance: Circumstance) -> None:
        rows = np.flatnonzero(people.has(circumstance))
        until = people.circumstance_to[rows]
        ended = until < window.columns
        until_day = np.where(ended, start[np.minimum(until, window.columns)], -1)
        columns.append((kind, rows, start[people.circumstance_from[rows]], until_day))

    during(UsagePointStatusKind.DECLARED_VACANT, Circumstance.VACANT)
    during(UsagePointStatusKind.SEASONAL, Circumstance.SEASONAL)
    during(UsagePointStatusKind.GENERATION_CONTRACT, Circumstance.GENERATION)
    rows = np.flatnonzero(plan.cut_from >= 0)
    cut_day = start[plan.cut_from[rows]] + people.reading_day[rows]
    columns.append((UsagePointStatusKind.DISCONNECTED, rows, cut_day, np.full(len(rows), -1)))
    rows = np.flatnonzero(parties.critical)
    since = first_days(people, window)[rows]
    columns.append((UsagePointStatusKind.CRITICAL_LOAD, rows, since, np.full(len(rows), -1)))
    return pl.concat(
        pl.DataFrame(
            {
                "subscription_no": numbers.text(subscription[rows]),
                "kind": pl.repeat(kind.value, len(rows), dtype=pl.String, eager=True),
                "valid_from": dates(since),
                "valid_to": dates(until),
            }
        )
        for kind, rows, since, until in columns
    )


def meter_serials(layout: Layout) -> tuple[pl.Series, pl.Series]:
    """Of the first and, after an exchange, the second meter of each point, (points,)."""
    number = layout.first_point + np.arange(layout.points)
    return numbers.text(_FIRST_METER + number), numbers.text(_SECOND_METER + number)


def meter_frames(
    people: Population,
    serials: tuple[pl.Series, pl.Series],
    window: Window,
    subscription: IntArray,
    rng: np.random.Generator,
) -> dict[str, pl.DataFrame]:
    exchanged = np.flatnonzero(people.has(Circumstance.METER_EXCHANGED))
    since = first_days(people, window)
    changed_on = window.starts[people.circumstance_from[exchanged]] + people.reading_day[exchanged]
    until = np.full(people.points, -1)
    until[exchanged] = changed_on
    row = np.concatenate([np.arange(people.points), exchanged])
    row_series = pl.Series(row)
    serial = pl.concat([serials[0], serials[1].gather(pl.Series(exchanged))])
    subscriptions = numbers.text(subscription).gather(row_series)
    valid = {
        "valid_from": dates(np.concatenate([since, changed_on])),
        "valid_to": dates(np.concatenate([until, np.full(len(exchanged), -1)])),
    }
    maker = pl.Series(rng.integers(0, len(_MAKERS), len(row)))
    meter = pl.DataFrame(
        {
            "serial_no": serial,
            "manufacturer": pl.Series([name for name, _ in _MAKERS]).gather(maker),
            "model": pl.Series([model for _, model in _MAKERS]).gather(maker),
            "register_digits": people.register_digits[row],
            "is_smart": people.smart[row],
        }
    )
    installation = pl.DataFrame({"subscription_no": subscriptions, "meter_serial_no": serial, **valid})
    return {
        "meter": meter,
        "meter_installation": installation,
        "meter_multiplier": installation.drop("valid_to").with_columns(
            valid_to=valid["valid_to"], multiplier=pl.Series(people.multiplier[row])
        ),
    }


def event_frame(
    people: Population,
    plan: Plan,
    serials: tuple[pl.Series, pl.Series],
    window: Window,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """A tamper event stands within three days before its drop; honest cover events have none after them."""
    thieves = np.flatnonzero(plan.planted(Planted.TAMPER_EVENT))
    honest = np.flatnonzero(people.has(Circumstance.COVER_EVENT))
    tampered_on = window.starts[plan.theft_from[thieves]] - rng.integers(0, 4, len(thieves))
    opened_on = window.starts[people.circumstance_from[honest]] + rng.integers(0, 28, len(honest))
    # Some meters are exchanged within the window; the first one reports nothing afterwards.
    ordinary = np.flatnonzero(
        people.smart
        & ~people.has(Circumstance.METER_EXCHANGED)
        & ~people.has(Circumstance.NEW_POINT)
        & (rng.random(people.points) < _COMMON_EVENT_SHARE)
    )
    begin, end = int(window.starts[Window.LEAD]), int(window.starts[-1])
    common_on = rng.integers(begin, end, len(ordinary))
    kinds = [*_TAMPER, *_COMMON]
    kind = np.concatenate(
        [
            rng.integers(0, len(_TAMPER), len(thieves)),
            rng.choice([0, 2], len(honest)),
            rng.integers(len(_TAMPER), len(kinds), len(ordinary)),
        ]
    )
    day = np.concatenate([tampered_on, opened_on, common_on])
    second = day * 86_400 + rng.integers(0, 86_400, len(day)) - TEHRAN_OFFSET_SECONDS
    kind_row = pl.Series(kind)
    return pl.DataFrame(
        {
            "meter_serial_no": serials[0].gather(pl.Series(np.concatenate([thieves, honest, ordinary]))),
            "occurred_at": pl.from_epoch(pl.Series(second), "s")
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("UTC"),
            "kind": pl.Series([event.value for event, _ in kinds]).gather(kind_row),
            "raw_code": pl.Series([code for _, code in kinds]).gather(kind_row),
        }
    )


def inspection_frame(
    people: Population,
    plan: Plan,
    shares: Shares,
    window: Window,
    subscription: IntArray,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """Past visits to points at which nothing is planted: they tell nobody the answers of `truth.csv`."""
    visited = np.flatnonzero((plan.kind < 0) & (rng.random(people.points) < shares.inspected))
    count = len(visited)
    ordered = rng.integers(int(window.starts[Window.LEAD]), int(window.starts[-3]), count)
    outcome = rng.choice(len(_OUTCOMES), count, p=_OUTCOME_SHARES)
    stolen = pl.Series(np.round(rng.uniform(300, 6000, count))).set(pl.Series(outcome != 3), None)
    outcome_row = pl.Series(outcome)
    return pl.DataFrame(
        {
            "inspection_no": numbers.text(subscription[visited] * 10 + 1),
            "subscription_no": numbers.text(subscription[visited]),
            "ordered_on": dates(ordered),
            "inspected_on": dates(ordered + rng.integers(1, 20, count)),
            "outcome": pl.Series([kind.value for kind, _ in _OUTCOMES]).gather(outcome_row),
            "unregistered_energy_kwh": stolen,
            "note": pl.Series([note for _, note in _OUTCOMES]).gather(outcome_row),
        }
    )
