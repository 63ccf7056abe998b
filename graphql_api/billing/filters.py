"""What lists of invoices can be filtered by."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from graphql_api.filters import AND, NOT, OR, DateFilter, Filter, FloatFilter, RialFilter, StringFilter
from tarazu.models.enums import InvoiceKind, ReadingQuality


@strawberry.input(description="Which invoices; all fields given must hold.")
class InvoiceFilter:
    kind: Filter[InvoiceKind] | None = strawberry.field(default=UNSET, description="Kind of the invoice.")
    reading_quality: Filter[ReadingQuality] | None = strawberry.field(
        default=UNSET, description="How the current reading came about."
    )
    subscription_no: StringFilter | None = strawberry.field(
        default=UNSET, description="Subscription number of the usage point."
    )
    district_code: StringFilter | None = strawberry.field(
        default=UNSET, description="Code of the usage point's district."
    )
    period_end: DateFilter | None = strawberry.field(
        default=UNSET, description="First day after the billed period."
    )
    issued_on: DateFilter | None = strawberry.field(default=UNSET, description="Day of issue.")
    due_on: DateFilter | None = strawberry.field(default=UNSET, description="Last day to pay.")
    consumption_kwh: FloatFilter | None = strawberry.field(
        default=UNSET, description="Billed active energy, kWh."
    )
    payable_rial: RialFilter | None = strawberry.field(default=UNSET, description="Amount to pay, rial.")
    and_: list[InvoiceFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[InvoiceFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: InvoiceFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)
