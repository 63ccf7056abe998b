"""Conditions on a list as data, and the SQL of them: what may be asked is what a repository declares, no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, and_, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import SQLCoreOperations

Columns = ReadOnlyColumnCollection[str, Any]
"""The columns of a table or of an alias of it."""


class Operator(StrEnum):
    EQ = "eq"
    IN = "in"
    GTE = "gte"
    LTE = "lte"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; the value of IN is a tuple. It does not hold where the field is null."""

    field: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where every part holds; so without parts, everywhere."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where one part holds; so without parts, nowhere."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """Holds where the part does not, nulls included."""

    part: Condition


Condition = Comparison | AllOf | AnyOf | Negation

EVERYTHING: Final = AllOf(())

Field = Callable[[Operator, Any], ColumnElement[bool]]
"""How a field compares. The value is a value, or a bound parameter in its place."""
Fields = Callable[[Columns], Mapping[str, Field]]
"""What a list can be filtered by, given the columns of its table."""


def column(expression: SQLCoreOperations[Any]) -> Field:
    """A field that is a column of the list's own table."""

    def compare(operator: Operator, value: Any) -> ColumnElement[bool]:
        condition: ColumnElement[bool]
        match operator:
            case Operator.EQ:
                condition = expression == value
            case Operator.IN:
                condition = expression == any_(_array(expression, value))
            case Operator.GTE:
                condition = expression >= value
            case Operator.LTE:
                condition = expression <= value
            case Operator.CONTAINS:
                # strpos, not LIKE: no character of the value is special.
                condition = func.strpos(expression, value) > 0
        return condition

    return compare


def _array(expression: Any, value: Any) -> ColumnElement[Any]:
    # One array, however many values: the statement stays the same.
    kind = ARRAY(expression.type)
    if isinstance(value, BindParameter):
        if value.required:
            return bindparam(value.key, type_=kind)
        value = value.value
    return bindparam(None, list(value), kind, unique=True)


def related(
    own: SQLCoreOperations[Any], key: SQLCoreOperations[Any], expression: SQLCoreOperations[Any]
) -> Field:
    """A field of another table: rows whose `own` is among the `key`s where `expression` compares."""
    compare_there = column(expression)

    def compare(operator: Operator, value: Any) -> ColumnElement[bool]:
        return own.in_(select(key).where(compare_there(operator, value)))

    return compare


def where(condition: Condition, fields: Mapping[str, Field]) -> ColumnElement[bool]:
    """The condition as SQL. A field that is not declared is a fault of the program: KeyError."""
    match condition:
        case Comparison(field, operator, value):
            return fields[field](operator, value)
        case AllOf(parts):
            return and_(True, *(where(part, fields) for part in parts))  # SQL's TRUE
        case AnyOf(parts):
            return or_(False, *(where(part, fields) for part in parts))  # SQL's FALSE
        case Negation(part):
            # NOT of an unknown is unknown; IS NOT TRUE is what people mean by "not".
            return where(part, fields).is_not(True)
