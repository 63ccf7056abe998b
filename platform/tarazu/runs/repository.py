"""Lists of runs and of the rows that imports refused: their orders, and what they are filtered by."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, func, select

from tarazu.filtering import EVERYTHING, Columns, Condition, Field, column, where
from tarazu.models import QuarantinedRow
from tarazu.paging import Order
from tarazu.security import row_scope
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues

IMPORT_RUN_ORDER: Final = Order("import_run", ("id",), (int,), descending=True)
SCAN_RUN_ORDER: Final = Order("scan_run", ("id",), (int,), descending=True)
QUARANTINED_ROW_ORDER: Final = Order("quarantined_row", ("id",), (int,), descending=True)


def import_run_fields(c: Columns) -> dict[str, Field]:
    """What imports can be filtered by."""
    return {name: column(c[name]) for name in ("mapping", "state")}


def scan_run_fields(c: Columns) -> dict[str, Field]:
    """What scans can be filtered by."""
    return {name: column(c[name]) for name in ("state", "as_of")}


def quarantined_row_fields(c: Columns) -> dict[str, Field]:
    """What refused rows can be filtered by."""
    return {
        name: column(c[name]) for name in ("import_run_id", "mapping", "file", "entity", "column", "reason")
    }


class QuarantineDimension(StrEnum):
    """What refused rows can be counted by; the value is the column."""

    IMPORT_RUN = "import_run_id"
    MAPPING = "mapping"
    FILE = "file"
    ENTITY = "entity"
    COLUMN = "column"
    REASON = "reason"


def quarantine_summary_statement(
    group_by: Collection[QuarantineDimension],
    condition: Condition = EVERYTHING,
    scope: ScopeValues = UNRESTRICTED,
) -> Select[*tuple[Any, ...]]:
    """Refused rows counted by the dimensions, the most first; without dimensions, one row.

    Columns: `import_run_id`, `mapping`, `file`, `entity`, `column`, `reason` where grouped by, and `row_count`. A
    refused row may be of anybody, so a restricted scope counts none.
    """
    keys = [
        QuarantinedRow.__table__.c[dimension.value]
        for dimension in QuarantineDimension
        if dimension in group_by
    ]
    statement = (
        select(*keys, func.count().label("row_count"))
        .select_from(QuarantinedRow)
        .where(where(condition, quarantined_row_fields(QuarantinedRow.__table__.c)))
        .group_by(*keys)
        .order_by(func.count().desc(), *keys)
    )
    in_scope = row_scope.unrestricted_only(QuarantinedRow.__table__.c, scope)
    return statement if in_scope is None else statement.where(in_scope)
