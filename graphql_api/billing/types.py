"""Invoice with its lines, Payment, PaymentAllocation."""

from __future__ import annotations

import datetime as dt

import strawberry

from graphql_api.connections import Connection
from graphql_api.fields import PERSONAL, PERSONAL_NOTE, column, jalali, listed, many, masked, one
from graphql_api.refs import MeterInstallationRef, PaymentAllocationRef, SupplyAgreementRef, UsagePointRef
from graphql_api.rows import Node, Row
from graphql_api.scalars import Rial
from tarazu import models
from tarazu.billing import repository
from tarazu.models.enums import InvoiceKind, ReadingQuality
from tarazu.security import row_scope
from tarazu.security.permissions import Permission


@strawberry.type(description="One charge of an invoice (IEC CIM Charge).")
class InvoiceLine(
    Row, model=models.InvoiceLine, scope=row_scope.of_invoice, requires=Permission.READ_BILLING
):
    line_code: str = column("Which charge: energy_charge, demand_charge, electricity_duty, vat, rounding …")
    amount_rial: Rial = column("The charge, rial; negative for discounts and rounding.")


@strawberry.type(
    description=(
        "A bill of a usage point («صورتحساب») for the days from `periodStart` up to but without `periodEnd`, with "
        "the readings it was computed from: `previousIndex` was read on `periodStart`, `currentIndex` on `periodEnd`."
    )
)
class Invoice(Node, model=models.Invoice, scope=row_scope.of_usage_point, requires=Permission.READ_BILLING):
    invoice_no: str = column("Number of the invoice; unique at its usage point.")
    kind: InvoiceKind = column("Ordinary, on account, revised or last.")
    billing_year: int | None = column("Jalali year of the billing period.")
    billing_period: int | None = column("Number of the period in that year, from 1.")
    payment_id: str | None = column("Payment id («شناسه پرداخت»): amount and period as the bank sees them.")
    period_start: dt.date = column("First day of the billed period.")
    period_start_jalali: str | None = jalali("period_start")
    period_end: dt.date = column("First day after the billed period.")
    period_end_jalali: str | None = jalali("period_end")
    is_start_derived: bool = column(
        "Whether the first day was reckoned back from a number of months, the source giving none."
    )
    issued_on: dt.date | None = column("Day of issue.")
    issued_on_jalali: str | None = jalali("issued_on")
    due_on: dt.date | None = column("Last day to pay («مهلت پرداخت»); overdue from the next.")
    due_on_jalali: str | None = jalali("due_on")
    reading_quality: ReadingQuality = column("How the current reading came about.")
    previous_index: float | None = column("What the total register showed at the start, in its own unit.")
    current_index: float | None = column("What the total register showed at the end, in its own unit.")
    multiplier: float = column("kWh per unit of the register.")
    consumption_kwh: float = column("Billed active energy of the period, kWh.")
    mid_kwh: float | None = column("Of it in mid load («میان‌باری»), kWh.")
    peak_kwh: float | None = column("Of it in peak load («اوج‌بار»), kWh.")
    low_kwh: float | None = column("Of it in low load («کم‌باری»), kWh.")
    reactive_kvarh: float | None = column("Reactive energy of the period, kvarh.")
    step_1_kwh: float | None = column("Energy billed at the first price step, kWh.")
    step_2_kwh: float | None = column("Energy billed at the second price step, kWh.")
    step_3_kwh: float | None = column("Energy billed at the third price step, kWh.")
    step_4_kwh: float | None = column("Energy billed at the fourth price step, kWh.")
    loss_factor: float | None = column("Loss factor for a low power factor («ضریب زیان»), as printed.")
    read_demand_kw: float | None = column("Maximum demand as read («ماکسیمتر»), kW.")
    calculated_demand_kw: float | None = column("Demand that was billed, kW.")
    payable_rial: Rial | None = column(
        "Amount to pay («مبلغ قابل پرداخت»), rial; null where the source has none."
    )

    bill_id: str | None = column("Bill id («شناسه قبض»)." + PERSONAL_NOTE, name="bill_id", guard=PERSONAL)
    bill_id_masked: str | None = masked(
        "bill_id", "Bill id («شناسه قبض»), all but the last four digits as `*`."
    )
    usage_point: UsagePointRef = one(models.Invoice.usage_point, "The usage point that was billed.")
    agreement: SupplyAgreementRef | None = one(
        models.Invoice.agreement,
        "The agreement it was billed under; null where the source does not say, or its customer is outside the "
        "reader's scope.",
    )
    installation: MeterInstallationRef | None = one(
        models.Invoice.installation,
        "The meter whose readings were billed; null where the source does not say.",
    )
    lines: list[InvoiceLine] = listed(
        models.Invoice.lines,
        repository.INVOICE_LINE_ORDER,
        "Its charges. They need not add up to the payable amount, which carries balances.",
    )
    allocations: Connection[PaymentAllocationRef] = many(
        models.Invoice.allocations, repository.ALLOCATION_ORDER, "What was paid for it, by payment."
    )


@strawberry.type(description="Money that came in.")
class Payment(Node, model=models.Payment, scope=row_scope.payment, requires=Permission.READ_BILLING):
    payment_no: str = column("Number of the payment; unique.")
    paid_on: dt.date = column("Day of payment.")
    paid_on_jalali: str | None = jalali("paid_on")
    amount_rial: Rial = column("Amount paid, rial.")
    channel: str | None = column("How it was paid, as the source writes it.")
    bank_code: str | None = column("Code of the bank.")

    usage_point: UsagePointRef | None = one(
        models.Payment.usage_point,
        "The usage point it was paid for; null where the payment does not say, or it is outside the reader's scope.",
    )
    allocations: Connection[PaymentAllocationRef] = many(
        models.Payment.allocations, repository.ALLOCATION_ORDER, "Which invoices it settles, and by how much."
    )


@strawberry.type(description="How much of a payment settles which invoice.")
class PaymentAllocation(
    Row, model=models.PaymentAllocation, scope=row_scope.of_invoice, requires=Permission.READ_BILLING
):
    amount_rial: Rial = column("The part of the payment, rial.")
    payment: Payment = one(models.PaymentAllocation.payment, "The payment.")
    invoice: Invoice = one(models.PaymentAllocation.invoice, "The invoice.")
