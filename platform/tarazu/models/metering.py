"""Meters, where they hang, what they showed and what they reported."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, Key, choice, validity_check
from .enums import EndDeviceEventKind, MeteredQuantity, ReadingQuality, Register

if TYPE_CHECKING:
    from .usage_point import UsagePoint


class Meter(Base):
    """A meter by its body number («شماره بدنه»); it can hang at several points in its life."""

    __tablename__ = "meter"
    __table_args__ = (
        CheckConstraint("register_digits BETWEEN 3 AND 12", name="register_digits"),
        {"info": {"natural_key": ("serial_no",)}},
    )

    id: Mapped[Key]
    serial_no: Mapped[str] = mapped_column(unique=True)
    manufacturer: Mapped[str | None]
    model: Mapped[str | None]
    register_digits: Mapped[int | None] = mapped_column(SmallInteger)
    is_smart: Mapped[bool | None]

    installations: Mapped[list[MeterInstallation]] = relationship(lazy="raise", back_populates="meter")
    events: Mapped[list[EndDeviceEvent]] = relationship(lazy="raise", back_populates="meter")


class MeterInstallation(Base):
    """A meter at a usage point. One row a pair: a meter that returns to a point extends its stay there."""

    __tablename__ = "meter_installation"
    __table_args__ = (
        UniqueConstraint("usage_point_id", "meter_id"),
        Index(None, "meter_id"),
        validity_check(),
        {"info": {"natural_key": ("usage_point_id", "meter_id")}},
    )

    id: Mapped[Key]
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    meter_id: Mapped[int] = mapped_column(ForeignKey("meter.id"))
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise", back_populates="installations")
    meter: Mapped[Meter] = relationship(lazy="raise", back_populates="installations")
    multipliers: Mapped[list[MeterMultiplier]] = relationship(lazy="raise", back_populates="installation")
    readings: Mapped[list[MeterReading]] = relationship(lazy="raise", back_populates="installation")


class MeterMultiplier(Base):
    """The factor from register difference to kWh in a period («ضریب کنتور»)."""

    __tablename__ = "meter_multiplier"
    __table_args__ = (
        UniqueConstraint("installation_id", "valid_from"),
        CheckConstraint("multiplier > 0", name="multiplier"),
        validity_check(),
        {"info": {"natural_key": ("installation_id", "valid_from"), "validity_of": ("installation_id",)}},
    )

    id: Mapped[Key]
    installation_id: Mapped[int] = mapped_column(ForeignKey("meter_installation.id"))
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]
    multiplier: Mapped[float]

    installation: Mapped[MeterInstallation] = relationship(lazy="raise", back_populates="multipliers")


class MeterReading(Base):
    """What a register showed on a day. Two values on one day are kept both: that is evidence, not noise."""

    __tablename__ = "meter_reading"
    __table_args__ = (
        UniqueConstraint("installation_id", "read_on", "register", "index_value"),
        {"info": {"natural_key": ("installation_id", "read_on", "register", "index_value")}},
    )

    id: Mapped[Key]
    installation_id: Mapped[int] = mapped_column(ForeignKey("meter_installation.id"))
    read_on: Mapped[dt.date]
    register: Mapped[Register] = mapped_column(choice(Register), server_default="total")
    index_value: Mapped[float]
    quality: Mapped[ReadingQuality] = mapped_column(choice(ReadingQuality), server_default="actual")
    meter_state_code: Mapped[str | None]
    reader_note_code: Mapped[str | None]
    meter_model_code: Mapped[str | None]

    installation: Mapped[MeterInstallation] = relationship(lazy="raise", back_populates="readings")


class IntervalReading(Base):
    """A quantity that a meter recorded over an interval, or at an instant (CIM IntervalReading).

    `phase` is 0 for all phases together, 1 to 3 for one of them, 4 for the neutral conductor. `duration_minutes` is
    the length of the interval from `started_at`, 0 for an instantaneous value.
    """

    __tablename__ = "interval_reading"
    __table_args__ = (
        UniqueConstraint("installation_id", "quantity", "phase", "started_at"),
        # What the lake reads: the newest of all meters.
        Index(None, "started_at"),
        CheckConstraint("phase BETWEEN 0 AND 4", name="phase"),
        CheckConstraint("duration_minutes BETWEEN 0 AND 1440", name="duration"),
        {"info": {"natural_key": ("installation_id", "quantity", "phase", "started_at")}},
    )

    id: Mapped[Key]
    installation_id: Mapped[int] = mapped_column(ForeignKey("meter_installation.id"))
    quantity: Mapped[MeteredQuantity] = mapped_column(choice(MeteredQuantity))
    phase: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    started_at: Mapped[dt.datetime]
    duration_minutes: Mapped[int] = mapped_column(SmallInteger)
    value: Mapped[float]

    installation: Mapped[MeterInstallation] = relationship(lazy="raise")


class EndDeviceEvent(Base):
    """What a meter reported of itself (CIM EndDeviceEvent)."""

    __tablename__ = "end_device_event"
    __table_args__ = (
        UniqueConstraint("meter_id", "occurred_at", "kind"),
        {"info": {"natural_key": ("meter_id", "occurred_at", "kind")}},
    )

    id: Mapped[Key]
    meter_id: Mapped[int] = mapped_column(ForeignKey("meter.id"))
    occurred_at: Mapped[dt.datetime]
    kind: Mapped[EndDeviceEventKind] = mapped_column(choice(EndDeviceEventKind))
    raw_code: Mapped[str | None]

    meter: Mapped[Meter] = relationship(lazy="raise", back_populates="events")
