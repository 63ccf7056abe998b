"""Reads of customers, their agreements and which points those supplied."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Select, or_, select

from tarazu.customer_service.search import Search, finds_customer
from tarazu.database import ReadSession
from tarazu.fetching import ByKey, Children
from tarazu.filtering import Condition, Field, column, where
from tarazu.models import AgreementUsagePoint, Customer, SupplyAgreement
from tarazu.paging import Order

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


def customers(condition: Condition, search: Search | None = None) -> Select[Customer]:
    """Customers that meet the condition and the search (`tarazu.customer_service.search`)."""
    statement = select(Customer).where(where(condition, CUSTOMER_FIELDS))
    return statement if search is None else statement.where(finds_customer(search))


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
