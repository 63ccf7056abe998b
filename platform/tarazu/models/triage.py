"""What people leave at a case: comments, links to other cases, values measured on site."""

from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, Key, choice
from .case import Case, Inspection
from .enums import CaseLinkKind, MeasuredQuantity


class CaseComment(Base):
    """Somebody's words on a case; never changed, never deleted."""

    __tablename__ = "case_comment"
    __table_args__ = (
        Index(None, "case_id", "id"),
        CheckConstraint("char_length(text) BETWEEN 1 AND 4000", name="text"),
        {"info": {"natural_key": ("id",)}},
    )

    id: Mapped[Key]
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    principal_id: Mapped[str]
    principal_name: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[CreatedAt]

    case: Mapped[Case] = relationship(lazy="raise", back_populates="comments")


class CaseLink(Base):
    """That two cases belong together.

    A link is two rows, one seen from each case: the foreign key to itself makes the database refuse one without its
    mirror.
    """

    __tablename__ = "case_link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["other_case_id", "case_id", "kind"],
            ["case_link.case_id", "case_link.other_case_id", "case_link.kind"],
            name="fk_case_link_mirror",
        ),
        Index(None, "other_case_id", "case_id", "kind"),
        CheckConstraint("case_id <> other_case_id", name="two_cases"),
        {"info": {"natural_key": ("case_id", "other_case_id", "kind")}},
    )

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), primary_key=True)
    other_case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), primary_key=True)
    kind: Mapped[CaseLinkKind] = mapped_column(choice(CaseLinkKind), primary_key=True)
    principal_id: Mapped[str]
    principal_name: Mapped[str]
    created_at: Mapped[CreatedAt]

    # Said again: the mapper would leave out columns of the key that point to the table itself.
    __mapper_args__ = {"primary_key": [case_id, other_case_id, kind]}

    case: Mapped[Case] = relationship(lazy="raise", back_populates="links", foreign_keys=[case_id])
    other_case: Mapped[Case] = relationship(lazy="raise", foreign_keys=[other_case_id])


class InspectionMeasurement(Base):
    """A value measured on site, of one phase (1 to 3) or of all together (0). The quantity's name holds the unit."""

    __tablename__ = "inspection_measurement"
    __table_args__ = (
        CheckConstraint("phase BETWEEN 0 AND 3", name="phase"),
        # Also refuses NaN and the infinities, which are greater than all numbers or less.
        CheckConstraint("value BETWEEN -1e12 AND 1e12", name="value"),
        {"info": {"natural_key": ("inspection_id", "quantity", "phase")}},
    )

    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), primary_key=True)
    quantity: Mapped[MeasuredQuantity] = mapped_column(choice(MeasuredQuantity), primary_key=True)
    phase: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False, server_default="0"
    )
    value: Mapped[float]

    inspection: Mapped[Inspection] = relationship(lazy="raise", back_populates="measurements")


class InspectionSeal(Base):
    """The number of a seal that the inspector left at the meter."""

    __tablename__ = "inspection_seal"
    __table_args__ = (
        CheckConstraint("char_length(seal_no) BETWEEN 1 AND 50", name="seal_no"),
        {"info": {"natural_key": ("inspection_id", "seal_no")}},
    )

    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), primary_key=True)
    seal_no: Mapped[str] = mapped_column(primary_key=True)

    inspection: Mapped[Inspection] = relationship(lazy="raise", back_populates="seals")
