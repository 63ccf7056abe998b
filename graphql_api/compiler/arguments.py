"""Readers of the arguments that lists and look-ups have alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Text
from strawberry import UNSET

from graphql_api.compiler.binding import Bind, Collected, Slot, filled
from graphql_api.compiler.mapping import Columns, ReadingLimits, RowType, Source, Values
from graphql_api.cursors import decode_cursor
from graphql_api.errors import ArgumentError, PageError
from graphql_api.filters import condition
from graphql_api.naming import camel
from tarazu.filtering import AllOf, AnyOf, Comparison, Condition, Fields, Negation, where
from tarazu.paging import Order
from tarazu.security.permissions import Permission
from tarazu.security.principal import ForbiddenError
from tarazu.security.row_scope import ScopeValues

PAGE_SIZE: Final = 20

Guards = Mapping[str, Permission]


@dataclass(frozen=True, slots=True)
class PageShape:
    """Everything about a page's arguments but their values."""

    order: Order
    first: int
    after: tuple[Slot, ...] | None
    condition: Condition
    search: tuple[Slot, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A search by text: what of the text is compared, and the SQL of it."""

    values: Callable[[str], tuple[str, ...]]
    """The values to bind, always as many. Raises InputError."""
    condition: Callable[[Columns, tuple[ColumnElement[str], ...], ScopeValues], ColumnElement[bool]]
    requires: Permission


@dataclass(frozen=True, slots=True, eq=False)
class PageReader:
    """Reads `first`, `after`, `order`, `filter`, `search`, whichever a list has."""

    orders: Mapping[Any, Order]
    """By the value of the argument `order`; a list without it has one, under UNSET."""
    default_orders: Sequence[Any] = (UNSET,)
    """Tried in turn: the first whose guard the principal passes."""
    fields: Fields | None = None
    search: Search | None = None
    guards: Guards = field(default_factory=dict)
    """Permissions that comparing a field of the filter needs, by its name."""
    order_guards: Mapping[Any, Permission] = field(default_factory=dict)

    def read(self, arguments: Mapping[str, Any], limits: ReadingLimits) -> tuple[PageShape, tuple[Any, ...]]:
        collected = Collected()
        order = self._order(arguments.get("order", UNSET), limits.permissions)
        first, after = page_start(arguments, order, limits, collected)
        chosen = chosen_condition(arguments, self.guards, limits, collected)
        slots = None
        text = arguments.get("search", UNSET)
        if self.search is not None and text is not None and text is not UNSET:
            if self.search.requires not in limits.permissions:
                raise ForbiddenError(f"Searching needs the permission `{self.search.requires.value}`.")
            slots = tuple(collected.add(value) for value in self.search.values(text))
        shape = PageShape(order, first, after, chosen, slots)
        return shape, tuple(collected.values)

    def source(self, shape: PageShape, bind: Bind, values: Values, row: RowType) -> Source:
        assert row.table is not None
        rows = row.table.alias()
        conditions: list[ColumnElement[bool]] = []
        if shape.condition != AllOf(()):
            assert self.fields is not None
            conditions.append(where(filled(shape.condition, bind), self.fields(rows.c)))
        if shape.search is not None:
            assert self.search is not None
            bound = tuple(bind(slot, Text()) for slot in shape.search)
            conditions.append(self.search.condition(rows.c, bound, values.scope))
        return Source(
            rows,
            tuple(conditions),
            shape.order,
            shape.first,
            after_keys(shape.after, shape.order, rows.c, bind),
        )

    def _order(self, given: Any, permissions: frozenset[Permission]) -> Order:
        if given is not UNSET and given is not None:
            _pass(self.order_guards.get(given), permissions, "This order")
            return self.orders[given]
        for name in self.default_orders:
            if self.order_guards.get(name) in (None, *permissions):
                return self.orders[name]
        raise ForbiddenError("No order of this list is permitted.")


@dataclass(frozen=True, slots=True)
class Lookup:
    """One way to name a row: the argument, its value as the column has it, and the column."""

    argument: str
    parse: Callable[[Any], Any]
    column: str


@dataclass(frozen=True, slots=True, eq=False)
class LookupReader:
    """Reads the arguments of a root field that is one row: exactly one of several ways to name it."""

    ways: tuple[Lookup, ...]

    def read(self, arguments: Mapping[str, Any], _limits: ReadingLimits) -> tuple[str, tuple[Any, ...]]:
        given = [way for way in self.ways if arguments.get(way.argument, UNSET) not in (None, UNSET, "")]
        if len(given) != 1:
            names = " or ".join(f"`{camel(way.argument)}`" for way in self.ways)
            raise ArgumentError(f"Give {'either ' if len(self.ways) > 1 else ''}{names}.")
        (way,) = given
        return way.column, (way.parse(arguments[way.argument]),)

    def source(self, shape: str, bind: Bind, _values: Values, row: RowType) -> Source:
        assert row.table is not None
        rows = row.table.alias()
        return Source(rows, (rows.c[shape] == bind(Slot(0), rows.c[shape].type),))


def page_start(
    arguments: Mapping[str, Any], order: Order, limits: ReadingLimits, collected: Collected
) -> tuple[int, tuple[Slot, ...] | None]:
    """`first`, and the slots of the key in `after`. Raises PageError and CursorError."""
    first = arguments.get("first", PAGE_SIZE)
    if not 1 <= first <= limits.page_size_max:
        raise PageError(f"`first` is {first}; it may be 1 to {limits.page_size_max}.")
    cursor = arguments.get("after", UNSET)
    return first, tuple(collected.add(part) for part in decode_cursor(cursor, order)) if cursor else None


def chosen_condition(
    arguments: Mapping[str, Any], guards: Guards, limits: ReadingLimits, collected: Collected
) -> Condition:
    """`filter` with slots in the place of its values. Raises FilterError, and ForbiddenError by the guards."""
    chosen = condition(arguments.get("filter", UNSET))
    _check(chosen, guards, limits.permissions)
    return collected.condition(chosen)


def _check(given: Condition, guards: Guards, permissions: frozenset[Permission]) -> None:
    match given:
        case Comparison(name):
            _pass(guards.get(name), permissions, f"Comparing `{camel(name)}`")
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                _check(part, guards, permissions)
        case Negation(part):
            _check(part, guards, permissions)


def _pass(needed: Permission | None, permissions: frozenset[Permission], what: str) -> None:
    if needed is not None and needed not in permissions:
        raise ForbiddenError(f"{what} needs the permission `{needed.value}`.")


def after_keys(
    after: tuple[Slot, ...] | None, order: Order, columns: Columns, bind: Bind
) -> tuple[ColumnElement[Any], ...] | None:
    if after is None:
        return None
    return tuple(bind(slot, columns[key].type) for slot, key in zip(after, order.keys, strict=True))
