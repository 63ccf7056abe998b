"""Lists of invoices, their lines, payments and what was paid for which: their orders, and what they are filtered by."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import select

from tarazu.filtering import Columns, Field, column, related
from tarazu.models import District, UsagePoint
from tarazu.paging import Order

INVOICE_ORDER: Final = Order("invoice", ("id",), (int,), descending=True)
INVOICES_BY_PERIOD: Final = Order("invoice.period_end", ("period_end", "id"), (dt.date, int), descending=True)
INVOICE_LINE_ORDER: Final = Order("invoice_line", ("id",), (int,))
PAYMENT_ORDER: Final = Order("payment.paid_on", ("paid_on", "id"), (dt.date, int), descending=True)
ALLOCATION_ORDER: Final = Order("allocation", ("id",), (int,))


def invoice_fields(c: Columns) -> dict[str, Field]:
    """What invoices can be filtered by."""
    in_district = related(UsagePoint.district_id, District.id, District.code)
    return {
        "kind": column(c.kind),
        "reading_quality": column(c.reading_quality),
        "period_end": column(c.period_end),
        "issued_on": column(c.issued_on),
        "due_on": column(c.due_on),
        "consumption_kwh": column(c.consumption_kwh),
        "payable_rial": column(c.payable_rial),
        "subscription_no": related(c.usage_point_id, UsagePoint.id, UsagePoint.subscription_no),
        "district_code": lambda operator, value: c.usage_point_id.in_(
            select(UsagePoint.id).where(in_district(operator, value))
        ),
    }
