"""What lists of imports, refused rows and scans can be filtered by."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from graphql_api.filters import AND, NOT, OR, DateFilter, Filter, StringFilter
from tarazu.models.enums import RunState


@strawberry.input(description="Which imports; all fields given must hold.")
class ImportRunFilter:
    mapping: StringFilter | None = strawberry.field(default=UNSET, description="Name of the mapping.")
    state: Filter[RunState] | None = strawberry.field(
        default=UNSET, description="How it ended, or that it has not."
    )


@strawberry.input(description="Which scans; all fields given must hold.")
class ScanRunFilter:
    state: Filter[RunState] | None = strawberry.field(
        default=UNSET, description="How it ended, or that it has not."
    )
    as_of: DateFilter | None = strawberry.field(
        default=UNSET, description="The day up to which the scan looked."
    )


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
