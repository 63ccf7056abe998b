"""ImportRun, QuarantinedRow, QuarantineSummaryRow, ScanRun."""

from __future__ import annotations

import datetime as dt

import strawberry
from strawberry.scalars import JSON

from graphql_api.compiler.mapping import by_key
from graphql_api.connections import Connection
from graphql_api.fields import column, jalali, many, one
from graphql_api.refs import QuarantinedRowRef
from graphql_api.rows import Node, Row
from graphql_api.scalars import Long
from tarazu import models
from tarazu.models.enums import RunState
from tarazu.runs import repository
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

_STARTED = "When it began, UTC."
_FINISHED = "When it ended, UTC; null while it runs, or where it was killed."


@strawberry.type(description="One import of files or a query.")
class ImportRun(Node, model=models.ImportRun, scope=row_scope.everyone, requires=Permission.READ_RUNS):
    mapping: str = column("Name of the mapping.")
    sources: list[str] = column("What was read.")
    state: RunState = column("How it ended, or that it has not.")
    started_at: dt.datetime = column(_STARTED)
    finished_at: dt.datetime | None = column(_FINISHED)
    summary: JSON | None = column(
        "Counts in all and by entity: rows in, loaded, unchanged, quarantined; seconds; memory in MB."
    )
    quarantined_rows: Connection[QuarantinedRowRef] = many(
        models.ImportRun.quarantined_rows,
        repository.QUARANTINED_ROW_ORDER,
        "Rows that the run refused, the latest first.",
    )


@strawberry.type(
    description=(
        "A row that an import refused, by its place and the reason. Its values are not shown here: they are raw and "
        "may identify people."
    )
)
class QuarantinedRow(
    Node,
    model=models.QuarantinedRow,
    scope=row_scope.unrestricted_only,
    requires=Permission.READ_QUARANTINE,
):
    mapping: str = column("Name of the mapping.")
    file: str = column("File of the row.")
    row_number: Long = column("Number of the row in its file.")
    entity: str = column("What the row was to become.")
    reason: str = column("Stable code of the reason.")
    created_at: dt.datetime = column("When it was refused, UTC.")
    import_run: ImportRun = one(models.QuarantinedRow.import_run, "The import that refused it first.")
    # The last one: it hides the function in this class.
    column: str | None = column("Column that is at fault; null where the whole row is.")


@strawberry.type(
    name="QuarantineSummaryRow",
    description="Refused rows of one group. A field of the group is null where rows were not grouped by it.",
)
class QuarantineSummary(Row, scope=row_scope.of_parent, requires=Permission.READ_QUARANTINE):
    mapping: str | None = column("Name of the mapping.")
    file: str | None = column("File of the rows.")
    entity: str | None = column("What the rows were to become.")
    reason: str | None = column("Stable code of the reason.")
    row_count: Long = column("How many rows.")
    import_run: ImportRun | None = one(by_key("import_run_id", models.ImportRun), "The import.")
    # The last one: it hides the function in this class.
    column: str | None = column("Column that is at fault; null also where whole rows are.")


@strawberry.type(description="One scan of all usage points by the rules.")
class ScanRun(Node, model=models.ScanRun, scope=row_scope.everyone, requires=Permission.READ_RUNS):
    state: RunState = column("How it ended, or that it has not.")
    as_of: dt.date = column("The day up to which the scan looked.")
    as_of_jalali: str | None = jalali("as_of")
    lake_generation: str = column("Which state of the lake it read.")
    catalogue_hash: str = column("Hash of the rules it applied.")
    started_at: dt.datetime = column(_STARTED)
    finished_at: dt.datetime | None = column(_FINISHED)
    summary: JSON | None = column(
        "Subjects, screened, findings, cases opened and updated, by rule; seconds; memory in MB."
    )
