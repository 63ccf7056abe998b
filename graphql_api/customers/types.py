"""Customer, SupplyAgreement, Supply."""

from __future__ import annotations

import datetime as dt
from typing import Any

import strawberry
from strawberry import UNSET

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, children
from graphql_api.context import Info
from graphql_api.fields import jalali, masked, resolver
from graphql_api.nodes import Node
from graphql_api.refs import CaseRef, SupplyAgreementRef, SupplyRef, UsagePointRef
from tarazu import models
from tarazu.cases.repository import cases_of_customers
from tarazu.customer_service import repository
from tarazu.metering.repository import usage_points_by_id
from tarazu.models.enums import CustomerKind, Sector


@strawberry.type(description="A person or legal entity that takes electricity («مشترک»; IEC CIM Customer).")
class Customer(Node, model=models.Customer, fetch=repository.customers_by_id):
    customer_no: str = strawberry.field(description="The company's own number of the customer; unique.")
    kind: CustomerKind = strawberry.field(description="A natural person or a legal entity.")
    sector: Sector = strawberry.field(description="Government or private.")
    name: str | None = strawberry.field(description="The name as the source writes it.")

    @resolver(description="National id of a person («کد ملی»), all but the last four digits as `*`.")
    @staticmethod
    def national_id_masked(root: strawberry.Parent[models.Customer]) -> str | None:
        return masked(root.national_id)

    @resolver(
        description=(
            "National id of a legal entity («شناسه ملی»), which is public; of a person all but the last four "
            "digits as `*`."
        )
    )
    @staticmethod
    def legal_entity_id_masked(root: strawberry.Parent[models.Customer]) -> str | None:
        if root.kind is CustomerKind.LEGAL_ENTITY:
            return root.legal_entity_id
        return masked(root.legal_entity_id)

    @resolver(description="Mobile number in E.164, all but the last four digits as `*`.")
    @staticmethod
    def mobile_masked(root: strawberry.Parent[models.Customer]) -> str | None:
        return masked(root.mobile)

    @resolver(
        description="Agreements under which the customer is supplied.",
        graphql_type=Connection[SupplyAgreementRef],
    )
    @staticmethod
    def agreements(
        root: strawberry.Parent[models.Customer], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.agreements_of_customers, root.id, first, after)

    @resolver(
        description="Cases about the customer as such (debts); cases about a point hang on the point.",
        graphql_type=Connection[CaseRef],
    )
    @staticmethod
    def cases(
        root: strawberry.Parent[models.Customer], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, cases_of_customers, root.id, first, after)


@strawberry.type(
    description="A supply contract of a customer («قرارداد تامین برق»; IEC CIM CustomerAgreement)."
)
class SupplyAgreement(Node, model=models.SupplyAgreement, fetch=repository.agreements_by_id):
    agreement_no: str = strawberry.field(description="The company's own number of the agreement; unique.")
    signed_on: dt.date | None = strawberry.field(description="Day of signature.")
    signed_on_jalali: str | None = jalali("signed_on")

    @resolver(description="Who made the agreement.", graphql_type=Customer)
    @staticmethod
    async def customer(root: strawberry.Parent[models.SupplyAgreement], info: Info) -> models.Customer | None:
        return await info.context.load(repository.customers_by_id, root.customer_id)

    @resolver(
        description="Usage points supplied under the agreement, and when; the newest first.",
        graphql_type=Connection[SupplyRef],
    )
    @staticmethod
    def supplies(
        root: strawberry.Parent[models.SupplyAgreement],
        info: Info,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        return children(info, repository.supplies_of_agreements, root.id, first, after)


@strawberry.type(
    description="That an agreement supplies a usage point in a period; customers of a point change."
)
class Supply:
    valid_from: dt.date = strawberry.field(description="First day of the supply.")
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = strawberry.field(
        description="First day after the supply; null while it lasts."
    )
    valid_to_jalali: str | None = jalali("valid_to")

    @resolver(description="The agreement.", graphql_type=SupplyAgreement)
    @staticmethod
    async def agreement(
        root: strawberry.Parent[models.AgreementUsagePoint], info: Info
    ) -> models.SupplyAgreement | None:
        return await info.context.load(repository.agreements_by_id, root.agreement_id)

    @resolver(description="The usage point.", graphql_type=UsagePointRef)
    @staticmethod
    async def usage_point(
        root: strawberry.Parent[models.AgreementUsagePoint], info: Info
    ) -> models.UsagePoint | None:
        return await info.context.load(usage_points_by_id, root.usage_point_id)
