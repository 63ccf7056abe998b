"""Reads of runs and of the rows that imports refused."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, func, select

from tarazu.fetching import ByKey, Children
from tarazu.filtering import EVERYTHING, Condition, Field, column, where
from tarazu.models import ImportRun, QuarantinedRow, ScanRun
from tarazu.paging import Order
from tarazu.security import row_scope
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues

IMPORT_RUN_ORDER: Final = Order("import_run", ("id",), (int,), descending=True)
SCAN_RUN_ORDER: Final = Order("scan_run", ("id",), (int,), descending=True)
QUARANTINED_ROW_ORDER: Final = Order("quarantined_row", ("id",), (int,), descending=True)
IMPORT_RUN_FIELDS: Final[dict[str, Field]] = {
    "mapping": column(ImportRun.mapping),
    "state": column(ImportRun.state),
    "started_at": column(ImportRun.started_at),
    "finished_at": column(ImportRun.finished_at),
}
SCAN_RUN_FIELDS: Final[dict[str, Field]] = {
    "state": column(ScanRun.state),
    "as_of": column(ScanRun.as_of),
    "started_at": column(ScanRun.started_at),
    "finished_at": column(ScanRun.finished_at),
}
QUARANTINED_ROW_FIELDS: Final[dict[str, Field]] = {
    "import_run_id": column(QuarantinedRow.import_run_id),
    "mapping": column(QuarantinedRow.mapping),
    "file": column(QuarantinedRow.file),
    "entity": column(QuarantinedRow.entity),
    "column": column(QuarantinedRow.column),
    "reason": column(QuarantinedRow.reason),
}


class QuarantineDimension(StrEnum):
    """What refused rows can be counted by; the value is the column."""

    IMPORT_RUN = "import_run_id"
    MAPPING = "mapping"
    FILE = "file"
    ENTITY = "entity"
    COLUMN = "column"
    REASON = "reason"


import_runs_by_id: Final = ByKey(ImportRun, ImportRun.id)
scan_runs_by_id: Final = ByKey(ScanRun, ScanRun.id)
quarantined_rows_by_id: Final = ByKey(QuarantinedRow, QuarantinedRow.id)
quarantined_rows_of_imports: Final = Children(
    QuarantinedRow, QuarantinedRow.import_run_id, QUARANTINED_ROW_ORDER
)


def import_runs(condition: Condition = EVERYTHING) -> Select[ImportRun]:
    return select(ImportRun).where(where(condition, IMPORT_RUN_FIELDS))


def scan_runs(condition: Condition = EVERYTHING) -> Select[ScanRun]:
    return select(ScanRun).where(where(condition, SCAN_RUN_FIELDS))


def quarantined_rows(condition: Condition) -> Select[QuarantinedRow]:
    """Refused rows that meet the condition."""
    return select(QuarantinedRow).where(where(condition, QUARANTINED_ROW_FIELDS))


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
        .where(where(condition, QUARANTINED_ROW_FIELDS))
        .group_by(*keys)
        .order_by(func.count().desc(), *keys)
    )
    in_scope = row_scope.unrestricted_only(QuarantinedRow.__table__.c, scope)
    return statement if in_scope is None else statement.where(in_scope)
