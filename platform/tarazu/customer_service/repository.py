"""Lists of customers and their agreements: orders, filters and the search."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, any_, func, literal_column, or_, select, union
from sqlalchemy.dialects.postgresql import array

from tarazu.filtering import Columns, Field, column
from tarazu.models import (
    AgreementUsagePoint,
    Customer,
    Meter,
    MeterInstallation,
    SupplyAgreement,
    UsagePoint,
)
from tarazu.paging import Order

CUSTOMER_ORDER: Final = Order("customer", ("id",), (int,))
AGREEMENT_ORDER: Final = Order("agreement", ("id",), (int,))
# The newest supply comes first: it says who has the point now.
SUPPLY_ORDER: Final = Order("supply", ("valid_from", "id"), (dt.date, int), descending=True)


def customer_fields(c: Columns) -> dict[str, Field]:
    """What customers can be filtered by."""
    return {name: column(c[name]) for name in ("kind", "sector", "customer_no")}


def is_customer_found(c: Columns, needle: ColumnElement[str], *, has_digits: bool) -> ColumnElement[bool]:
    """Whether a customer is found by a search; `needle` is its search key (`tarazu.text.search_key`).

    Any search is looked up as the beginning of a word of the name. One with digits is also looked up whole as customer
    number, national id, legal-entity id, bill id, subscription number or meter serial. Letters, digits and spaces are
    compared in their search form: «علي» finds «علی».
    """
    by_name = or_(
        func.starts_with(c.name_search_key, needle),
        func.strpos(c.name_search_key, literal_column("' '").concat(needle)) > literal_column("0"),
    )
    # Serial and subscription numbers carry letters in some companies, a name carries no digits.
    if not has_digits:
        return by_name
    customer = Customer.__table__.alias()
    supplied = (
        select(SupplyAgreement.customer_id)
        .join(AgreementUsagePoint, AgreementUsagePoint.agreement_id == SupplyAgreement.id)
        .join(UsagePoint, UsagePoint.id == AgreementUsagePoint.usage_point_id)
    )
    # search_key folds case; identifiers are stored as they are written, so both cases are tried.
    spellings = array([needle, func.upper(needle)])
    matches: list[Select[Any]] = [
        select(customer.c.id).where(customer.c.customer_no == any_(spellings)),
        select(customer.c.id).where(customer.c.national_id == needle),
        select(customer.c.id).where(customer.c.legal_entity_id == needle),
        supplied.where(UsagePoint.subscription_no == any_(spellings)),
        supplied.where(UsagePoint.bill_id == needle),
        supplied.join(MeterInstallation, MeterInstallation.usage_point_id == UsagePoint.id)
        .join(Meter, Meter.id == MeterInstallation.meter_id)
        .where(Meter.serial_no == any_(spellings)),
    ]
    # A UNION of index look-ups; as ORs over joins it would read every customer.
    return or_(c.id.in_(union(*matches)), by_name)
