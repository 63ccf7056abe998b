"""Reads of customers, their agreements and which points those supplied."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, or_, select, union

from tarazu.database import ReadSession
from tarazu.fetching import ByKey, Children
from tarazu.filtering import Condition, Field, column, where
from tarazu.models import (
    AgreementUsagePoint,
    Customer,
    Meter,
    MeterInstallation,
    SupplyAgreement,
    UsagePoint,
)
from tarazu.paging import Order
from tarazu.text import search_key

CUSTOMER_ORDER: Final = Order("customer", ("id",), (int,))
CUSTOMER_FIELDS: Final[dict[str, Field]] = {
    "kind": column(Customer.kind),
    "sector": column(Customer.sector),
    "customer_no": column(Customer.customer_no),
}

customers_by_id: Final = ByKey(Customer, Customer.id)
customers_by_no: Final = ByKey(Customer, Customer.customer_no)
agreements_by_id: Final = ByKey(SupplyAgreement, SupplyAgreement.id)

agreements_of_customers: Final = Children(
    SupplyAgreement, SupplyAgreement.customer_id, Order("agreement", ("id",), (int,))
)
# The newest supply comes first: it says who has the point now.
_SUPPLY_ORDER: Final = Order("supply", ("valid_from", "id"), (dt.date, int), descending=True)
supplies_of_agreements: Final = Children(AgreementUsagePoint, AgreementUsagePoint.agreement_id, _SUPPLY_ORDER)
supplies_of_usage_points: Final = Children(
    AgreementUsagePoint, AgreementUsagePoint.usage_point_id, _SUPPLY_ORDER
)


def customers(condition: Condition, search: str | None = None) -> Select[Customer]:
    """Customers that meet the condition and the search.

    A search without letters is looked up whole as customer number, national id, legal-entity id, bill id,
    subscription number or meter serial. Any search is also looked up as the beginning of a word of the name.
    Letters, digits and spaces are compared in their search form: «علي» finds «علی».
    """
    statement = select(Customer).where(where(condition, CUSTOMER_FIELDS))
    if search is None:
        return statement
    return statement.where(_found_by(search_key(search)))


def _found_by(needle: str) -> ColumnElement[bool]:
    by_name = or_(
        Customer.name_search_key.startswith(needle, autoescape=True),
        Customer.name_search_key.contains(f" {needle}", autoescape=True),
    )
    # Serial and subscription numbers carry letters in some companies, a name carries no digits.
    if not any(character.isdigit() for character in needle):
        return by_name
    supplied = (
        select(SupplyAgreement.customer_id)
        .join(AgreementUsagePoint, AgreementUsagePoint.agreement_id == SupplyAgreement.id)
        .join(UsagePoint, UsagePoint.id == AgreementUsagePoint.usage_point_id)
    )
    # search_key folds case; identifiers are stored as they are written, so both cases are tried.
    spellings = {needle, needle.upper()}
    matches: list[Select[Any]] = [
        select(Customer.id).where(Customer.customer_no.in_(spellings)),
        select(Customer.id).where(Customer.national_id == needle),
        select(Customer.id).where(Customer.legal_entity_id == needle),
        supplied.where(UsagePoint.subscription_no.in_(spellings)),
        supplied.where(UsagePoint.bill_id == needle),
        supplied.join(MeterInstallation, MeterInstallation.usage_point_id == UsagePoint.id)
        .join(Meter, Meter.id == MeterInstallation.meter_id)
        .where(Meter.serial_no.in_(spellings)),
    ]
    # A UNION of index look-ups; as ORs over joins it would read every customer.
    return or_(Customer.id.in_(union(*matches)), by_name)


async def current_customers(
    session: ReadSession, usage_points: Sequence[int], on: dt.date
) -> dict[int, Customer]:
    """Who is supplied at each point on that day; a point that supplies nobody is left out."""
    statement = (
        select(AgreementUsagePoint.usage_point_id, Customer)
        .join(SupplyAgreement, SupplyAgreement.id == AgreementUsagePoint.agreement_id)
        .join(Customer, Customer.id == SupplyAgreement.customer_id)
        .where(
            AgreementUsagePoint.usage_point_id.in_(usage_points),
            AgreementUsagePoint.valid_from <= on,
            or_(AgreementUsagePoint.valid_to.is_(None), AgreementUsagePoint.valid_to > on),
        )
        # Where two periods overlap, the newer one is written last and stays.
        .order_by(AgreementUsagePoint.valid_from, AgreementUsagePoint.id)
    )
    return dict((await session.execute(statement)).all())
