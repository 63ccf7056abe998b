"""Every order that a list may be read in is that of an index: a page in the middle costs what the first one costs."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import get_named_type
from sqlalchemy import BigInteger, Column, Select, Text, literal, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import visitors

from graphql_api.compiler.arguments import PageReader
from graphql_api.compiler.mapping import (
    Listed,
    Many,
    Relation,
    RootMany,
    RowType,
    Values,
    read_types,
    root_fields,
)
from graphql_api.schema import schema
from tarazu import models
from tarazu.paging import Order, Window, cut
from tarazu.security.row_scope import ScopeValues

GRAPH = schema._schema
TYPES = read_types(GRAPH)
ROOTS = root_fields(GRAPH)

# Lists at the root that sort what they have computed: the rows of an aggregate are no table's.
COMPUTED = {"debtors", "transformerBalances", "feederBalances"}

# Pages of which one parent never has many rows; they are sorted.
FEW = {
    "UsagePoint.installations": "meters that hung at one point",
    "UsagePoint.cases": "cases about one point",
    "UsagePoint.inspections": "visits to one point",
    "Meter.installations": "points that one meter hung at",
    "Invoice.allocations": "payments of one bill",
    "Payment.allocations": "bills that one payment settles",
    "Customer.cases": "cases about one customer as such",
    "DistributionTransformer.cases": "cases about one transformer",
    "Case.findings": "findings of one case",
    "Case.inspections": "visits for one case",
    "Case.mergedCases": "cases that became one",
    "ExchangePoint.feeders": "feeders of one exchange point",
}

# Pages by day and id, where one parent has no two rows of one day (of one moment and kind): what is left to sort is the
# rows of one day.
BY_DAY = {
    "UsagePoint.supplies",
    "DistributionTransformer.energies",
    "MeterInstallation.readings",
    "Meter.events",
}

SCOPES = {
    "all": ScopeValues(),
    "district": ScopeValues(literal([1], ARRAY(BigInteger))),
    "district and sector": ScopeValues(literal([1, 2], ARRAY(BigInteger)), literal(["private"], ARRAY(Text))),
}
SOMEWHERE = {
    int: 1,
    float: 1.0,
    str: "x",
    dt.date: dt.date(2025, 1, 1),
    dt.datetime: dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
    uuid.UUID: uuid.UUID(int=1),
}
TODAY = literal(dt.date(2025, 6, 1))


@dataclass(frozen=True)
class Child:
    """A list of a row: `Type.field`."""

    name: str
    mapping: Many | Listed
    parent: RowType
    target: RowType

    def rows(self) -> Select[Any]:
        """Those of one parent."""
        return select(self.target.table).where(self.condition(self.mapping.relation))

    def condition(self, relation: Relation) -> Any:
        return relation.join(
            parent_with(relation, self.parent), self.target.table.c, Values(ScopeValues(), TODAY)
        )


class Given(dict[str, Any]):
    """Values in the place of a parent's columns."""

    __getattr__ = dict.__getitem__


def parent_with(relation: Relation, parent: RowType) -> Any:
    # A parent of no table is an aggregate's row: what it is known by has the name and the type of the target's column.
    columns = (relation.target if parent.table is None else parent.model).__table__.c
    return Given({name: literal(SOMEWHERE[columns[name].type.python_type]) for name in relation.local})


def row_of(field: Any) -> RowType:
    """The rows of a field: of a list, or of a connection's nodes."""
    named = get_named_type(field.type)
    if "edges" in named.fields:
        named = get_named_type(get_named_type(named.fields["edges"].type).fields["node"].type)
    return TYPES[named.name].row


def root_orders() -> Iterator[tuple[str, RowType, Order]]:
    for name, mapping in ROOTS.items():
        if isinstance(mapping, RootMany) and name not in COMPUTED:
            assert isinstance(mapping.reader, PageReader), name
            for order in mapping.reader.orders.values():
                yield name, row_of(GRAPH.query_type.fields[name]), order


def children(kind: type[Any]) -> list[Child]:
    return [
        Child(f"{name}.{field}", mapping, mapped.row, row_of(GRAPH.type_map[name].fields[field]))
        for name, mapped in TYPES.items()
        for field, mapping in mapped.fields.items()
        if isinstance(mapping, kind)
    ]


