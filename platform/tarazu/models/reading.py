"""Who reads meters: contractors, their agents, the routes they walk, and each attempt to read a point."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, Key
from .network import District
from .usage_point import UsagePoint


class Contractor(Base):
    """A company that reads meters for the distribution company (CIM ErpOrganisation)."""

    __tablename__ = "contractor"
    __table_args__ = ({"info": {"natural_key": ("code",)}},)

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]


class ReadingAgent(Base):
    """A person who reads meters («مأمور قرائت»), by number only: whose it is, the employer knows."""

    __tablename__ = "reading_agent"
    __table_args__ = (
        Index(None, "contractor_id", postgresql_where=text("contractor_id IS NOT NULL")),
        {"info": {"natural_key": ("agent_no",)}},
    )

    id: Mapped[Key]
    agent_no: Mapped[str] = mapped_column(unique=True)
    contractor_id: Mapped[int | None] = mapped_column(ForeignKey("contractor.id"))

    contractor: Mapped[Contractor | None] = relationship(lazy="raise")


class ReadingRoute(Base):
    """A walk from meter to meter («مسیر قرائت»)."""

    __tablename__ = "reading_route"
    __table_args__ = (
        Index(None, "district_id", postgresql_where=text("district_id IS NOT NULL")),
        {"info": {"natural_key": ("code",)}},
    )

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))

    district: Mapped[District | None] = relationship(lazy="raise")


class ReadingVisit(Base):
    """One attempt of an agent to read one point. What a source does not say is NULL, never a guess.

    `photo_index_value` is what a photo reader made of the agent's photo; `is_corrected` whether the reading had to be
    corrected later.
    """

    __tablename__ = "reading_visit"
    __table_args__ = (
        UniqueConstraint("usage_point_id", "read_on", "agent_id"),
        Index(None, "agent_id", "read_on"),
        Index(None, "route_id", postgresql_where=text("route_id IS NOT NULL")),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("route_position >= 0", name="route_position"),
        {"info": {"natural_key": ("usage_point_id", "read_on", "agent_id")}},
    )

    id: Mapped[Key]
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("reading_agent.id"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("reading_route.id"))
    route_position: Mapped[int | None]
    read_on: Mapped[dt.date]
    read_at: Mapped[dt.datetime | None]
    is_read: Mapped[bool] = mapped_column(server_default="true")
    index_value: Mapped[float | None]
    consumption_kwh: Mapped[float | None]
    photo_index_value: Mapped[float | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    is_corrected: Mapped[bool | None]

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise")
    agent: Mapped[ReadingAgent] = relationship(lazy="raise")
    route: Mapped[ReadingRoute | None] = relationship(lazy="raise")
