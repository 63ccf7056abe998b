"""The reads that every repository makes of: rows by key, the rows that hang on others, one page of a list.

Each takes many keys and costs one statement, so that what a page of a list needs beside its own rows does not grow
with the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, Uuid, bindparam, func, inspect, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, aliased

from tarazu.database import ReadSession
from tarazu.models import Base
from tarazu.paging import Order, Page, Window, cut, page_of

Model = TypeVar("Model", bound=Base)
KeyType = TypeVar("KeyType")


@dataclass(frozen=True, slots=True, eq=False)
class ByKey(Generic[KeyType, Model]):
    """Rows of `model` by the values of a unique column."""

    model: type[Model]
    column: InstrumentedAttribute[KeyType]

    async def __call__(self, session: ReadSession, keys: Sequence[KeyType]) -> dict[KeyType, Model]:
        statement = select(self.model).where(self.column.in_(keys))
        return {getattr(row, self.column.key): row for row in await session.scalars(statement)}


@dataclass(frozen=True, slots=True, eq=False)
class Children(Generic[KeyType, Model]):
    """The rows of `model` whose column `parent` names the parent, in one order."""

    model: type[Model]
    parent: InstrumentedAttribute[KeyType]
    order: Order

    async def pages(
        self, session: ReadSession, parents: Sequence[KeyType], window: Window
    ) -> dict[KeyType, Page[Model]]:
        """The same window of each parent's rows, by one LATERAL statement."""
        given = select(
            func.unnest(bindparam("parents", list(parents), ARRAY(_key_type(self.parent)))).label("key")
        ).subquery("given")
        inner = cut(
            select(self.model).where(self.parent == given.c.key).correlate(given),
            columns_of(self.model),
            self.order,
            window,
        ).lateral("child")
        child = aliased(self.model, inner)
        rows: dict[KeyType, list[Model]] = {parent: [] for parent in parents}
        found = await session.execute(select(given.c.key, child).select_from(given).join(inner, true()))
        for parent, row in found:
            rows[parent].append(row)
        # A join promises no order, and the keys of nested lists (dates, numbers, ids) sort alike here and there.
        for children in rows.values():
            children.sort(key=self.order.key_of, reverse=self.order.descending)
        return {parent: page_of(children, window) for parent, children in rows.items()}

    async def counts(self, session: ReadSession, parents: Sequence[KeyType]) -> dict[KeyType, int]:
        """How many rows each parent has; a parent without any is left out."""
        statement = select(self.parent, func.count()).where(self.parent.in_(parents)).group_by(self.parent)
        return dict((await session.execute(statement)).all())

    async def lists(self, session: ReadSession, parents: Sequence[KeyType]) -> dict[KeyType, list[Model]]:
        """All rows of each parent; only for children that are few by nature. One without any is left out."""
        keys = [columns_of(self.model)[key] for key in self.order.keys]
        statement = (
            select(self.model)
            .where(self.parent.in_(parents))
            .order_by(*(key.desc() if self.order.descending else key for key in keys))
        )
        rows: dict[KeyType, list[Model]] = {}
        for row in await session.scalars(statement):
            rows.setdefault(getattr(row, self.parent.key), []).append(row)
        return rows


async def fetch_page(
    session: ReadSession, statement: Select[Model], model: type[Model], order: Order, window: Window
) -> Page[Model]:
    """One page of a list of whole rows."""
    rows = (await session.scalars(cut(statement, columns_of(model), order, window))).all()
    return page_of(list(rows), window)


async def count(session: ReadSession, statement: Select[*tuple[Any, ...]]) -> int:
    """How many rows `statement` returns."""
    return int(await session.scalar(select(func.count()).select_from(statement.subquery())) or 0)


def columns_of(model: type[Base]) -> Mapping[str, ColumnElement[Any]]:
    """The columns of a model by their names in Python."""
    return {attribute.key: getattr(model, attribute.key) for attribute in inspect(model).column_attrs}


def _key_type(column: InstrumentedAttribute[Any]) -> Any:
    return Uuid() if isinstance(column.type, Uuid) else BigInteger()
