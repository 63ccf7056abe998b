"""How old a debt is, computed plainly: what the statements are held against."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right

from tarazu.receivables.ageing import AGE_RANGES, AgeBucket, AgeBuckets


def days_overdue(due_on: dt.date | None, as_of: dt.date) -> int:
    """Days since the due date; 0 where it has not passed or there is none."""
    return 0 if due_on is None else max((as_of - due_on).days, 0)


def bucket_of(days: int) -> AgeBucket:
    """The bucket of a debt that is `days` overdue; 0 and less is current."""
    return next(age.bucket for age in AGE_RANGES if age.last_day is None or days <= age.last_day)


def range_of(buckets: AgeBuckets, days: int) -> tuple[int | None, int | None]:
    """First and last day of the bucket of a debt that is `days` overdue; None is without end."""
    first_days = buckets.first_days
    place = bisect_right(first_days, days)
    return (
        first_days[place - 1] if place else None,
        first_days[place] - 1 if place < len(first_days) else None,
    )
