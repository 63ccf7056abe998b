"""Invoice with its lines, Payment, PaymentAllocation."""

from __future__ import annotations

import datetime as dt
from typing import Any

import strawberry
from strawberry import UNSET

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, children
from graphql_api.context import Info
from graphql_api.fields import jalali, masked, resolver
from graphql_api.nodes import Node
from graphql_api.refs import MeterInstallationRef, PaymentAllocationRef, SupplyAgreementRef, UsagePointRef
from graphql_api.scalars import Rial
from tarazu import models
from tarazu.billing import repository
from tarazu.customer_service.repository import agreements_by_id
from tarazu.metering.repository import installations_by_id, usage_points_by_id
from tarazu.models.enums import InvoiceKind, ReadingQuality


@strawberry.type(description="One charge of an invoice (IEC CIM Charge).")
class InvoiceLine:
    line_code: str = strawberry.field(
        description="Which charge: energy_charge, demand_charge, electricity_duty, vat, rounding …"
    )
    amount_rial: Rial = strawberry.field(description="The charge, rial; negative for discounts and rounding.")


@strawberry.type(
    description=(
        "A bill of a usage point («صورتحساب») for the days from `periodStart` up to but without `periodEnd`, with "
        "the readings it was computed from: `previousIndex` was read on `periodStart`, `currentIndex` on `periodEnd`."
    )
)
class Invoice(Node, model=models.Invoice, fetch=repository.invoices_by_id):
    invoice_no: str = strawberry.field(description="Number of the invoice; unique at its usage point.")
    kind: InvoiceKind = strawberry.field(description="Ordinary, on account, revised or last.")
    billing_year: int | None = strawberry.field(description="Jalali year of the billing period.")
    billing_period: int | None = strawberry.field(description="Number of the period in that year, from 1.")
    payment_id: str | None = strawberry.field(
        description="Payment id («شناسه پرداخت»): amount and period as the bank sees them."
    )
    period_start: dt.date = strawberry.field(description="First day of the billed period.")
    period_start_jalali: str | None = jalali("period_start")
    period_end: dt.date = strawberry.field(description="First day after the billed period.")
    period_end_jalali: str | None = jalali("period_end")
    is_start_derived: bool = strawberry.field(
        description="Whether the first day was reckoned back from a number of months, the source giving none."
    )
    issued_on: dt.date | None = strawberry.field(description="Day of issue.")
    issued_on_jalali: str | None = jalali("issued_on")
    due_on: dt.date | None = strawberry.field(
        description="Last day to pay («مهلت پرداخت»); overdue from the next."
    )
    due_on_jalali: str | None = jalali("due_on")
    reading_quality: ReadingQuality = strawberry.field(description="How the current reading came about.")
    previous_index: float | None = strawberry.field(
        description="What the total register showed at the start, in its own unit."
    )
    current_index: float | None = strawberry.field(
        description="What the total register showed at the end, in its own unit."
    )
    multiplier: float = strawberry.field(description="kWh per unit of the register.")
    consumption_kwh: float = strawberry.field(description="Billed active energy of the period, kWh.")
    mid_kwh: float | None = strawberry.field(description="Of it in mid load («میان‌باری»), kWh.")
    peak_kwh: float | None = strawberry.field(description="Of it in peak load («اوج‌بار»), kWh.")
    low_kwh: float | None = strawberry.field(description="Of it in low load («کم‌باری»), kWh.")
    reactive_kvarh: float | None = strawberry.field(description="Reactive energy of the period, kvarh.")
    step_1_kwh: float | None = strawberry.field(description="Energy billed at the first price step, kWh.")
    step_2_kwh: float | None = strawberry.field(description="Energy billed at the second price step, kWh.")
    step_3_kwh: float | None = strawberry.field(description="Energy billed at the third price step, kWh.")
    step_4_kwh: float | None = strawberry.field(description="Energy billed at the fourth price step, kWh.")
    read_demand_kw: float | None = strawberry.field(description="Maximum demand as read («ماکسیمتر»), kW.")
    calculated_demand_kw: float | None = strawberry.field(description="Demand that was billed, kW.")
    payable_rial: Rial | None = strawberry.field(
        description="Amount to pay («مبلغ قابل پرداخت»), rial; null where the source has none."
    )

    @resolver(description="Bill id («شناسه قبض»), all but the last four digits as `*`.")
    @staticmethod
    def bill_id_masked(root: strawberry.Parent[models.Invoice]) -> str | None:
        return masked(root.bill_id)

    @resolver(description="The usage point that was billed.", graphql_type=UsagePointRef)
    @staticmethod
    async def usage_point(root: strawberry.Parent[models.Invoice], info: Info) -> models.UsagePoint | None:
        return await info.context.load(usage_points_by_id, root.usage_point_id)

    @resolver(
        description="The agreement it was billed under; null where the source does not say.",
        graphql_type=SupplyAgreementRef | None,
    )
    @staticmethod
    async def agreement(root: strawberry.Parent[models.Invoice], info: Info) -> models.SupplyAgreement | None:
        if root.agreement_id is None:
            return None
        return await info.context.load(agreements_by_id, root.agreement_id)

    @resolver(
        description="The meter whose readings were billed; null where the source does not say.",
        graphql_type=MeterInstallationRef | None,
    )
    @staticmethod
    async def installation(
        root: strawberry.Parent[models.Invoice], info: Info
    ) -> models.MeterInstallation | None:
        if root.installation_id is None:
            return None
        return await info.context.load(installations_by_id, root.installation_id)

    @resolver(
        description="Its charges. They need not add up to the payable amount, which carries balances.",
        graphql_type=list[InvoiceLine],
    )
    @staticmethod
    async def lines(root: strawberry.Parent[models.Invoice], info: Info) -> list[models.InvoiceLine]:
        return await info.context.load(repository.lines_of_invoices.lists, root.id) or []

    @resolver(description="What was paid for it, by payment.", graphql_type=Connection[PaymentAllocationRef])
    @staticmethod
    def allocations(
        root: strawberry.Parent[models.Invoice], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.allocations_of_invoices, root.id, first, after)


