"""What was paid, and for which bill."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, Key
from .billing import Invoice
from .usage_point import UsagePoint


class Payment(Base):
    __tablename__ = "payment"
    __table_args__ = (
        Index(None, "usage_point_id", "paid_on", "id"),
        # What was paid in a period, and what was not paid yet on a day.
        Index(None, "paid_on", postgresql_include=["usage_point_id", "amount_rial"]),
        CheckConstraint("amount_rial > 0", name="amount"),
        {"info": {"natural_key": ("payment_no",)}},
    )

    id: Mapped[Key]
    payment_no: Mapped[str] = mapped_column(unique=True)
    usage_point_id: Mapped[int | None] = mapped_column(ForeignKey("usage_point.id"))
    paid_on: Mapped[dt.date]
    amount_rial: Mapped[int]
    channel: Mapped[str | None]
    bank_code: Mapped[str | None]

    usage_point: Mapped[UsagePoint | None] = relationship(lazy="raise")
    allocations: Mapped[list[PaymentAllocation]] = relationship(lazy="raise", back_populates="payment")


class PaymentAllocation(Base):
    """How much of a payment settles which invoice, rial."""

    __tablename__ = "payment_allocation"
    __table_args__ = (
        UniqueConstraint("payment_id", "invoice_id"),
        Index(None, "invoice_id"),
        CheckConstraint("amount_rial > 0", name="amount"),
        {"info": {"natural_key": ("payment_id", "invoice_id")}},
    )

    id: Mapped[Key]
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    amount_rial: Mapped[int]

    payment: Mapped[Payment] = relationship(lazy="raise", back_populates="allocations")
    invoice: Mapped[Invoice] = relationship(lazy="raise", back_populates="allocations")
