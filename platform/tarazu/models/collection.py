"""What was done to collect a debt: steps of the ladder, and plans to pay in instalments."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, Key, choice
from .enums import CollectionStepKind
from .usage_point import UsagePoint


class CollectionStep(Base):
    """A step of collection at a usage point: who owes is reminded, warned, and cut at last."""

    __tablename__ = "collection_step"
    __table_args__ = (
        UniqueConstraint("usage_point_id", "kind", "taken_on"),
        {"info": {"natural_key": ("usage_point_id", "kind", "taken_on")}},
    )

    id: Mapped[Key]
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    kind: Mapped[CollectionStepKind] = mapped_column(choice(CollectionStepKind))
    taken_on: Mapped[dt.date]

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise")


class InstalmentPlan(Base):
    """A debt that may be paid in parts («تقسیط»). `ended_on` is set when it was fulfilled or given up."""

    __tablename__ = "instalment_plan"
    __table_args__ = (
        Index(None, "usage_point_id"),
        CheckConstraint("ended_on >= agreed_on", name="end"),
        {"info": {"natural_key": ("plan_no",)}},
    )

    id: Mapped[Key]
    plan_no: Mapped[str] = mapped_column(unique=True)
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    agreed_on: Mapped[dt.date]
    ended_on: Mapped[dt.date | None]

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise")
    instalments: Mapped[list[Instalment]] = relationship(lazy="raise", back_populates="plan")


class Instalment(Base):
    """One part of a plan, rial."""

    __tablename__ = "instalment"
    __table_args__ = (
        UniqueConstraint("plan_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("amount_rial > 0", name="amount"),
        CheckConstraint("paid_rial BETWEEN 0 AND amount_rial", name="paid"),
        {"info": {"natural_key": ("plan_id", "number")}},
    )

    id: Mapped[Key]
    plan_id: Mapped[int] = mapped_column(ForeignKey("instalment_plan.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    due_on: Mapped[dt.date]
    amount_rial: Mapped[int]
    paid_rial: Mapped[int] = mapped_column(server_default="0")

    plan: Mapped[InstalmentPlan] = relationship(lazy="raise", back_populates="instalments")
