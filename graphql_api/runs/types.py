"""ImportRun, QuarantinedRow, ScanRun."""

from __future__ import annotations

import datetime as dt
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, children
from graphql_api.context import Info
from graphql_api.fields import jalali, resolver
from graphql_api.nodes import Node
from graphql_api.refs import QuarantinedRowRef
from graphql_api.scalars import Long
from tarazu import models
from tarazu.models.enums import RunState
from tarazu.runs import repository

_STARTED = "When it began, UTC."
_FINISHED = "When it ended, UTC; null while it runs, or where it was killed."


@strawberry.type(description="One import of files or a query.")
class ImportRun(Node, model=models.ImportRun, fetch=repository.import_runs_by_id):
    mapping: str = strawberry.field(description="Name of the mapping.")
    sources: list[str] = strawberry.field(description="What was read.")
    state: RunState = strawberry.field(description="How it ended, or that it has not.")
    started_at: dt.datetime = strawberry.field(description=_STARTED)
    finished_at: dt.datetime | None = strawberry.field(description=_FINISHED)
    summary: JSON | None = strawberry.field(
        description="Counts in all and by entity: rows in, loaded, unchanged, quarantined; seconds; memory in MB."
    )

    @resolver(
        description="Rows that the run refused, the latest first.", graphql_type=Connection[QuarantinedRowRef]
    )
    @staticmethod
    def quarantined_rows(
        root: strawberry.Parent[models.ImportRun], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.quarantined_rows_of_imports, root.id, first, after)


@strawberry.type(
    description=(
        "A row that an import refused, by its place and the reason. Its values are not shown here: they are raw and "
        "may identify people."
    )
)
class QuarantinedRow(Node, model=models.QuarantinedRow, fetch=repository.quarantined_rows_by_id):
    mapping: str = strawberry.field(description="Name of the mapping.")
    file: str = strawberry.field(description="File of the row.")
    row_number: Long = strawberry.field(description="Number of the row in its file.")
    entity: str = strawberry.field(description="What the row was to become.")
    column: str | None = strawberry.field(description="Column that is at fault; null where the whole row is.")
    reason: str = strawberry.field(description="Stable code of the reason.")
    created_at: dt.datetime = strawberry.field(description="When it was refused, UTC.")

    @resolver(description="The import that refused it first.", graphql_type=ImportRun)
    @staticmethod
    async def import_run(
        root: strawberry.Parent[models.QuarantinedRow], info: Info
    ) -> models.ImportRun | None:
        return await info.context.load(repository.import_runs_by_id, root.import_run_id)


@strawberry.type(description="One scan of all usage points by the rules.")
class ScanRun(Node, model=models.ScanRun, fetch=repository.scan_runs_by_id):
    state: RunState = strawberry.field(description="How it ended, or that it has not.")
    as_of: dt.date = strawberry.field(description="The day up to which the scan looked.")
    as_of_jalali: str | None = jalali("as_of")
    lake_generation: str = strawberry.field(description="Which state of the lake it read.")
    catalogue_hash: str = strawberry.field(description="Hash of the rules it applied.")
    started_at: dt.datetime = strawberry.field(description=_STARTED)
    finished_at: dt.datetime | None = strawberry.field(description=_FINISHED)
    summary: JSON | None = strawberry.field(
        description="Subjects, screened, findings, cases opened and updated, by rule; seconds; memory in MB."
    )
