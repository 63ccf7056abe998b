"""Reads of debts; the statements are in `tarazu.receivables.debts`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from tarazu.database import ReadSession
from tarazu.models import PaymentAllocation, Receivable
from tarazu.models.enums import Sector, Segment, TariffClass
from tarazu.receivables.ageing import DEFAULT_BUCKETS, AgeBucket, AgeBuckets
from tarazu.receivables.debts import ALL_DEBTS, DebtDimension, DebtFilter, debt_summary_statement


@dataclass(frozen=True, slots=True)
class DebtSummaryRow:
    """Debts of one group. A dimension is None where it was not asked for, or where it is not known.

    The age is each invoice's own; `age_bucket` is set for the default buckets only.
    """

    sector: Sector | None
    district_id: int | None
    district_code: str | None
    tariff_class: TariffClass | None
    segment: Segment | None
    age_bucket: AgeBucket | None
    age_from_days: int | None
    age_to_days: int | None
    outstanding_rial: int
    overdue_rial: int
    invoice_count: int
    usage_point_count: int


@dataclass(frozen=True, slots=True)
class UnexplainedReceivable:
    """An invoice of which `receivable` says another sum than its allocations add up to, rial."""

    invoice_id: int
    paid_rial: int
    allocated_rial: int


async def debt_summary(
    session: ReadSession,
    as_of: dt.date,
    group_by: Sequence[DebtDimension] = (DebtDimension.SECTOR, DebtDimension.AGE_BUCKET),
    debts: DebtFilter = ALL_DEBTS,
    buckets: AgeBuckets = DEFAULT_BUCKETS,
) -> list[DebtSummaryRow]:
    """Debts on the day `as_of` summed by the dimensions, the largest first; without dimensions, one row."""
    statement = debt_summary_statement(as_of, group_by, debts, buckets)
    return [_summary_row(row) for row in await session.execute(statement)]


def _summary_row(row: Row[*tuple[Any, ...]]) -> DebtSummaryRow:
    given: dict[str, Any] = dict.fromkeys(DebtSummaryRow.__slots__)
    given |= row._mapping  # noqa: SLF001  # the public name of a row's names in SQLAlchemy
    bucket = given["age_bucket"]
    return DebtSummaryRow(**{**given, "age_bucket": None if bucket is None else AgeBucket(bucket)})


async def unexplained_receivables(session: ReadSession, limit: int = 100) -> list[UnexplainedReceivable]:
    """Receivables whose `paid_rial` is not the sum of the invoice's allocations: none is expected.

    Reads all allocations, so it is for checks and not for the API.
    """
    allocated = (
        select(PaymentAllocation.invoice_id, func.sum(PaymentAllocation.amount_rial).label("rial"))
        .group_by(PaymentAllocation.invoice_id)
        .subquery("allocated")
    )
    rial = func.coalesce(allocated.c.rial, 0)
    statement = (
        select(Receivable.invoice_id, Receivable.paid_rial, rial)
        .outerjoin(allocated, allocated.c.invoice_id == Receivable.invoice_id)
        .where(Receivable.paid_rial != rial)
        .order_by(Receivable.invoice_id)
        .limit(limit)
    )
    return [
        UnexplainedReceivable(invoice_id, paid, int(rial))
        for invoice_id, paid, rial in await session.execute(statement)
    ]
