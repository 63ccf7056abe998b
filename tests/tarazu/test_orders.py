"""Every order that a list may be read in is that of an index: a page in the middle costs what the first one costs."""

from __future__ import annotations

import datetime as dt
import importlib
import uuid
from typing import Any

import pytest
from sqlalchemy import BigInteger, Text, literal, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY

from tarazu import models
from tarazu.fetching import Children, columns_of
from tarazu.paging import Order, Window, cut
from tarazu.security import row_scope
from tarazu.security.row_scope import ScopeValues

REPOSITORIES = ("billing", "cases", "customer_service", "metering", "network", "runs")

# Children that one parent never has many of; they are sorted.
FEW = {
    "statuses_of_usage_points": "circumstances of one point",
    "installations_of_usage_points": "meters that hung at one point",
    "installations_of_meters": "points that one meter hung at",
    "lines_of_invoices": "charges of one bill",
    "allocations_of_invoices": "payments of one bill",
    "cases_of_usage_points": "cases about one point",
    "cases_of_customers": "cases about one customer as such",
    "cases_of_transformers": "cases about one transformer",
    "findings_of_cases": "findings of one case",
    "inspections_of_cases": "visits for one case",
    "inspections_of_usage_points": "visits to one point",
    "feeders_of_exchange_points": "feeders of one exchange point",
}

# The lists that begin at the root: the model, the module and name of the order, and who sees which rows.
ROOTS: list[tuple[Any, str, str, Any]] = [
    (models.Customer, "customer_service", "CUSTOMER_ORDER", row_scope.customer),
    (models.UsagePoint, "metering", "USAGE_POINT_ORDER", row_scope.usage_point),
    (models.Meter, "metering", "METER_ORDER", row_scope.meter),
    (models.Invoice, "billing", "INVOICE_ORDER", row_scope.of_usage_point),
    (models.Case, "cases", "CASES_BY_PRIORITY", row_scope.case),
    (models.Case, "cases", "CASES_NEWEST_FIRST", row_scope.case),
    (models.Case, "cases", "CASES_OLDEST_FIRST", row_scope.case),
    (models.ImportRun, "runs", "IMPORT_RUN_ORDER", row_scope.everyone),
    (models.ScanRun, "runs", "SCAN_RUN_ORDER", row_scope.everyone),
    (models.QuarantinedRow, "runs", "QUARANTINED_ROW_ORDER", row_scope.everyone),
]
SCOPES = {
    "all": ScopeValues(),
    "district": ScopeValues(literal([1], ARRAY(BigInteger))),
    "district and sector": ScopeValues(literal([1, 2], ARRAY(BigInteger)), literal(["private"], ARRAY(Text))),
}
SOMEWHERE = {
    int: 1,
    float: 1.0,
    dt.date: dt.date(2025, 1, 1),
    dt.datetime: dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
    uuid.UUID: uuid.UUID(int=1),
}


def repository(area: str) -> Any:
    return importlib.import_module(f"tarazu.{area}.repository")


def declared(kind: type[Any]) -> dict[str, Any]:
    return {
        name: value
        for area in REPOSITORIES
        for name, value in vars(repository(area)).items()
        if isinstance(value, kind)
    }


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


def a_page(statement: Any, model: Any, order: Order) -> Any:
    somewhere = tuple(SOMEWHERE[kind] for kind in order.types)
    return cut(statement, columns_of(model), order, Window(20, somewhere))


def reads_in_order(lines: list[str], found_by: str) -> bool:
    """Whether an index finds the rows by this column and has them in order.

    An incremental sort only orders rows of one key, such as two of one day.
    """
    sorts = any(
        "Sort" in line and "Incremental Sort" not in line and "Sort Key" not in line for line in lines
    )
    return not sorts and any("Index Cond: " in line and found_by in line for line in lines)


def test_every_root_order_of_the_repositories_is_tried() -> None:
    tried = {name for _, _, name, _ in ROOTS}
    assert {name for name in declared(Order) if not name.startswith("_")} == tried


@pytest.mark.parametrize("scope", list(SCOPES))
async def test_root_lists_are_read_in_the_order_of_an_index_in_any_scope(engine: Any, scope: str) -> None:
    sorted_lists = []
    for model, area, name, visible in ROOTS:
        order = getattr(repository(area), name)
        statement = select(model)
        in_scope = visible(model.__table__.c, SCOPES[scope])
        if in_scope is not None:
            statement = statement.where(in_scope)
        lines = await plan(engine, a_page(statement, model, order))
        if any("Sort" in line for line in lines) or not any("Index Cond: (" in line for line in lines):
            sorted_lists.append((name, lines))
    assert sorted_lists == []


async def test_children_are_read_in_the_order_of_an_index_unless_few(engine: Any) -> None:
    lists: dict[str, Children[Any, Any]] = declared(Children)
    assert FEW.keys() <= lists.keys()
    sorted_lists = []
    for name, children in lists.items():
        if name in FEW:
            continue
        parent = uuid.UUID(int=1) if children.parent.type.python_type is uuid.UUID else 1
        statement = select(children.model).where(children.parent == parent)
        lines = await plan(engine, a_page(statement, children.model, children.order))
        if not reads_in_order(lines, f"({children.parent.key} = "):
            sorted_lists.append((name, lines))
    assert sorted_lists == []


async def test_an_order_without_an_index_would_be_seen(engine: Any) -> None:
    order = Order("invoice.kwh", ("consumption_kwh", "id"), (float, int))
    lines = await plan(engine, a_page(select(models.Invoice), models.Invoice, order))
    assert not reads_in_order(lines, "consumption_kwh")
    of_one = select(models.InvoiceLine).where(models.InvoiceLine.invoice_id == 1)
    lines = await plan(engine, a_page(of_one, models.InvoiceLine, Order("line", ("id",), (int,))))
    assert not reads_in_order(lines, "(invoice_id = ")
