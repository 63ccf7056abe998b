"""What people report: a neighbour's hook on the line, an employee's word."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, choice
from .enums import TipOffChannel
from .usage_point import UsagePoint


class TipOff(Base):
    """A report. Who made it stands in `reporter_ciphertext` alone, sealed for this row (tarazu.security.encryption)."""

    __tablename__ = "tip_off"
    __table_args__ = (
        Index(None, "usage_point_id", postgresql_where=text("usage_point_id IS NOT NULL")),
        Index("ix_tip_off_newest", text("received_on DESC"), text("tip_off_no DESC")),
        CheckConstraint("text <> ''", name="text"),
        {"info": {"natural_key": ("id",)}},
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    tip_off_no: Mapped[int] = mapped_column(BigInteger, Identity(always=False), unique=True)
    received_on: Mapped[dt.date]
    usage_point_id: Mapped[int | None] = mapped_column(ForeignKey("usage_point.id"))
    text: Mapped[str]
    channel: Mapped[TipOffChannel] = mapped_column(choice(TipOffChannel))
    reporter_ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]

    usage_point: Mapped[UsagePoint | None] = relationship(lazy="raise")
