"""The Jalali calendar as an SQL expression, for answers that the database writes.

Arithmetic of the 33-year rule, equal to `tarazu.jalali.format_jalali` for every day of the years 1200–1500 (a test
compares them all). With d the days since 1970-01-01:

* 1 Farvardin of year y is day 365·y + ⌊(8·y + 21) / 33⌋ − 492633,
* so the year of day d is ⌊(33·(d + 492633) + 11) / 12053⌋, a cycle of 33 years having 12,053 days.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, Integer, case, cast, func, literal_column, null

from tarazu.jalali import FAR_FUTURE, FAR_FUTURE_JALALI, FIRST_YEAR, LAST_YEAR

_EPOCH_TO_YEAR_ZERO: Final = 492_633
_CYCLE_YEARS: Final = 33
_CYCLE_DAYS: Final = 12_053
# The first six months have 31 days each.
_FIRST_HALF_DAYS: Final = 186


def format_jalali_sql(date: ColumnElement[dt.date]) -> ColumnElement[str | None]:
    """`YYYY/MM/DD` in ASCII digits; null where the date is null or outside the years 1200–1500."""
    days = cast(date - _date(dt.date(1970, 1, 1)), Integer) + _number(_EPOCH_TO_YEAR_ZERO)
    year = _floor((days * _number(_CYCLE_YEARS) + _number(11)), _CYCLE_DAYS)
    day_of_year = days - year * _number(365) - _floor(year * _number(8) + _number(21), _CYCLE_YEARS)
    second_half = day_of_year - _number(_FIRST_HALF_DAYS)
    month_and_day = case(
        (
            day_of_year < _number(_FIRST_HALF_DAYS),
            (_floor(day_of_year, 31) + _number(1)) * _number(100) + day_of_year % _number(31) + _number(1),
        ),
        else_=(_floor(second_half, 30) + _number(7)) * _number(100) + second_half % _number(30) + _number(1),
    )
    # The last day of a leap year is day 29 of month 12 counted from 0; no division carries over.
    text = func.to_char(year * _number(10_000) + month_and_day, literal_column("""'FM0000"/"00"/"00'"""))
    return case(
        (
            date == _date(FAR_FUTURE),
            literal_column("'{:04d}/{:02d}/{:02d}'".format(*FAR_FUTURE_JALALI)),
        ),
        (year.between(_number(FIRST_YEAR), _number(LAST_YEAR)), text),
        else_=null(),
    )


def _floor(value: Any, divisor: int) -> Any:
    # All values are positive for the days that count, where PostgreSQL's division is the floor.
    return value.op("/", precedence=8, return_type=Integer())(_number(divisor))


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer)


def _date(value: dt.date) -> ColumnElement[dt.date]:
    return literal_column(f"DATE '{value.isoformat()}'", Date)