async def plan(engine: Any, statement: Any) -> list[str]:
    """What PostgreSQL does where it may choose any index, but sorts only for want of one."""
    sql = statement.compile(
        dialect=postgresql.dialect(paramstyle="named"), compile_kwargs={"literal_binds": True}
    )
    async with engine.connect() as connection:
        for setting in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
            await connection.execute(text(f"SET LOCAL enable_{setting} = off"))
        lines = await connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) {sql}")
        return [line for (line,) in lines]


def a_page(statement: Any, row: RowType, order: Order) -> Any:
    somewhere = tuple(SOMEWHERE[kind] for kind in order.types)
    return cut(statement, row.table.c, order, Window(20, somewhere))


def finds_by_index(lines: list[str], found_by: tuple[str, ...]) -> bool:
    return any("Index Cond: " in line and all(f"({name} = " in line for name in found_by) for line in lines)


def reads_in_order(lines: list[str], found_by: tuple[str, ...], *, by_day: bool = False) -> bool:
    """Whether an index finds the rows by these columns and has them in order; `by_day`: but for those of one day."""
    sorts = [line for line in lines if "Sort" in line and " Key: " not in line]
    return finds_by_index(lines, found_by) and all(by_day and "Incremental Sort" in line for line in sorts)


def remote(child: Child) -> tuple[str, ...]:
    """The columns of the target that the relation compares with values of the parent."""
    compared = visitors.iterate(child.condition(child.mapping.relation))
    return tuple(element.name for element in compared if isinstance(element, Column))


def test_what_is_listed_here_is_there() -> None:
    assert {name for name, mapping in ROOTS.items() if isinstance(mapping, RootMany)} >= COMPUTED
    assert {child.name for child in children(Many)} >= FEW.keys() | BY_DAY
    assert len(list(root_orders())) > 10


def test_the_keys_of_every_order_are_columns_of_its_type_never_null_and_together_unique() -> None:
    orders = [
        *((name, row, order) for name, row, order in root_orders()),
        *((child.name, child.target, child.mapping.order) for child in children(Many)),
    ]
    for name, row, order in orders:
        columns = [row.table.c[key] for key in order.keys]
        assert not any(column.nullable for column in columns), name
        assert tuple(column.type.python_type for column in columns) == order.types, name
        # The last key alone is unique.
        assert columns[-1].primary_key or columns[-1].unique or row.table.name == "rule_version", name


@pytest.mark.parametrize("scope", list(SCOPES))
async def test_root_lists_are_read_in_the_order_of_an_index_in_any_scope(engine: Any, scope: str) -> None:
    sorted_lists = []
    for name, row, order in root_orders():
        statement = select(row.table)
        in_scope = row.scope(row.table.c, SCOPES[scope])
        if in_scope is not None:
            statement = statement.where(in_scope)
        lines = await plan(engine, a_page(statement, row, order))
        if any("One-Time Filter: false" in line for line in lines):
            continue  # nobody but who sees everything sees such rows
        if any("Sort" in line for line in lines) or not any("Index Cond: (" in line for line in lines):
            sorted_lists.append((name, order.name, lines))
    assert sorted_lists == []


async def test_pages_of_a_row_are_read_in_the_order_of_an_index_unless_few(engine: Any) -> None:
    sorted_lists = []
    for child in children(Many):
        if child.name not in FEW:
            lines = await plan(engine, a_page(child.rows(), child.target, child.mapping.order))
            if not reads_in_order(lines, remote(child), by_day=child.name in BY_DAY):
                sorted_lists.append((child.name, lines))
    assert sorted_lists == []


async def test_lists_that_are_sorted_are_found_by_an_index(engine: Any) -> None:
    unfound = []
    for child in [*children(Listed), *(child for child in children(Many) if child.name in FEW)]:
        lines = await plan(engine, child.rows())
        if not finds_by_index(lines, remote(child)):
            unfound.append((child.name, lines))
    assert unfound == []


async def test_an_order_without_an_index_would_be_seen(engine: Any) -> None:
    row = TYPES["Invoice"].row
    order = Order("invoice.kwh", ("consumption_kwh", "id"), (float, int))
    lines = await plan(engine, a_page(select(row.table), row, order))
    assert not reads_in_order(lines, ("consumption_kwh",))
    of_one = select(models.InvoiceLine.__table__).where(models.InvoiceLine.invoice_id == 1)
    line = TYPES["InvoiceLine"].row
    lines = await plan(engine, a_page(of_one, line, Order("line", ("id",), (int,))))
    assert not reads_in_order(lines, ("invoice_id",))
