"""What a lake can say anything of: a source that never tells a thing must not pass for one without faults."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pytest

from etl.lake.facts import bucket_facts
from etl.lake.tables import BILLS, EVENTS, EXPORTS, INSPECTIONS, INTERVALS, POINTS, BucketTables
from rules.batch import QUANTITIES

# As the lake writes what is not known.
_UNKNOWN_BILL = {"payable_rial": -1, "bill_id": -1, "current_index": math.nan, "is_start_derived": True}
_STATUS_DAYS = ("cut_from", "vacant_from", "seasonal_from", "generation_from")


def table(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of the schema; columns that a row does not name are null, which no fact looks at."""
    return pa.table(
        {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema}
    )


def facts(
    *bills: dict[str, Any],
    point: dict[str, Any] | None = None,
    events: int = 0,
    visits: tuple[str, ...] = (),
    exports: int = 0,
    intervals: tuple[tuple[str, int], ...] = (),
) -> set[str]:
    values = [{"quantity": QUANTITIES.index(quantity), "phase": phase} for quantity, phase in intervals]
    return set(
        bucket_facts(
            BucketTables(
                points=table(POINTS, [point or {}, {}]),
                bills=table(BILLS, [{**_UNKNOWN_BILL, **bill} for bill in bills]),
                events=table(EVENTS, [{}] * events),
                inspections=table(INSPECTIONS, [{"note": note} for note in visits]),
                exports=table(EXPORTS, [{}] * exports),
                intervals=table(INTERVALS, values),
            )
        )
    )


def test_without_a_row_nothing_is_told() -> None:
    assert facts() == set()


def test_bills_that_say_no_more_tell_of_use_alone() -> None:
    assert facts({}, {}) == {"bills", "panel", "peers"}


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        ({"payable_rial": 0}, "payables"),
        ({"bill_id": 1234567890123}, "bill_ids"),
        ({"current_index": 0.0}, "registers"),
        ({"is_start_derived": False}, "period_starts"),
        ({"reactive_kvarh": 0.0}, "reactive"),
        ({"read_demand_kw": 0.0}, "demands"),
    ],
)
def test_one_bill_that_says_it_is_enough(told: dict[str, Any], fact: str) -> None:
    assert facts({}, told, {}) - facts({}) == {fact}


@pytest.mark.parametrize("name", _STATUS_DAYS)
def test_one_point_with_a_status_is_enough(name: str) -> None:
    assert facts(point={name: dt.date(2025, 1, 1)}) == {"statuses"}


def test_events_are_told_by_any() -> None:
    assert facts(events=1) == {"events"}


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        ({"contracted_power_kw": 5.0}, "contracts"),
        ({"licence_expires_on": dt.date(2025, 1, 1)}, "licences"),
    ],
)
def test_one_point_that_says_it_is_enough(told: dict[str, Any], fact: str) -> None:
    assert facts(point=told) == {fact}


def test_visits_are_told_by_any_and_notes_by_one_that_is_written() -> None:
    assert facts(visits=("", "")) == {"inspections"}
    assert facts(visits=("", "کنتور")) == {"inspections", "inspection_notes"}


def test_export_registers_are_told_by_any() -> None:
    assert facts(exports=1) == {"export_registers"}


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        (("active_energy_kwh", 0), {"interval_energy", "panel", "peers"}),
        (("current_a", 2), {"phase_currents"}),
        (("current_a", 0), set()),
        (("voltage_v", 1), {"phase_voltages"}),
        (("voltage_v", 0), set()),
        (("power_factor", 0), set()),
    ],
)
def test_intervals_tell_of_their_own_quantity_alone(told: tuple[str, int], fact: set[str]) -> None:
    assert facts(intervals=(told,)) == fact
