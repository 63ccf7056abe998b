"""What lists of customers can be filtered by."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from graphql_api.filters import AND, NOT, OR, Filter, StringFilter
from tarazu.models.enums import CustomerKind, Sector


@strawberry.input(description="Which customers; all fields given must hold.")
class CustomerFilter:
    kind: Filter[CustomerKind] | None = strawberry.field(default=UNSET, description="Person or legal entity.")
    sector: Filter[Sector] | None = strawberry.field(default=UNSET, description="Government or private.")
    customer_no: StringFilter | None = strawberry.field(
        default=UNSET, description="The company's own number."
    )
    and_: list[CustomerFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[CustomerFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: CustomerFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)
