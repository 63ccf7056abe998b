"""Debtor, DebtSummaryRow, CollectionRatioRow."""

from __future__ import annotations

import datetime as dt

import strawberry

from graphql_api.compiler.mapping import by_key
from graphql_api.fields import column, jalali, one
from graphql_api.refs import CustomerRef, DistrictRef, UsagePointRef
from graphql_api.rows import Row
from graphql_api.scalars import Rial
from tarazu import models
from tarazu.models.enums import Sector, Segment, TariffClass
from tarazu.receivables.ageing import AgeBucket
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

_OUTSTANDING = "Owed in all, due or not, rial: payable amounts less what was paid for them."
_OVERDUE = "Of it overdue, rial: of invoices whose due date has passed."


@strawberry.type(description="A customer who owes: at one usage point, or at all points together.")
class Debtor(Row, scope=row_scope.of_parent, requires=Permission.READ_RECEIVABLES):
    outstanding_rial: Rial = column(_OUTSTANDING)
    overdue_rial: Rial = column(_OVERDUE)
    oldest_due_on: dt.date | None = column("Due date of the oldest unpaid invoice; null where none has one.")
    oldest_due_on_jalali: str | None = jalali("oldest_due_on")
    days_overdue: int = column("Days from that date to the day of the list; 0 before it.")
    age_bucket: AgeBucket = column("The bucket of those days.")
    invoice_count: int = column("Invoices of which something is owed.")
    as_of: dt.date = column("The day of the list.")
    as_of_jalali: str | None = jalali("as_of")
    usage_point: UsagePointRef | None = one(
        by_key("usage_point_key", models.UsagePoint), "The usage point; null in a list by customer."
    )
    customer: CustomerRef | None = one(
        by_key("customer_key", models.Customer),
        "Who owes; null where no customer is known for the billed period, or it is outside the reader's scope.",
    )


@strawberry.type(
    name="DebtSummaryRow",
    description=(
        "Debts of one group. A field of the group is null where debts were not grouped by it, or where it is unknown."
    ),
)
class DebtSummary(Row, scope=row_scope.of_parent, requires=Permission.READ_RECEIVABLES):
    sector: Sector | None = column("Sector of who owes.")
    tariff_class: TariffClass | None = column("Class in force in the billed period.")
    segment: Segment | None = column("Segment in force in the billed period: demand or ordinary.")
    age_bucket: AgeBucket | None = column(
        "Bucket of each invoice's own age; null also where `ageBoundsDays` sets other buckets."
    )
    age_from_days: int | None = column("First day overdue of the bucket; null of what is not overdue.")
    age_to_days: int | None = column("Last day overdue of the bucket; null of the last one.")
    outstanding_rial: Rial = column(_OUTSTANDING)
    overdue_rial: Rial = column(_OVERDUE)
    invoice_count: int = column("Invoices of which something is owed.")
    usage_point_count: int = column("Usage points with such invoices.")
    district: DistrictRef | None = one(by_key("district_id", models.District), "District of the usage point.")


@strawberry.type(
    name="CollectionRatioRow",
    description=(
        "Billed against collected of one group. A field of the group is null where it was not grouped by it, or where it is "
        "unknown."
    ),
)
class CollectionRatio(Row, scope=row_scope.of_parent, requires=Permission.READ_RECEIVABLES):
    sector: Sector | None = column("Sector of who was billed or paid.")
    tariff_class: TariffClass | None = column("Class in force on the last day of the period.")
    month_start: dt.date | None = column("First day of the Jalali month.")
    month_start_jalali: str | None = jalali("month_start")
    billed_rial: Rial = column("Payable amounts of the invoices of the period, rial.")
    collected_of_billed_rial: Rial = column(
        "Paid by now of those invoices, whenever that was, rial; at most the payable amount of each."
    )
    cash_rial: Rial = column("All payments of the period, whatever they pay for, rial.")
    collection_ratio: float | None = column("Collected of billed, 0 to 1; null where nothing was billed.")
    invoice_count: int = column("Invoices of the period.")
    district: DistrictRef | None = one(by_key("district_id", models.District), "District of the usage point.")
