"""What a company sets for the parameters of rules, version upon version, and who agreed to it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, Key, choice, validity_check
from .enums import Decision, TariffClass
from .network import District


class RuleParameter(Base):
    """A value of a rule's parameter for a scope (a tariff class, a district, both or neither), from a day on.

    Rows are never changed or deleted: triggers refuse it. What is in force on a day is the newest version of the scope
    that counts and whose validity holds the day; a version without a value gives the word back to the rule file.
    """

    __tablename__ = "rule_parameter"
    __table_args__ = (
        UniqueConstraint(
            "rule_id",
            "parameter",
            "tariff_class",
            "district_id",
            "version",
            name="uq_rule_parameter_version",
            postgresql_nulls_not_distinct=True,
        ),
        # What an approval refers to, so that nobody approves what they proposed.
        UniqueConstraint("id", "principal_id"),
        Index(None, "district_id", postgresql_where=text("district_id IS NOT NULL")),
        CheckConstraint("version >= 1", name="version"),
        # The bounds are the rule file's of that time. NaN is greater than all numbers.
        CheckConstraint("value BETWEEN least AND most", name="bounds"),
        CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name="reason"),
        validity_check(),
    )

    id: Mapped[Key]
    rule_id: Mapped[str]
    parameter: Mapped[str]
    tariff_class: Mapped[TariffClass | None] = mapped_column(choice(TariffClass))
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))
    version: Mapped[int] = mapped_column(Integer)
    value: Mapped[float | None]
    least: Mapped[float]
    most: Mapped[float]
    valid_from: Mapped[dt.date]
    valid_to: Mapped[dt.date | None]
    # Whether it counts only after somebody else has approved it.
    needs_approval: Mapped[bool]
    reason: Mapped[str]
    principal_id: Mapped[str]
    principal_name: Mapped[str]
    created_at: Mapped[CreatedAt]

    district: Mapped[District | None] = relationship(lazy="raise")
    decision: Mapped[RuleParameterDecision | None] = relationship(lazy="raise", back_populates="parameter")


class RuleParameterDecision(Base):
    """The second pair of eyes on a version: somebody else than who set it. Never changed or deleted."""

    __tablename__ = "rule_parameter_decision"
    __table_args__ = (
        ForeignKeyConstraint(
            ["rule_parameter_id", "proposed_by_id"], ["rule_parameter.id", "rule_parameter.principal_id"]
        ),
        Index(None, "rule_parameter_id", "proposed_by_id"),
        CheckConstraint("principal_id <> proposed_by_id", name="four_eyes"),
        CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name="reason"),
    )

    rule_parameter_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    proposed_by_id: Mapped[str]
    decision: Mapped[Decision] = mapped_column(choice(Decision))
    reason: Mapped[str]
    principal_id: Mapped[str]
    principal_name: Mapped[str]
    created_at: Mapped[CreatedAt]

    parameter: Mapped[RuleParameter] = relationship(lazy="raise", back_populates="decision")
