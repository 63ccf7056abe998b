"""Parties and their agreements."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, Key, choice, validity_check
from .enums import CustomerKind, Sector

if TYPE_CHECKING:
    from .case import Case
    from .usage_point import UsagePoint


# The words of a name's search key, as a search looks them up. A name has few; what comes behind 500 characters is none,
# and a word may not be longer than 2,046 bytes.
NAME_WORDS: Final = (
    "array_to_tsvector(array_remove(string_to_array(\"left\"(name_search_key, 500), ' '), ''))"
)


class Customer(Base):
    """A person or legal entity that takes electricity (CIM Customer)."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("ix_customer_name_words", text(NAME_WORDS), postgresql_using="gin"),
        Index(None, "national_id"),
        Index(None, "legal_entity_id"),
        Index(None, "sector", "id"),
        CheckConstraint("national_id ~ '^[0-9]{10}$'", name="national_id"),
        CheckConstraint("legal_entity_id ~ '^[0-9]{11}$'", name="legal_entity_id"),
        CheckConstraint("mobile ~ '^[+]989[0-9]{9}$'", name="mobile"),
        {"info": {"natural_key": ("customer_no",)}},
    )

    id: Mapped[Key]
    customer_no: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[CustomerKind] = mapped_column(choice(CustomerKind), server_default="person")
    sector: Mapped[Sector] = mapped_column(choice(Sector), server_default="private")
    name: Mapped[str | None]
    name_search_key: Mapped[str | None]
    national_id: Mapped[str | None]
    legal_entity_id: Mapped[str | None]
    mobile: Mapped[str | None]
    created_at: Mapped[CreatedAt]

    agreements: Mapped[list[SupplyAgreement]] = relationship(lazy="raise", back_populates="customer")
    cases: Mapped[list[Case]] = relationship(lazy="raise", viewonly=True)


class SupplyAgreement(Base):
    """The contract under which a customer is supplied at one or more usage points (CIM CustomerAgreement)."""

    __tablename__ = "supply_agreement"
    __table_args__ = (Index(None, "customer_id", "id"), {"info": {"natural_key": ("agreement_no",)}})

    id: Mapped[Key]
    agreement_no: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    signed_on: Mapped[dt.date | None]

    customer: Mapped[Customer] = relationship(lazy="raise", back_populates="agreements")
    supplies: Mapped[list[AgreementUsagePoint]] = relationship(lazy="raise", back_populates="agreement")


class AgreementUsagePoint(Base):
    """Which agreement supplied a usage point, and when: the customer of a point changes over time."""

    __tablename__ = "agreement_usage_point"
    __table_args__ = (
        UniqueConstraint("usage_point_id", "valid_from"),
        Index(None, "agreement_id", "valid_from", "id"),
        validity_check(),
        {"info": {"natural_key": ("usage_point_id", "valid_from"), "validity_of": ("usage_point_id",)}},
    )

    id: Mapped[Key]
    agreement_id: Mapped[int] = mapped_column(ForeignKey("supply_agreement.id"))
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]

    agreement: Mapped[SupplyAgreement] = relationship(lazy="raise", back_populates="supplies")
    usage_point: Mapped[UsagePoint] = relationship(lazy="raise", back_populates="supplies")
