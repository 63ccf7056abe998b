"""Reads of invoices, their lines, payments and what was paid for which."""

from __future__ import annotations

import datetime as dt
from typing import Final

from sqlalchemy import Select, select

from tarazu.fetching import ByKey, Children
from tarazu.filtering import Condition, Field, column, related, where
from tarazu.models import District, Invoice, InvoiceLine, Payment, PaymentAllocation, UsagePoint
from tarazu.paging import Order

INVOICE_ORDER: Final = Order("invoice", ("id",), (int,), descending=True)
_in_district: Final = related(UsagePoint.district_id, District.id, District.code)
INVOICE_FIELDS: Final[dict[str, Field]] = {
    "kind": column(Invoice.kind),
    "reading_quality": column(Invoice.reading_quality),
    "period_end": column(Invoice.period_end),
    "issued_on": column(Invoice.issued_on),
    "due_on": column(Invoice.due_on),
    "consumption_kwh": column(Invoice.consumption_kwh),
    "payable_rial": column(Invoice.payable_rial),
    "subscription_no": related(Invoice.usage_point_id, UsagePoint.id, UsagePoint.subscription_no),
    "district_code": lambda operator, value: Invoice.usage_point_id.in_(
        select(UsagePoint.id).where(_in_district(operator, value))
    ),
}

invoices_by_id: Final = ByKey(Invoice, Invoice.id)
payments_by_id: Final = ByKey(Payment, Payment.id)

invoices_of_usage_points: Final = Children(
    Invoice,
    Invoice.usage_point_id,
    Order("invoice.period_end", ("period_end", "id"), (dt.date, int), descending=True),
)
lines_of_invoices: Final = Children(
    InvoiceLine, InvoiceLine.invoice_id, Order("invoice_line", ("id",), (int,))
)
payments_of_usage_points: Final = Children(
    Payment,
    Payment.usage_point_id,
    Order("payment.paid_on", ("paid_on", "id"), (dt.date, int), descending=True),
)
allocations_of_invoices: Final = Children(
    PaymentAllocation, PaymentAllocation.invoice_id, Order("allocation", ("id",), (int,))
)
# A ministry pays thousands of bills at once; the unique key of payment and invoice has them in this order.
allocations_of_payments: Final = Children(
    PaymentAllocation, PaymentAllocation.payment_id, Order("allocation.invoice", ("invoice_id",), (int,))
)


def invoices(condition: Condition) -> Select[Invoice]:
    """Invoices that meet the condition."""
    return select(Invoice).where(where(condition, INVOICE_FIELDS))
