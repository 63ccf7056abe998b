"""The point of supply («انشعاب», CIM UsagePoint), its terms and its states over time."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, Key, bucket_class, choice, validity_check
from .customer import AgreementUsagePoint
from .enums import Commodity, Segment, TariffClass, UsagePointStatusKind
from .network import DistributionTransformer, District

if TYPE_CHECKING:
    from .billing import Invoice
    from .case import Case, Inspection
    from .metering import MeterInstallation
    from .payment import Payment


class UsagePoint(Base):
    __tablename__ = "usage_point"
    __table_args__ = (
        Index(None, "district_id", "id"),
        Index(None, "transformer_id", "id"),
        Index(None, "bucket_class"),
        Index(None, "bill_id"),
        CheckConstraint("bill_id ~ '^[0-9]{6,13}$'", name="bill_id"),
        CheckConstraint("phase_count IN (1, 3)", name="phase_count"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="position"),
        {"info": {"natural_key": ("subscription_no",)}},
    )

    id: Mapped[Key]
    subscription_no: Mapped[str] = mapped_column(unique=True)
    bill_id: Mapped[str | None]
    commodity: Mapped[Commodity] = mapped_column(choice(Commodity), server_default="electricity")
    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"))
    transformer_id: Mapped[int | None] = mapped_column(ForeignKey("distribution_transformer.id"))
    phase_count: Mapped[int | None] = mapped_column(SmallInteger)
    activity_code: Mapped[str | None]
    address: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    energised_on: Mapped[dt.date | None]
    bucket_class: Mapped[int] = mapped_column(SmallInteger, bucket_class())
    created_at: Mapped[CreatedAt]

    district: Mapped[District] = relationship(lazy="raise")
    transformer: Mapped[DistributionTransformer | None] = relationship(lazy="raise")
    terms: Mapped[list[UsagePointTerm]] = relationship(lazy="raise", back_populates="usage_point")
    statuses: Mapped[list[UsagePointStatus]] = relationship(lazy="raise", back_populates="usage_point")
    supplies: Mapped[list[AgreementUsagePoint]] = relationship(lazy="raise", back_populates="usage_point")
    installations: Mapped[list[MeterInstallation]] = relationship(lazy="raise", back_populates="usage_point")
    invoices: Mapped[list[Invoice]] = relationship(lazy="raise", back_populates="usage_point")
    payments: Mapped[list[Payment]] = relationship(lazy="raise", viewonly=True)
    cases: Mapped[list[Case]] = relationship(lazy="raise", viewonly=True)
    inspections: Mapped[list[Inspection]] = relationship(lazy="raise", viewonly=True)


class UsagePointTerm(Base):
    """Tariff and power of a point in a period; joined by validity at the reading date."""

    __tablename__ = "usage_point_term"
    __table_args__ = (
        UniqueConstraint("usage_point_id", "valid_from"),
        CheckConstraint("contracted_power_kw > 0", name="contracted_power"),
        CheckConstraint("tariff_option BETWEEN 1 AND 9", name="tariff_option"),
        validity_check(),
        {"info": {"natural_key": ("usage_point_id", "valid_from"), "validity_of": ("usage_point_id",)}},
    )

    id: Mapped[Key]
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]
    tariff_class: Mapped[TariffClass] = mapped_column(choice(TariffClass))
    tariff_code: Mapped[str | None]
    tariff_option: Mapped[int | None] = mapped_column(SmallInteger)
    contracted_power_kw: Mapped[float | None]
    permitted_power_kw: Mapped[float | None]
    # Last day on which the licence holds that a production tariff asks for («تاریخ اعتبار پروانه»).
    licence_expires_on: Mapped[dt.date | None]
    # 30 kW is the official booklet's own boundary between the two price tables; exactly 30 is ordinary.
    segment: Mapped[Segment] = mapped_column(
        choice(Segment),
        Computed("CASE WHEN contracted_power_kw > 30 THEN 'demand' ELSE 'ordinary' END", persisted=True),
    )

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise", back_populates="terms")


class UsagePointStatus(Base):
    """A circumstance of a point in a period: cut, vacant, seasonal, generating …"""

    __tablename__ = "usage_point_status"
    __table_args__ = (
        UniqueConstraint("usage_point_id", "kind", "valid_from"),
        validity_check(),
        {"info": {"natural_key": ("usage_point_id", "kind", "valid_from")}},
    )

    id: Mapped[Key]
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    kind: Mapped[UsagePointStatusKind] = mapped_column(choice(UsagePointStatusKind))
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise", back_populates="statuses")
