from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarazu.receivables.ageing import AGE_RANGES, AgeBucket
from tests.ageing import bucket_of, days_overdue

DAY = dt.date(2025, 6, 1)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-1, AgeBucket.CURRENT),
        (0, AgeBucket.CURRENT),
        (1, AgeBucket.DAYS_1_30),
        (30, AgeBucket.DAYS_1_30),
        (31, AgeBucket.DAYS_31_60),
        (60, AgeBucket.DAYS_31_60),
        (61, AgeBucket.DAYS_61_90),
        (90, AgeBucket.DAYS_61_90),
        (91, AgeBucket.DAYS_91_180),
        (180, AgeBucket.DAYS_91_180),
        (181, AgeBucket.DAYS_181_365),
        (365, AgeBucket.DAYS_181_365),
        (366, AgeBucket.OVER_365_DAYS),
        (99_999, AgeBucket.OVER_365_DAYS),
    ],
)
def test_buckets_begin_and_end_where_the_rule_says(days: int, bucket: AgeBucket) -> None:
    assert bucket_of(days) is bucket


@given(st.integers(-10_000, 10_000))
def test_every_age_belongs_to_exactly_one_range(days: int) -> None:
    ranges = [
        age.bucket
        for age in AGE_RANGES
        if (age.first_day is None or age.first_day <= days) and (age.last_day is None or days <= age.last_day)
    ]
    assert ranges == [bucket_of(days)]


@pytest.mark.parametrize(
    ("due_on", "days"),
    [(None, 0), (DAY, 0), (DAY + dt.timedelta(3), 0), (DAY - dt.timedelta(1), 1), (dt.date(2024, 6, 1), 365)],
)
def test_a_debt_is_overdue_from_the_day_after_its_due_date(due_on: dt.date | None, days: int) -> None:
    assert days_overdue(due_on, DAY) == days
