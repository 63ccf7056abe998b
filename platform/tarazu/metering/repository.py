"""Lists of usage points, meters, readings and events: their orders, their filters, and what is in force on a day."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, literal_column, or_, select

from tarazu.filtering import Columns, Field, column, related
from tarazu.models import (
    AgreementUsagePoint,
    DistributionTransformer,
    District,
    SupplyAgreement,
    UsagePointTerm,
)
from tarazu.paging import Order


def _newest(name: str, day: str) -> Order:
    return Order(name, (day, "id"), (dt.date, int), descending=True)


USAGE_POINT_ORDER: Final = Order("usage_point", ("id",), (int,))
METER_ORDER: Final = Order("meter", ("id",), (int,))
TERM_ORDER: Final = _newest("term", "valid_from")
STATUS_ORDER: Final = _newest("status", "valid_from")
INSTALLATION_ORDER: Final = _newest("installation", "valid_from")
MULTIPLIER_ORDER: Final = _newest("multiplier", "valid_from")
READING_ORDER: Final = _newest("reading", "read_on")
EVENT_ORDER: Final = Order("event", ("occurred_at", "id"), (dt.datetime, int), descending=True)


# In the text: PostgreSQL plans a bound limit as a tenth of the table.
_ONE: Final[ColumnElement[int]] = literal_column("1", Integer)


def usage_point_fields(c: Columns) -> dict[str, Field]:
    """What usage points can be filtered by."""
    return {
        "subscription_no": column(c.subscription_no),
        "bill_id": column(c.bill_id),
        "commodity": column(c.commodity),
        "activity_code": column(c.activity_code),
        "district_code": related(c.district_id, District.id, District.code),
        "transformer_code": related(
            c.transformer_id, DistributionTransformer.id, DistributionTransformer.code
        ),
        "energised_on": column(c.energised_on),
    }


def meter_fields(c: Columns) -> dict[str, Field]:
    """What meters can be filtered by."""
    return {name: column(c[name]) for name in ("serial_no", "manufacturer", "model", "is_smart")}


def reading_fields(c: Columns) -> dict[str, Field]:
    """What readings can be filtered by."""
    return {name: column(c[name]) for name in ("read_on", "register", "quality")}


def event_fields(c: Columns) -> dict[str, Field]:
    """What events of meters can be filtered by."""
    return {"kind": column(c.kind)}


def is_term_in_force(point: Columns, term: Columns, day: ColumnElement[dt.date]) -> ColumnElement[bool]:
    """Whether a row of terms is the one in force at the point on that day: the newest where periods overlap."""
    newest = UsagePointTerm.__table__.alias()
    in_force: ColumnElement[bool] = term.id == (
        select(newest.c.id)
        .where(newest.c.usage_point_id == point.id, *_valid(newest.c, day))
        .order_by(newest.c.valid_from.desc(), newest.c.id.desc())
        .limit(_ONE)
        .correlate(point.id.table)
        .scalar_subquery()
    )
    return in_force


def is_customer_supplied(
    point: Columns, customer: Columns, day: ColumnElement[dt.date]
) -> ColumnElement[bool]:
    """Whether a customer is the one supplied at the point on that day: by the newest where supplies overlap."""
    supply, agreement = AgreementUsagePoint.__table__.alias(), SupplyAgreement.__table__.alias()
    supplied: ColumnElement[bool] = customer.id == (
        select(agreement.c.customer_id)
        .select_from(supply.join(agreement, agreement.c.id == supply.c.agreement_id))
        .where(supply.c.usage_point_id == point.id, *_valid(supply.c, day))
        .order_by(supply.c.valid_from.desc(), supply.c.id.desc())
        .limit(_ONE)
        .correlate(point.id.table)
        .scalar_subquery()
    )
    return supplied


def _valid(c: Any, day: ColumnElement[dt.date]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return c.valid_from <= day, or_(c.valid_to.is_(None), c.valid_to > day)
