"""How old a debt is. The buckets stand here alone (domain rule C01).

A debt is overdue from the day after its due date; a debt without a due date never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from tarazu.errors import InputError

BUCKETS_MAX: Final = 12
# A hundred years: longer than any debt, and far from the end of PostgreSQL's integers.
BOUND_MAX: Final = 36_500


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


class AgeBucketsError(InputError):
    """Bounds of age buckets must be 1 to 12 different numbers of days, ascending, from 1 to 36500."""

    code = "receivables.age_buckets"


@dataclass(frozen=True, slots=True)
class AgeBuckets:
    """Buckets that someone sets: `bounds` (30, 60) are the last days of all but the last bucket.

    They make the buckets "not overdue", 1–30, 31–60 and over 60 days.

    Raises AgeBucketsError.
    """

    bounds: tuple[int, ...]

    def __post_init__(self) -> None:
        ascending = all(first < then for first, then in pairwise(self.bounds))
        if not (
            1 <= len(self.bounds) <= BUCKETS_MAX
            and ascending
            and self.bounds[0] >= 1
            and self.bounds[-1] <= BOUND_MAX
        ):
            raise AgeBucketsError(
                f"Age buckets cannot be bounded by {list(self.bounds)[: BUCKETS_MAX + 1]}.",
                mend=f"Give 1 to {BUCKETS_MAX} numbers of days, ascending, from 1 to {BOUND_MAX}.",
            )

    @property
    def first_days(self) -> tuple[int, ...]:
        """The first day overdue of each bucket but "not overdue": (1, 31, 61)."""
        return (1, *(bound + 1 for bound in self.bounds))


DEFAULT_BUCKETS: Final = AgeBuckets(
    tuple(age.last_day for age in AGE_RANGES if age.last_day is not None and age.last_day > 0)
)
