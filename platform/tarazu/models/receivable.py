"""What is owed of each invoice, kept by the database."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base
from .billing import Invoice


class Receivable(Base):
    """An invoice as a claim: what is to be paid for it, and what was paid so far, rial.

    One row an invoice. Triggers on `invoice` and `payment_allocation` write it and nothing else does, so that debts are
    read without adding up all payments ever made. The other columns are the invoice's own, so that debts are read
    without the invoice, which is six times as wide.
    """

    __tablename__ = "receivable"
    __table_args__ = (
        # The open ones: few of all invoices, and all that a list of debts reads.
        Index(
            "ix_receivable_open",
            "usage_point_id",
            "due_on",
            postgresql_include=["payable_rial", "paid_rial", "owed_from", "period_end", "agreement_id"],
            postgresql_where=text("payable_rial > paid_rial"),
        ),
        # What was billed in a period.
        Index(None, "owed_from"),
        CheckConstraint("payable_rial >= 0", name="payable"),
        CheckConstraint("paid_rial >= 0", name="paid"),
        {"info": {"natural_key": ("invoice_id",)}},
    )

    invoice_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("invoice.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    usage_point_id: Mapped[int]
    agreement_id: Mapped[int | None]
    # The day of issue, or, where the source does not say it, the day of reading.
    owed_from: Mapped[dt.date]
    due_on: Mapped[dt.date | None]
    period_end: Mapped[dt.date]
    # 0 where the source does not say what is to be paid.
    payable_rial: Mapped[int]
    paid_rial: Mapped[int]

    invoice: Mapped[Invoice] = relationship(lazy="raise")
