"""Small SQL expressions that statements of several areas are made of.

A statement takes values that are there already, or expressions that stand for them (bound parameters of a compiled
statement, columns): `Given[T]`.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Date, Integer, case, cast, func, literal_column
from sqlalchemy.dialects.postgresql import ARRAY

from tarazu.jalali import jalali_to_epoch_days

_EPOCH: Final = dt.date(1970, 1, 1)

Value = TypeVar("Value")
Given: TypeAlias = Value | ColumnElement[Any]


def day(value: Given[dt.date]) -> ColumnElement[dt.date]:
    """A date as SQL; PostgreSQL must know the type of a parameter before it can subtract dates."""
    return cast(value, Date)


def total(amount: Any) -> ColumnElement[int]:
    """The sum of whole numbers, 0 of nothing. PostgreSQL's sums of bigint are numeric."""
    return func.coalesce(cast(func.sum(amount), BigInteger), 0)


def overlap_days(start: Any, end: Any, from_day: Any, to_day: Any) -> ColumnElement[int]:
    """How many days two half-open periods share; 0 where they do not meet."""
    return func.greatest(func.least(end, to_day) - func.greatest(start, from_day), 0)


def jalali_month_start(date: ColumnElement[Any]) -> ColumnElement[dt.date]:
    """The first day of the Jalali month of a date in the years 1350–1450; null before them.

    The year is searched in an array of first days, for its leap years follow no formula that SQL could hold briefly. In
    it, six months of 31 days come before those of 30.
    """
    starts = _year_starts()
    year: ColumnElement[dt.date] = starts[func.width_bucket(date, starts)]
    days = cast(date - year, Integer)
    return year + case((days < 186, days // 31 * 31), else_=186 + (days - 186) // 30 * 30)


@cache
def _year_starts() -> Any:
    years = np.arange(1350, 1452)
    days, _ = jalali_to_epoch_days(years, np.ones_like(years), np.ones_like(years))
    texts = ",".join(str(_EPOCH + dt.timedelta(int(number))) for number in days)
    # A constant of the statement; as a bound value it would be sent with every execution.
    return literal_column(f"('{{{texts}}}'::date[])", ARRAY(Date))
