"""`importRuns`, `quarantinedRows`, `scanRuns`."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, root
from graphql_api.context import Info
from graphql_api.fields import resolver
from graphql_api.filters import AND, NOT, OR, StringFilter, condition
from graphql_api.runs.types import ImportRun, QuarantinedRow, ScanRun
from tarazu import models
from tarazu.runs import repository


@strawberry.input(description="Which refused rows; all fields given must hold.")
class QuarantinedRowFilter:
    mapping: StringFilter | None = strawberry.field(default=UNSET, description="Name of the mapping.")
    file: StringFilter | None = strawberry.field(default=UNSET, description="File of the row.")
    entity: StringFilter | None = strawberry.field(default=UNSET, description="What the row was to become.")
    column: StringFilter | None = strawberry.field(default=UNSET, description="Column that is at fault.")
    reason: StringFilter | None = strawberry.field(default=UNSET, description="Code of the reason.")
    and_: list[QuarantinedRowFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[QuarantinedRowFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: QuarantinedRowFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)


@strawberry.type
class RunQueries:
    @resolver(description="Imports, the latest first.", graphql_type=Connection[ImportRun])
    @staticmethod
    def import_runs(info: Info, first: First = PAGE_SIZE, after: After = UNSET) -> ConnectionOf[Any]:
        statement = repository.import_runs()
        return root(info, models.ImportRun, statement, repository.IMPORT_RUN_ORDER, first, after)

    @resolver(
        description="Rows that imports refused, the latest first.", graphql_type=Connection[QuarantinedRow]
    )
    @staticmethod
    def quarantined_rows(
        info: Info,
        filter: Annotated[  # noqa: A002  # the argument's name in GraphQL
            QuarantinedRowFilter | None, strawberry.argument(description="Which rows; without it, all.")
        ] = UNSET,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        statement = repository.quarantined_rows(condition(filter))
        return root(info, models.QuarantinedRow, statement, repository.QUARANTINED_ROW_ORDER, first, after)

    @resolver(description="Scans, the latest first.", graphql_type=Connection[ScanRun])
    @staticmethod
    def scan_runs(info: Info, first: First = PAGE_SIZE, after: After = UNSET) -> ConnectionOf[Any]:
        statement = repository.scan_runs()
        return root(info, models.ScanRun, statement, repository.SCAN_RUN_ORDER, first, after)
