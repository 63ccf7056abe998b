"""Reads of runs and of the rows that imports refused."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Select, select

from tarazu.fetching import ByKey, Children
from tarazu.filtering import Condition, Field, column, where
from tarazu.models import ImportRun, QuarantinedRow, ScanRun
from tarazu.paging import Order

IMPORT_RUN_ORDER: Final = Order("import_run", ("id",), (int,), descending=True)
SCAN_RUN_ORDER: Final = Order("scan_run", ("id",), (int,), descending=True)
QUARANTINED_ROW_ORDER: Final = Order("quarantined_row", ("id",), (int,), descending=True)
QUARANTINED_ROW_FIELDS: Final[dict[str, Field]] = {
    "mapping": column(QuarantinedRow.mapping),
    "file": column(QuarantinedRow.file),
    "entity": column(QuarantinedRow.entity),
    "column": column(QuarantinedRow.column),
    "reason": column(QuarantinedRow.reason),
}

import_runs_by_id: Final = ByKey(ImportRun, ImportRun.id)
scan_runs_by_id: Final = ByKey(ScanRun, ScanRun.id)
quarantined_rows_by_id: Final = ByKey(QuarantinedRow, QuarantinedRow.id)
quarantined_rows_of_imports: Final = Children(
    QuarantinedRow, QuarantinedRow.import_run_id, QUARANTINED_ROW_ORDER
)


def import_runs() -> Select[ImportRun]:
    return select(ImportRun)


def scan_runs() -> Select[ScanRun]:
    return select(ScanRun)


def quarantined_rows(condition: Condition) -> Select[QuarantinedRow]:
    """Refused rows that meet the condition."""
    return select(QuarantinedRow).where(where(condition, QUARANTINED_ROW_FIELDS))
