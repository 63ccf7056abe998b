"""Pages of long lists by keyset: each page starts after the key of a row, not after a count of rows.

A page in the middle of a million rows costs what the first one costs, and rows added meanwhile move nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_

Row = TypeVar("Row")
AnySelect = TypeVar("AnySelect", bound=Select[*tuple[Any, ...]])

KeyPart = int | float | str | dt.date | dt.datetime | uuid.UUID
Key = tuple[KeyPart, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """An order that a list may be read in; an index must serve it.

    All keys go the same way, so that one row-value comparison `(a, id) < (x, y)` finds the start of a page.
    """

    name: str
    """Stands in cursors, so that a cursor of another list or order is refused: `case.priority`."""
    keys: tuple[str, ...]
    """Attributes of a row; together unique, none of them null."""
    types: tuple[type[KeyPart], ...]
    """The Python type of each key."""
    descending: bool = False

    def key_of(self, row: Any) -> Key:
        return tuple(getattr(row, key) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of an order: `first` (at least 1) of those behind the key `after`."""

    first: int
    after: Key | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: list[Row]
    has_next: bool


def cut(
    statement: AnySelect, columns: Mapping[str, ColumnElement[Any]], order: Order, window: Window
) -> AnySelect:
    """`statement` in this order, from the window's start on, with one row more than asked for.

    `columns` gives the column of each of the order's keys.
    """
    keys = [columns[key] for key in order.keys]
    if window.after is not None:
        here = tuple_(*keys)
        start = tuple_(*(literal(part, key.type) for part, key in zip(window.after, keys, strict=True)))
        statement = statement.where(here < start if order.descending else here > start)
    return statement.order_by(*(key.desc() if order.descending else key for key in keys)).limit(
        window.first + 1
    )


def page_of(rows: list[Row], window: Window) -> Page[Row]:
    """The page of the rows that a statement made by `cut` returned."""
    return Page(rows[: window.first], has_next=len(rows) > window.first)
