"""What is owed of which invoice on a day, as SQL.

`receivable` says what was paid of each invoice so far, so today's debts are its open rows. What was paid after the day
asked for is not counted yet on that day: those payments are looked up by their day, and added again. So a list of
today costs what is open, and one of an earlier day what was paid since.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CTE, Select, func, select, union_all

from tarazu.expressions import Given, day, total
from tarazu.models import (
    District,
    Payment,
    PaymentAllocation,
    Receivable,
    UsagePoint,
)
from tarazu.security import row_scope
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues


def owed(
    as_of: Given[dt.date], scope: ScopeValues = UNRESTRICTED, district_code: Given[str] | None = None
) -> CTE:
    """One row an invoice of which something is owed on `as_of`, of one district or of all.

    Columns: invoice_id, usage_point_id, agreement_id, period_end, due_on, outstanding_rial. An invoice is owed from the
    day it was issued (or read, where the source does not say when it was issued); an overpaid one is not owed and
    offsets no other.
    """
    wanted = [Receivable.owed_from <= day(as_of)]
    if (in_scope := row_scope.of_usage_point(Receivable.__table__.c, scope)) is not None:
        wanted.append(in_scope)
    if district_code is not None:
        points = select(UsagePoint.id).join(District, District.id == UsagePoint.district_id)
        wanted.append(Receivable.usage_point_id.in_(points.where(District.code == district_code)))
    later = (
        select(PaymentAllocation.invoice_id, total(PaymentAllocation.amount_rial).label("paid_later_rial"))
        .join(Payment, Payment.id == PaymentAllocation.payment_id)
        # What was paid later is mostly for invoices that came later, too.
        .join(Receivable, Receivable.invoice_id == PaymentAllocation.invoice_id)
        .where(Payment.paid_on > day(as_of), *wanted)
        .group_by(PaymentAllocation.invoice_id)
        .cte("paid_later")
    )
    open_now = _claims(later, every=True).where(Receivable.payable_rial > Receivable.paid_rial, *wanted)
    open_then = _claims(later, every=False).where(Receivable.payable_rial <= Receivable.paid_rial)
    return union_all(open_now, open_then).cte("owed")


def _claims(later: CTE, *, every: bool) -> Select[*tuple[Any, ...]]:
    """What is owed of receivables; of `every` one, or only of those of which something was paid later."""
    outstanding = Receivable.payable_rial - Receivable.paid_rial + func.coalesce(later.c.paid_later_rial, 0)
    return (
        select(
            Receivable.invoice_id,
            Receivable.usage_point_id,
            Receivable.agreement_id,
            Receivable.period_end,
            Receivable.due_on,
            outstanding.label("outstanding_rial"),
        )
        .join(later, later.c.invoice_id == Receivable.invoice_id, isouter=every)
        .where(outstanding > 0)
    )