@strawberry.type(description="Money that came in.")
class Payment(Node, model=models.Payment, fetch=repository.payments_by_id):
    payment_no: str = strawberry.field(description="Number of the payment; unique.")
    paid_on: dt.date = strawberry.field(description="Day of payment.")
    paid_on_jalali: str | None = jalali("paid_on")
    amount_rial: Rial = strawberry.field(description="Amount paid, rial.")
    channel: str | None = strawberry.field(description="How it was paid, as the source writes it.")
    bank_code: str | None = strawberry.field(description="Code of the bank.")

    @resolver(
        description="The usage point it was paid for; null where the payment does not say.",
        graphql_type=UsagePointRef | None,
    )
    @staticmethod
    async def usage_point(root: strawberry.Parent[models.Payment], info: Info) -> models.UsagePoint | None:
        if root.usage_point_id is None:
            return None
        return await info.context.load(usage_points_by_id, root.usage_point_id)

    @resolver(
        description="Which invoices it settles, and by how much.",
        graphql_type=Connection[PaymentAllocationRef],
    )
    @staticmethod
    def allocations(
        root: strawberry.Parent[models.Payment], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.allocations_of_payments, root.id, first, after)


@strawberry.type(description="How much of a payment settles which invoice.")
class PaymentAllocation:
    amount_rial: Rial = strawberry.field(description="The part of the payment, rial.")

    @resolver(description="The payment.", graphql_type=Payment)
    @staticmethod
    async def payment(root: strawberry.Parent[models.PaymentAllocation], info: Info) -> models.Payment | None:
        return await info.context.load(repository.payments_by_id, root.payment_id)

    @resolver(description="The invoice.", graphql_type=Invoice)
    @staticmethod
    async def invoice(root: strawberry.Parent[models.PaymentAllocation], info: Info) -> models.Invoice | None:
        return await info.context.load(repository.invoices_by_id, root.invoice_id)
