"""How old a debt is. The buckets stand here alone (domain rule C01).

A debt is overdue from the day after its due date; a debt without a due date never is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AgeBucket(StrEnum):
    """Days after the due date."""

    CURRENT = "current"
    DAYS_1_30 = "1-30"
    DAYS_31_60 = "31-60"
    DAYS_61_90 = "61-90"
    DAYS_91_180 = "91-180"
    DAYS_181_365 = "181-365"
    OVER_365_DAYS = "over-365"


@dataclass(frozen=True, slots=True)
class AgeRange:
    """The days after the due date that belong to a bucket, both ends included; None is without end."""

    bucket: AgeBucket
    first_day: int | None
    last_day: int | None


AGE_RANGES: Final = (
    AgeRange(AgeBucket.CURRENT, None, 0),
    AgeRange(AgeBucket.DAYS_1_30, 1, 30),
    AgeRange(AgeBucket.DAYS_31_60, 31, 60),
    AgeRange(AgeBucket.DAYS_61_90, 61, 90),
    AgeRange(AgeBucket.DAYS_91_180, 91, 180),
    AgeRange(AgeBucket.DAYS_181_365, 181, 365),
    AgeRange(AgeBucket.OVER_365_DAYS, 366, None),
)


def days_overdue(due_on: dt.date | None, as_of: dt.date) -> int:
    """Days since the due date; 0 where it has not passed or there is none."""
    return 0 if due_on is None else max((as_of - due_on).days, 0)


def bucket_of(days: int) -> AgeBucket:
    """The bucket of a debt that is `days` overdue; 0 and less is current."""
    return next(age.bucket for age in AGE_RANGES if age.last_day is None or days <= age.last_day)
