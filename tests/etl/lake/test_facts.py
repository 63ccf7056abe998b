"""What a lake can say anything of: a source that never tells a thing must not pass for one without faults."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pytest

from etl.lake.facts import bucket_facts
from etl.lake.tables import BILLS, EVENTS, POINTS

# As the lake writes what is not known.
_UNKNOWN_BILL = {"payable_rial": -1, "bill_id": -1, "current_index": math.nan, "is_start_derived": True}
_STATUS_DAYS = ("cut_from", "vacant_from", "seasonal_from", "generation_from")


def table(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of the schema; columns that a row does not name are null, which no fact looks at."""
    return pa.table(
        {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema}
    )


def facts(*bills: dict[str, Any], point: dict[str, Any] | None = None, events: int = 0) -> set[str]:
    return set(
        bucket_facts(
            table(POINTS, [point or {}, {}]),
            table(BILLS, [{**_UNKNOWN_BILL, **bill} for bill in bills]),
            table(EVENTS, [{}] * events),
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
    ],
)
def test_one_bill_that_says_it_is_enough(told: dict[str, Any], fact: str) -> None:
    assert facts({}, told, {}) - facts({}) == {fact}


@pytest.mark.parametrize("name", _STATUS_DAYS)
def test_one_point_with_a_status_is_enough(name: str) -> None:
    assert facts(point={name: dt.date(2025, 1, 1)}) == {"statuses"}


def test_events_are_told_by_any() -> None:
    assert facts(events=1) == {"events"}
