"""What lists of refused rows can be filtered by."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from graphql_api.filters import AND, NOT, OR, StringFilter


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
