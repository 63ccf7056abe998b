"""Where energy flows: exchange point → feeder → distribution transformer, by district."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, Key

if TYPE_CHECKING:
    from .case import Case
    from .usage_point import UsagePoint


class District(Base):
    """A distribution district («امور برق»): the scope of offices and officers."""

    __tablename__ = "district"
    __table_args__ = {"info": {"natural_key": ("code",)}}

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]

    usage_points: Mapped[list[UsagePoint]] = relationship(lazy="raise", viewonly=True)
    transformers: Mapped[list[DistributionTransformer]] = relationship(lazy="raise", viewonly=True)


class ExchangePoint(Base):
    """Where the company takes energy over from the transmission grid («نقطه تبادل انرژی»)."""

    __tablename__ = "exchange_point"
    __table_args__ = {"info": {"natural_key": ("code",)}}

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]

    feeders: Mapped[list[Feeder]] = relationship(lazy="raise", viewonly=True)


class Feeder(Base):
    __tablename__ = "feeder"
    __table_args__ = (Index(None, "exchange_point_id"), {"info": {"natural_key": ("code",)}})

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    exchange_point_id: Mapped[int | None] = mapped_column(ForeignKey("exchange_point.id"))

    exchange_point: Mapped[ExchangePoint | None] = relationship(lazy="raise")
    transformers: Mapped[list[DistributionTransformer]] = relationship(lazy="raise", viewonly=True)


class DistributionTransformer(Base):
    """The last transformer before the customers; its meter is the other pan of their scales."""

    __tablename__ = "distribution_transformer"
    __table_args__ = (
        Index(None, "feeder_id", "id"),
        Index(None, "district_id", "id"),
        CheckConstraint("rated_power_kva > 0", name="rated_power"),
        {"info": {"natural_key": ("code",)}},
    )

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    feeder_id: Mapped[int | None] = mapped_column(ForeignKey("feeder.id"))
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))
    rated_power_kva: Mapped[float | None]

    feeder: Mapped[Feeder | None] = relationship(lazy="raise")
    district: Mapped[District | None] = relationship(lazy="raise")
    energies: Mapped[list[TransformerEnergy]] = relationship(lazy="raise", back_populates="transformer")
    usage_points: Mapped[list[UsagePoint]] = relationship(lazy="raise", viewonly=True)
    cases: Mapped[list[Case]] = relationship(lazy="raise", viewonly=True)


class TransformerEnergy(Base):
    """Energy that a transformer's own meter measured over a half-open period [start, end), kWh."""

    __tablename__ = "transformer_energy"
    __table_args__ = (
        UniqueConstraint("transformer_id", "period_start"),
        CheckConstraint("period_end > period_start", name="period"),
        CheckConstraint("delivered_kwh >= 0", name="delivered"),
        {"info": {"natural_key": ("transformer_id", "period_start")}},
    )

    id: Mapped[Key]
    transformer_id: Mapped[int] = mapped_column(ForeignKey("distribution_transformer.id"))
    period_start: Mapped[dt.date]
    period_end: Mapped[dt.date]
    delivered_kwh: Mapped[float]

    transformer: Mapped[DistributionTransformer] = relationship(lazy="raise", back_populates="energies")
