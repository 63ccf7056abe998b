"""`importRuns`, `quarantinedRows`, `quarantineSummary`, `scanRuns`."""

from __future__ import annotations

from typing import Final

import strawberry
from strawberry import UNSET

from graphql_api.compiler.arguments import PageReader
from graphql_api.connections import Connection
from graphql_api.fields import root_many, root_rows
from graphql_api.parameters import argument
from graphql_api.runs.filters import ImportRunFilter, QuarantinedRowFilter, ScanRunFilter
from graphql_api.runs.readers import QUARANTINE_SUMMARY
from graphql_api.runs.types import ImportRun, QuarantinedRow, QuarantineSummary, ScanRun
from tarazu.runs import repository
from tarazu.runs.repository import QuarantineDimension

_IMPORT_RUNS: Final = PageReader({UNSET: repository.IMPORT_RUN_ORDER}, fields=repository.import_run_fields)
_QUARANTINED_ROWS: Final = PageReader(
    {UNSET: repository.QUARANTINED_ROW_ORDER}, fields=repository.quarantined_row_fields
)
_SCAN_RUNS: Final = PageReader({UNSET: repository.SCAN_RUN_ORDER}, fields=repository.scan_run_fields)


@strawberry.type
class RunQueries:
    import_runs: Connection[ImportRun] = root_many(
        _IMPORT_RUNS,
        "Imports, the latest first.",
        argument("filter", ImportRunFilter | None, "Which imports; without it, all."),
    )
    quarantined_rows: Connection[QuarantinedRow] = root_many(
        _QUARANTINED_ROWS,
        "Rows that imports refused, the latest first.",
        argument("filter", QuarantinedRowFilter | None, "Which rows; without it, all."),
    )
    quarantine_summary: list[QuarantineSummary] = root_rows(
        QUARANTINE_SUMMARY,
        "Rows that imports refused, counted by mapping, file, entity, column, reason or import; the most first.",
        argument(
            "group_by",
            list[QuarantineDimension],
            "What to count by; each at most once. Empty: one row with all.",
            required=True,
        ),
        argument("filter", QuarantinedRowFilter | None, "Which rows; without it, all."),
    )
    scan_runs: Connection[ScanRun] = root_many(
        _SCAN_RUNS,
        "Scans, the latest first.",
        argument("filter", ScanRunFilter | None, "Which scans; without it, all."),
    )
