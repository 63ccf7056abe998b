"""Customer, SupplyAgreement, Supply."""

from __future__ import annotations

import datetime as dt

import strawberry
from sqlalchemy import case

from graphql_api.cases.filters import CaseFilter
from graphql_api.connections import Connection
from graphql_api.fields import (
    CASE_GUARDS,
    PERSONAL,
    PERSONAL_NOTE,
    column,
    computed,
    jalali,
    many,
    masked,
    one,
)
from graphql_api.refs import CaseRef, SupplyAgreementRef, SupplyRef, UsagePointRef
from graphql_api.rows import Node, Row
from tarazu import models
from tarazu.cases.fields import case_fields
from tarazu.cases.repository import CASES_NEWEST_FIRST
from tarazu.customer_service.repository import AGREEMENT_ORDER, SUPPLY_ORDER
from tarazu.identifiers.masking import mask
from tarazu.identifiers.masking_sql import mask_sql
from tarazu.models.enums import CustomerKind, Sector
from tarazu.security import row_scope
from tarazu.security.permissions import Permission


def _legal_entity_id(row: models.Customer) -> str | None:
    if row.kind is CustomerKind.LEGAL_ENTITY or row.legal_entity_id is None:
        return row.legal_entity_id
    return mask(row.legal_entity_id)


@strawberry.type(description="A person or legal entity that takes electricity («مشترک»; IEC CIM Customer).")
class Customer(Node, model=models.Customer, scope=row_scope.customer, requires=Permission.READ_CUSTOMERS):
    customer_no: str = column("The company's own number of the customer; unique.")
    kind: CustomerKind = column("A natural person or a legal entity.")
    sector: Sector = column("Government or private.")
    name: str | None = column(
        "The name as the source writes it." + PERSONAL_NOTE, name="name", guard=PERSONAL
    )
    national_id: str | None = column(
        "National id of a person («کد ملی»)." + PERSONAL_NOTE, name="national_id", guard=PERSONAL
    )
    national_id_masked: str | None = masked(
        "national_id", "National id of a person («کد ملی»), all but the last four digits as `*`."
    )
    legal_entity_id_masked: str | None = computed(
        lambda c, _: case(
            (c.kind == CustomerKind.LEGAL_ENTITY, c.legal_entity_id), else_=mask_sql(c.legal_entity_id)
        ),
        _legal_entity_id,
        "National id of a legal entity («شناسه ملی»), which is public; of a person all but the last four digits as "
        "`*`.",
    )
    mobile: str | None = column("Mobile number in E.164." + PERSONAL_NOTE, name="mobile", guard=PERSONAL)
    mobile_masked: str | None = masked(
        "mobile", "Mobile number in E.164, all but the last four digits as `*`."
    )
    agreements: Connection[SupplyAgreementRef] = many(
        models.Customer.agreements, AGREEMENT_ORDER, "Agreements under which the customer is supplied."
    )
    cases: Connection[CaseRef] = many(
        models.Customer.cases,
        CASES_NEWEST_FIRST,
        "Cases about the customer as such (debts); cases about a point hang on the point.",
        filter_type=CaseFilter,
        fields=case_fields,
        guards=CASE_GUARDS,
    )


@strawberry.type(
    description="A supply contract of a customer («قرارداد تامین برق»; IEC CIM CustomerAgreement)."
)
class SupplyAgreement(
    Node, model=models.SupplyAgreement, scope=row_scope.of_customer, requires=Permission.READ_CUSTOMERS
):
    agreement_no: str = column("The company's own number of the agreement; unique.")
    signed_on: dt.date | None = column("Day of signature.")
    signed_on_jalali: str | None = jalali("signed_on")
    customer: Customer = one(models.SupplyAgreement.customer, "Who made the agreement.")
    supplies: Connection[SupplyRef] = many(
        models.SupplyAgreement.supplies,
        SUPPLY_ORDER,
        "Usage points supplied under the agreement, and when; the newest first.",
    )


@strawberry.type(
    description="That an agreement supplies a usage point in a period; customers of a point change."
)
class Supply(
    Row, model=models.AgreementUsagePoint, scope=row_scope.supply, requires=Permission.READ_CUSTOMERS
):
    valid_from: dt.date = column("First day of the supply.")
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = column("First day after the supply; null while it lasts.")
    valid_to_jalali: str | None = jalali("valid_to")
    agreement: SupplyAgreement | None = one(
        models.AgreementUsagePoint.agreement,
        "The agreement; null where its customer is outside the reader's scope.",
    )
    usage_point: UsagePointRef = one(models.AgreementUsagePoint.usage_point, "The usage point.")
