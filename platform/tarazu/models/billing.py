"""What was billed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, Key, choice
from .customer import SupplyAgreement
from .enums import InvoiceKind, ReadingQuality
from .metering import MeterInstallation

if TYPE_CHECKING:
    from .payment import PaymentAllocation
    from .usage_point import UsagePoint


class Invoice(Base):
    """A bill for the half-open period [period_start, period_end) of one usage point.

    The readings it was computed from are named by (installation, date, index): `previous_index` was read on
    `period_start`, `current_index` on `period_end`. Energy in kWh, money in rial.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("usage_point_id", "invoice_no"),
        # One bill a subscription, year and period. Sources without such a numbering leave it NULL.
        UniqueConstraint("usage_point_id", "billing_year", "billing_period"),
        # With what an energy balance sums, which then reads no invoice.
        Index(
            None,
            "usage_point_id",
            "period_end",
            "id",
            postgresql_include=["period_start", "consumption_kwh"],
        ),
        Index(None, "agreement_id"),
        Index(None, "installation_id"),
        CheckConstraint("period_end > period_start", name="period"),
        CheckConstraint("payable_rial >= 0", name="payable"),
        CheckConstraint("multiplier > 0", name="multiplier"),
        CheckConstraint("consumption_kwh >= 0", name="consumption"),
        CheckConstraint("loss_factor >= 0", name="loss_factor"),
        CheckConstraint("bill_id ~ '^[0-9]{6,13}$'", name="bill_id"),
        CheckConstraint("payment_id ~ '^[0-9]{6,13}$'", name="payment_id"),
        CheckConstraint("(billing_year IS NULL) = (billing_period IS NULL)", name="billing_period"),
        {"info": {"natural_key": ("usage_point_id", "invoice_no")}},
    )

    id: Mapped[Key]
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    agreement_id: Mapped[int | None] = mapped_column(ForeignKey("supply_agreement.id"))
    installation_id: Mapped[int | None] = mapped_column(ForeignKey("meter_installation.id"))
    invoice_no: Mapped[str]
    kind: Mapped[InvoiceKind] = mapped_column(choice(InvoiceKind), server_default="ordinary")
    billing_year: Mapped[int | None] = mapped_column(SmallInteger)
    billing_period: Mapped[int | None] = mapped_column(SmallInteger)
    bill_id: Mapped[str | None]
    payment_id: Mapped[str | None]
    period_start: Mapped[dt.date]
    period_end: Mapped[dt.date]
    # True where the source gives no first day and it was reckoned back from a number of months: such periods need
    # not tile.
    is_start_derived: Mapped[bool] = mapped_column(server_default="false")
    issued_on: Mapped[dt.date | None]
    due_on: Mapped[dt.date | None]
    reading_quality: Mapped[ReadingQuality] = mapped_column(choice(ReadingQuality), server_default="actual")
    previous_index: Mapped[float | None]
    current_index: Mapped[float | None]
    multiplier: Mapped[float] = mapped_column(server_default="1")
    consumption_kwh: Mapped[float]
    mid_kwh: Mapped[float | None]
    peak_kwh: Mapped[float | None]
    low_kwh: Mapped[float | None]
    reactive_kvarh: Mapped[float | None]
    step_1_kwh: Mapped[float | None]
    step_2_kwh: Mapped[float | None]
    step_3_kwh: Mapped[float | None]
    step_4_kwh: Mapped[float | None]
    read_demand_kw: Mapped[float | None]
    calculated_demand_kw: Mapped[float | None]
    # «ضریب زیان»: the share added to energy and demand charges for a low power factor, as printed.
    loss_factor: Mapped[float | None]
    payable_rial: Mapped[int | None]

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise", back_populates="invoices")
    agreement: Mapped[SupplyAgreement | None] = relationship(lazy="raise")
    installation: Mapped[MeterInstallation | None] = relationship(lazy="raise")
    lines: Mapped[list[InvoiceLine]] = relationship(lazy="raise", back_populates="invoice")
    allocations: Mapped[list[PaymentAllocation]] = relationship(lazy="raise", back_populates="invoice")


class InvoiceLine(Base):
    """One charge of a bill (CIM Charge): energy_charge, demand_charge, electricity_duty, vat, rounding …

    Amounts may be negative (discounts, rounding); their sum need not be the payable, which carries balances.
    """

    __tablename__ = "invoice_line"
    __table_args__ = (
        UniqueConstraint("invoice_id", "line_code"),
        {"info": {"natural_key": ("invoice_id", "line_code")}},
    )

    id: Mapped[Key]
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    line_code: Mapped[str]
    amount_rial: Mapped[int]

    invoice: Mapped[Invoice] = relationship(lazy="raise", back_populates="lines")
