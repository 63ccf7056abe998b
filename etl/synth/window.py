"""The months a synthetic utility covers, and on which days its routes are read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from tarazu.errors import InputError
from tarazu.jalali import epoch_days_to_jalali, jalali_to_epoch_days, to_jalali

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# A route is read on one of the first 26 days of a month, so that a bill is always issued within it.
READING_DAYS: Final = 26
# Bills are issued two days after the reading and fall due 14 days later (notice practice: about two weeks).
ISSUE_LAG_DAYS: Final = 2
DUE_DAYS: Final = 14

_EPOCH: Final = dt.date(1970, 1, 1)


def epoch_day(date: dt.date) -> int:
    return (date - _EPOCH).days


@dataclass(frozen=True, slots=True)
class Window:
    """Jalali months as columns 0 … columns-1: `months` of them end before the month of `end`; two more stand
    before, because the first bill of a two-monthly route begins there.

    `starts` has shape (columns + 1,): the first day of each month and of the month of `end`, days since 1970.
    """

    end: dt.date
    months: int
    starts: IntArray
    month_of_year: IntArray
    year: IntArray

    LEAD: ClassVar[int] = 2

    @classmethod
    def ending(cls, end: dt.date, months: int) -> Window:
        """Raises InputError where `months` is odd or outside 24–120: two-monthly bills need an even number,
        and the slowest planted theft two years.
        """
        if months % 2 or not 24 <= months <= 120:
            raise InputError(
                f"The synthetic utility cannot cover {months} months.", mend="Give an even number, 24 to 120."
            )
        year, month, _ = to_jalali(end)
        serial = year * 12 + month - 1 + np.arange(-months - cls.LEAD, 1)
        starts, _ = jalali_to_epoch_days(serial // 12, serial % 12 + 1, np.ones_like(serial))
        return cls(end, months, starts.astype(np.int64), serial % 12 + 1, serial // 12)

    @property
    def columns(self) -> int:
        return self.months + self.LEAD

    @property
    def end_day(self) -> int:
        return epoch_day(self.end)

    @property
    def lengths(self) -> IntArray:
        """Days of each month, (columns,)."""
        return np.diff(self.starts)

    def reading_columns(self, *, monthly: bool) -> IntArray:
        """Month columns of the readings of one cohort, (periods + 1,), for a route of phase 1; phase 0 of a
        two-monthly route is read a month earlier.
        """
        step = 1 if monthly else 2
        return np.arange(1, self.columns, step, dtype=np.int64)

    def billing_numbers(self, reading_days: IntArray, *, monthly: bool) -> tuple[IntArray, IntArray]:
        """Billing year and the number of the period in it (1–12 or 1–6) of bills read on these days."""
        year, month, _ = epoch_days_to_jalali(reading_days.ravel())
        number = month if monthly else (month + 1) // 2
        shape = reading_days.shape
        return year.astype(np.int64).reshape(shape), number.astype(np.int64).reshape(shape)
