"""Small SQL expressions that statements of several areas are made of.

A statement takes values that are there already, or expressions that stand for them (bound parameters of a compiled
statement, columns): `Given[T]`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Date, cast, func, literal

Value = TypeVar("Value")
Given = Value | ColumnElement[Any]


def day(value: Given[dt.date]) -> ColumnElement[dt.date]:
    """A date as SQL; PostgreSQL must know the type of a parameter before it can subtract dates."""
    return cast(value, Date) if isinstance(value, ColumnElement) else literal(value, Date)


def total(amount: Any) -> ColumnElement[int]:
    """The sum of whole numbers, 0 of nothing. PostgreSQL's sums of bigint are numeric."""
    return func.coalesce(cast(func.sum(amount), BigInteger), 0)


def overlap_days(start: Any, end: Any, from_day: Any, to_day: Any) -> ColumnElement[int]:
    """How many days two half-open periods share; 0 where they do not meet."""
    return func.greatest(func.least(end, to_day) - func.greatest(start, from_day), 0)
