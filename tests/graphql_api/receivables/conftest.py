"""Debts computed plainly from the invoices, payments and periods of the world."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from tarazu.models import AgreementUsagePoint
from tests.ageing import bucket_of


@dataclass(frozen=True)
class Debt:
    """What is owed of one invoice."""

    usage_point: str
    customer: str | None
    due_on: dt.date | None
    outstanding: int
    overdue: int
    SECTOR: str | None
    DISTRICT: str
    TARIFF_CLASS: str | None
    AGE_BUCKET: str


def in_force(periods: Any, day: dt.date) -> Any:
    valid = [p for p in periods if p.valid_from <= day and (p.valid_to is None or p.valid_to > day)]
    return max(valid, key=lambda p: p.valid_from, default=None)


@pytest.fixture
async def debts_on(world: Any, api: Any) -> Any:
    async with api.sessions.read() as session:
        supplies = list(await session.scalars(select(AgreementUsagePoint)))
    customers = {
        agreement.id: customer for agreement, customer in zip(world.agreements, world.customers, strict=True)
    }
    points = {point.id: point for point in world.usage_points}
    districts = {district.id: district.code for district in world.districts}
    paid_on = {payment.id: payment.paid_on for payment in world.payments}

    def compute(as_of: dt.date) -> list[Debt]:
        paid: dict[int, int] = defaultdict(int)
        for allocation in world.allocations:
            if paid_on[allocation.payment_id] <= as_of:
                paid[allocation.invoice_id] += allocation.amount_rial
        debts = []
        for invoice in world.invoices:
            outstanding = (invoice.payable_rial or 0) - paid[invoice.id]
            if outstanding <= 0 or (invoice.issued_on or invoice.period_end) > as_of:
                continue
            day = invoice.period_end - dt.timedelta(1)
            supply = in_force([s for s in supplies if s.usage_point_id == invoice.usage_point_id], day)
            agreement = invoice.agreement_id or (supply and supply.agreement_id)
            customer = customers.get(agreement)
            term = in_force([t for t in world.terms if t.usage_point_id == invoice.usage_point_id], day)
            days = (as_of - invoice.due_on).days if invoice.due_on else 0
            point = points[invoice.usage_point_id]
            debts.append(
                Debt(
                    usage_point=point.subscription_no,
                    customer=customer and customer.customer_no,
                    due_on=invoice.due_on,
                    outstanding=outstanding,
                    overdue=outstanding if days > 0 else 0,
                    SECTOR=customer and customer.sector.name,
                    DISTRICT=districts[point.district_id],
                    TARIFF_CLASS=term and term.tariff_class.name,
                    AGE_BUCKET=bucket_of(days).name,
                )
            )
        return debts

    return compute
