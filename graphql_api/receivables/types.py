"""Debtor and DebtSummaryRow."""

from __future__ import annotations

import datetime as dt

import strawberry

from graphql_api.context import Info
from graphql_api.fields import jalali, resolver
from graphql_api.refs import CustomerRef, DistrictRef, UsagePointRef
from graphql_api.scalars import Rial
from tarazu import models
from tarazu.customer_service.repository import customers_by_id
from tarazu.metering.repository import usage_points_by_id
from tarazu.models.enums import Sector, TariffClass
from tarazu.network.repository import districts_by_id
from tarazu.receivables.ageing import AgeBucket
from tarazu.receivables.repository import DebtorRow, DebtSummaryRow

_OUTSTANDING = "Owed in all, due or not, rial: payable amounts less what was paid for them."
_OVERDUE = "Of it overdue, rial: of invoices whose due date has passed."


@strawberry.type(description="A customer who owes: at one usage point, or at all points together.")
class Debtor:
    outstanding_rial: Rial = strawberry.field(description=_OUTSTANDING)
    overdue_rial: Rial = strawberry.field(description=_OVERDUE)
    oldest_due_on: dt.date | None = strawberry.field(
        description="Due date of the oldest unpaid invoice; null where none has one."
    )
    oldest_due_on_jalali: str | None = jalali("oldest_due_on")
    days_overdue: int = strawberry.field(
        description="Days from that date to the day of the list; 0 before it."
    )
    age_bucket: AgeBucket = strawberry.field(description="The bucket of those days.")
    invoice_count: int = strawberry.field(description="Invoices of which something is owed.")
    as_of: dt.date = strawberry.field(description="The day of the list.")
    as_of_jalali: str | None = jalali("as_of")

    @resolver(description="The usage point; null in a list by customer.", graphql_type=UsagePointRef | None)
    @staticmethod
    async def usage_point(root: strawberry.Parent[DebtorRow], info: Info) -> models.UsagePoint | None:
        if root.usage_point_id is None:
            return None
        return await info.context.load(usage_points_by_id, root.usage_point_id)

    @resolver(
        description="Who owes; null where no customer is known for the billed period.",
        graphql_type=CustomerRef | None,
    )
    @staticmethod
    async def customer(root: strawberry.Parent[DebtorRow], info: Info) -> models.Customer | None:
        if root.customer_id is None:
            return None
        return await info.context.load(customers_by_id, root.customer_id)


@strawberry.type(
    name="DebtSummaryRow",
    description=(
        "Debts of one group. A field of the group is null where debts were not grouped by it, or where it is unknown."
    ),
)
class DebtSummary:
    sector: Sector | None = strawberry.field(description="Sector of who owes.")
    tariff_class: TariffClass | None = strawberry.field(description="Class in force in the billed period.")
    age_bucket: AgeBucket | None = strawberry.field(description="Bucket of each invoice's own age.")
    outstanding_rial: Rial = strawberry.field(description=_OUTSTANDING)
    overdue_rial: Rial = strawberry.field(description=_OVERDUE)
    invoice_count: int = strawberry.field(description="Invoices of which something is owed.")
    usage_point_count: int = strawberry.field(description="Usage points with such invoices.")

    @resolver(description="District of the usage point.", graphql_type=DistrictRef | None)
    @staticmethod
    async def district(root: strawberry.Parent[DebtSummaryRow], info: Info) -> models.District | None:
        if root.district_id is None:
            return None
        return await info.context.load(districts_by_id, root.district_id)
