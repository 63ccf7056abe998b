"""Reads of sums and balances at the root: what their arguments have alike, and statements as rows of a type.

A statement offers the columns that it was asked to group by; a type has fields for all of them. `Aggregate` fills the
rest with nulls, so that a field of a dimension that was not asked for is null on either path.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Date, FromClause, Select, cast, null
from sqlalchemy.types import TypeEngine
from strawberry import UNSET

from graphql_api.compiler.arguments import after_keys, page_start
from graphql_api.compiler.binding import Bind, Collected, Slot
from graphql_api.compiler.mapping import ReadingLimits, RowType, Source, Values
from graphql_api.errors import ArgumentError
from graphql_api.parameters import argument
from tarazu.expressions import Given
from tarazu.paging import Order

PERIOD_DAYS_MAX: Final = 2 * 366
"""Longer periods would read most of the invoices there are; two years hold a year against the one before."""

Statement = Select[*tuple[Any, ...]]
ColumnTypes = Mapping[str, TypeEngine[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """A reader whose rows are a statement's.

    `read_shape` reads arguments into what decides the SQL, putting values into slots; `statement` makes the SQL of it.
    `columns` are the columns that the type may show and the statement may lack, with their types.
    """

    read_shape: Callable[[Mapping[str, Any], ReadingLimits, Collected], Any]
    statement: Callable[[Any, Bind, Values], Statement]
    columns: ColumnTypes

    def read(self, arguments: Mapping[str, Any], limits: ReadingLimits) -> tuple[Any, tuple[Any, ...]]:
        collected = Collected()
        shape = self.read_shape(arguments, limits, collected)
        return shape, tuple(collected.values)

    def source(self, shape: Any, bind: Bind, values: Values, _row: RowType) -> Source:
        return Source(padded(self.statement(shape, bind, values), self.columns))


@dataclass(frozen=True, slots=True)
class PagedShape:
    """The shape of an aggregate's own arguments, and of the page."""

    own: Any
    order: Order
    first: int
    after: tuple[Slot, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class PagedAggregate:
    """A reader of one page of a statement's rows; the keys of the order are columns of the statement."""

    read_shape: Callable[[Mapping[str, Any], Collected], Any]
    statement: Callable[[Any, Bind, Values], Statement]
    order: Callable[[Mapping[str, Any]], Order]

    def read(self, arguments: Mapping[str, Any], limits: ReadingLimits) -> tuple[PagedShape, tuple[Any, ...]]:
        collected = Collected()
        order = self.order(arguments)
        first, after = page_start(arguments, order, limits, collected)
        shape = PagedShape(self.read_shape(arguments, collected), order, first, after)
        return shape, tuple(collected.values)

    def source(self, shape: PagedShape, bind: Bind, values: Values, _row: RowType) -> Source:
        rows = padded(self.statement(shape.own, bind, values), {})
        after = after_keys(shape.after, shape.order, rows.c, bind)
        return Source(rows, (), shape.order, shape.first, after)


def padded(statement: Statement, columns: ColumnTypes) -> FromClause:
    """The statement as rows, with a null for each of the columns that it lacks."""
    there = set(statement.selected_columns.keys())
    lacking = [cast(null(), kind).label(name) for name, kind in columns.items() if name not in there]
    return statement.add_columns(*lacking).cte("rows")


def dimensions(arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    """The argument `groupBy`, sorted: its order says nothing. Raises ArgumentError."""
    given = arguments["group_by"]
    if len(set(given)) != len(given):
        raise ArgumentError("`groupBy` names a dimension twice.")
    return tuple(sorted(given))


def slot(arguments: Mapping[str, Any], name: str, collected: Collected) -> Slot | None:
    """The slot of an optional argument; None where it is not given, or null."""
    value = arguments.get(name, UNSET)
    return None if value is UNSET or value is None else collected.add(value)


def bound(where: Slot | None, bind: Bind, kind: TypeEngine[Any] | None) -> Any:
    return None if where is None else bind(where, kind)


def day_or_today(where: Slot | None, bind: Bind, values: Values) -> Given[Any]:
    return values.today if where is None else bind(where, Date())


PERIOD: Final = (
    argument("from_", dt.date, "First day of the period.", required=True, graphql_name="from"),
    argument(
        "to", dt.date, f"First day after the period, at most {PERIOD_DAYS_MAX} days later.", required=True
    ),
)


def period(arguments: Mapping[str, Any], collected: Collected) -> tuple[Slot, Slot]:
    """The arguments `from` and `to`: a half-open period of 1 to PERIOD_DAYS_MAX days. Raises ArgumentError."""
    first, after = arguments["from_"], arguments["to"]
    days = (after - first).days
    if not 1 <= days <= PERIOD_DAYS_MAX:
        raise ArgumentError(f"From `from` to `to` are {days} days; it may be 1 to {PERIOD_DAYS_MAX}.")
    return collected.add(first), collected.add(after)
