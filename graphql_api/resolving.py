"""How resolvers read what the compiler would: the same mappings, row by row, many look-ups folded into one statement."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    DateTime,
    FromClause,
    Select,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import aliased
from sqlalchemy.types import TypeEngine

from graphql_api.compiler.binding import valued
from graphql_api.compiler.mapping import Reader, Relation, RowType, Source, Values
from graphql_api.errors import PageError
from tarazu.database import ReadSession
from tarazu.paging import Order, Page

Key = tuple[Any, ...]

# Rows that one nested list may ask of the database at once: parents × first. Twice 100 × 100 fits.
NESTED_ROWS_MAX: Final = 20_000

_TYPES: Final[Mapping[type, TypeEngine[Any]]] = {
    int: BigInteger(),
    str: Text(),
    uuid.UUID: Uuid(),
    dt.date: Date(),
    dt.datetime: DateTime(timezone=True),
}


def key_of(root: object, relation: Relation) -> Key | None:
    """The values of a parent that a relation looks at; None where one is null: nothing is related."""
    key = tuple(getattr(root, name) for name in relation.local)
    return None if any(part is None for part in key) else key


async def related_rows(
    session: ReadSession, keys: Sequence[Key], values: Values, relation: Relation, row: RowType
) -> dict[Key, Any]:
    """The one related row of each key."""
    return dict(await _joined(session, keys, values, relation, row))


async def related_lists(
    session: ReadSession, keys: Sequence[Key], values: Values, relation: Relation, row: RowType, order: Order
) -> dict[Key, list[Any]]:
    """All related rows of each key, in order."""
    found: dict[Key, list[Any]] = {}
    for key, child in await _joined(session, keys, values, relation, row, order):
        found.setdefault(key, []).append(child)
    return found


async def related_pages(
    session: ReadSession,
    keys: Sequence[Key],
    values: Values,
    relation: Relation,
    row: RowType,
    reader: Reader,
    shape: Any,
    given_values: tuple[Any, ...],
) -> dict[Key, Page[Any]]:
    """The same page of each key's rows, by one LATERAL statement."""
    source = reader.source(shape, valued(given_values), values, row)
    assert source.first is not None
    assert source.order is not None
    if len(keys) * source.first > NESTED_ROWS_MAX:
        raise PageError(
            f"{len(keys)} lists of up to {source.first} rows are too many in one answer.",
            mend="Ask for smaller pages.",
        )
    given = _given(keys, relation)
    inner = (
        cut(select(*source.rows.c).select_from(source.rows), source)
        .where(relation.join(given.c, source.rows.c, values), *_conditions(source, row, values))
        .correlate(given)
        .lateral("child")
    )
    child = aliased(row.model, inner) if row.model is not None else inner
    rows: dict[Key, list[Any]] = {key: [] for key in keys}
    statement = select(*given.c, child).select_from(given).join(inner, true())
    width = len(relation.local)
    for found in await session.execute(statement):
        rows[tuple(found[:width])].append(found[width])
    # A join promises no order.
    for children in rows.values():
        children.sort(key=source.order.key_of, reverse=source.order.descending)
    return {key: page_of(children, source.first) for key, children in rows.items()}


async def related_counts(
    session: ReadSession,
    keys: Sequence[Key],
    values: Values,
    relation: Relation,
    row: RowType,
    reader: Reader,
    shape: Any,
    given_values: tuple[Any, ...],
) -> dict[Key, int]:
    """How many rows each key's list has."""
    source = reader.source(shape, valued(given_values), values, row)
    given = _given(keys, relation)
    statement = (
        select(*given.c, func.count())
        .select_from(given)
        .join(source.rows, relation.join(given.c, source.rows.c, values))
        .where(*_conditions(source, row, values))
        .group_by(*given.c)
    )
    return {tuple(found[:-1]): found[-1] for found in await session.execute(statement)}


async def source_page(session: ReadSession, source: Source, row: RowType, values: Values) -> Page[Any]:
    """One page of a root list."""
    assert source.first is not None
    entity = rows_of(source, row)
    statement = cut(select(entity), source).where(*_conditions(source, row, values))
    return page_of(await _fetch(session, statement, row), source.first)


async def source_rows(session: ReadSession, source: Source, row: RowType, values: Values) -> list[Any]:
    """All rows of a root field."""
    statement = select(rows_of(source, row)).where(*_conditions(source, row, values))
    return await _fetch(session, statement, row)


async def source_count(session: ReadSession, source: Source, row: RowType, values: Values) -> int:
    statement = select(func.count()).select_from(source.rows).where(*_conditions(source, row, values))
    return int(await session.scalar(statement) or 0)


def rows_of(source: Source, row: RowType) -> Any:
    return source.rows if row.model is None else aliased(row.model, source.rows)


def page_of(rows: list[Any], first: int) -> Page[Any]:
    return Page(rows[:first], has_next=len(rows) > first)


def cut(statement: Select[Any], source: Source) -> Select[Any]:
    """The statement in the source's order from where its page begins, with one row more than asked for."""
    assert source.order is not None
    assert source.first is not None
    keys = [source.rows.c[key] for key in source.order.keys]
    if source.after is not None:
        here, start = tuple_(*keys), tuple_(*source.after)
        statement = statement.where(here < start if source.order.descending else here > start)
    return statement.order_by(*_order_by(source.order, source.rows)).limit(source.first + 1)


def _order_by(order: Order, rows: FromClause) -> list[Any]:
    return [rows.c[key].desc() if order.descending else rows.c[key] for key in order.keys]


async def _fetch(session: ReadSession, statement: Select[Any], row: RowType) -> list[Any]:
    found = await session.execute(statement)
    return list(found.scalars()) if row.model is not None else list(found)


async def _joined(
    session: ReadSession,
    keys: Sequence[Key],
    values: Values,
    relation: Relation,
    row: RowType,
    order: Order | None = None,
) -> list[tuple[Key, Any]]:
    assert row.model is not None
    given = _given(keys, relation)
    target = row.model.__table__.alias()
    child = aliased(row.model, target)
    statement = (
        select(*given.c, child)
        .select_from(given)
        .join(target, relation.join(given.c, target.c, values))
        .where(*_conditions(Source(target), row, values))
    )
    if order is not None:
        statement = statement.order_by(*_order_by(order, target))
    width = len(relation.local)
    return [(tuple(found[:width]), found[width]) for found in await session.execute(statement)]


def _conditions(source: Source, row: RowType, values: Values) -> list[Any]:
    scope = row.scope(source.rows.c, values.scope)
    return [*source.conditions, *([] if scope is None else [scope])]


def _given(keys: Sequence[Key], relation: Relation) -> FromClause:
    """The keys as a table with the columns that the relation looks at."""
    kinds = [_TYPES[type(part)] for part in map(_plain, keys[0])]
    arrays = [
        bindparam(None, [_plain(key[place]) for key in keys], ARRAY(kind), unique=True)
        for place, kind in enumerate(kinds)
    ]
    columns = [column(name, kind) for name, kind in zip(relation.local, kinds, strict=True)]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


def _plain(value: Any) -> Any:
    # asyncpg has a UUID of its own.
    return uuid.UUID(str(value)) if isinstance(value, uuid.UUID) else value
