"""Changes of how a company runs a rule, besides its parameters: its status, exceptions, and who agreed to them."""

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

from .base import Base, CreatedAt, Key, choice
from .customer import Customer
from .enums import Decision, RuleLifecycle, TariffClass
from .network import DistributionTransformer, District
from .reading import ReadingAgent
from .usage_point import UsagePoint


class _Proposed:
    """What every change says: from when, why, by whom, and whether it counts only after somebody else agreed."""

    rule_id: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[dt.date]
    needs_approval: Mapped[bool]
    reason: Mapped[str]
    principal_id: Mapped[str]
    principal_name: Mapped[str]
    created_at: Mapped[CreatedAt]


class RuleStatus(_Proposed, Base):
    """A rule's status from a day on; without one, the rule file's. Rows are never changed or deleted.

    A trial may be held to one district, and to a number of findings at a time.
    """

    __tablename__ = "rule_status"
    __table_args__ = (
        UniqueConstraint("rule_id", "version"),
        UniqueConstraint("id", "principal_id"),
        Index(None, "district_id", postgresql_where=text("district_id IS NOT NULL")),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint(
            "coalesce(status = 'trial', false) OR num_nonnulls(district_id, most_findings) = 0", name="limits"
        ),
        CheckConstraint("most_findings >= 1", name="most_findings"),
        CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name="reason"),
    )

    id: Mapped[Key]
    status: Mapped[RuleLifecycle | None] = mapped_column(choice(RuleLifecycle))
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))
    most_findings: Mapped[int | None] = mapped_column(Integer)

    district: Mapped[District | None] = relationship(lazy="raise")


class RuleException(_Proposed, Base):
    """One subject, or all of a tariff class or district, of which a rule is not to speak until a day.

    Rows are never changed or deleted. Of a rule and subject the newest version that counts is the word; one that
    ends on the day it begins ends the exception.
    """

    __tablename__ = "rule_exception"
    __table_args__ = (
        UniqueConstraint(
            "rule_id",
            "usage_point_id",
            "customer_id",
            "transformer_id",
            "reading_agent_id",
            "tariff_class",
            "district_id",
            "version",
            name="uq_rule_exception_version",
            postgresql_nulls_not_distinct=True,
        ),
        UniqueConstraint("id", "principal_id"),
        *(
            Index(None, name, postgresql_where=text(f"{name} IS NOT NULL"))
            for name in (
                "usage_point_id",
                "customer_id",
                "transformer_id",
                "reading_agent_id",
                "district_id",
            )
        ),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint(
            "num_nonnulls(usage_point_id, customer_id, transformer_id, reading_agent_id) = 1"
            " AND num_nonnulls(tariff_class, district_id) = 0"
            " OR num_nonnulls(usage_point_id, customer_id, transformer_id, reading_agent_id) = 0"
            " AND num_nonnulls(tariff_class, district_id) >= 1",
            name="subject",
        ),
        # An exception that nobody has to think of again is a hole in the rule: a year at most.
        CheckConstraint("valid_to - valid_from BETWEEN 0 AND 366", name="validity"),
        CheckConstraint("char_length(owner) BETWEEN 1 AND 200", name="owner"),
        CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name="reason"),
    )

    id: Mapped[Key]
    usage_point_id: Mapped[int | None] = mapped_column(ForeignKey("usage_point.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    transformer_id: Mapped[int | None] = mapped_column(ForeignKey("distribution_transformer.id"))
    reading_agent_id: Mapped[int | None] = mapped_column(ForeignKey("reading_agent.id"))
    tariff_class: Mapped[TariffClass | None] = mapped_column(choice(TariffClass))
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))
    # Who answers for it: an office or a person, in words.
    owner: Mapped[str]
    valid_to: Mapped[dt.date]

    usage_point: Mapped[UsagePoint | None] = relationship(lazy="raise")
    customer: Mapped[Customer | None] = relationship(lazy="raise")
    transformer: Mapped[DistributionTransformer | None] = relationship(lazy="raise")
    reading_agent: Mapped[ReadingAgent | None] = relationship(lazy="raise")
    district: Mapped[District | None] = relationship(lazy="raise")


class RuleChangeDecision(Base):
    """The second pair of eyes on a status or an exception: somebody else than who proposed it."""

    __tablename__ = "rule_change_decision"
    __table_args__ = (
        ForeignKeyConstraint(
            ["rule_status_id", "proposed_by_id"], ["rule_status.id", "rule_status.principal_id"]
        ),
        ForeignKeyConstraint(
            ["rule_exception_id", "proposed_by_id"], ["rule_exception.id", "rule_exception.principal_id"]
        ),
        # Who proposed a change is one, so there is one decision on each.
        UniqueConstraint("rule_status_id", "proposed_by_id"),
        UniqueConstraint("rule_exception_id", "proposed_by_id"),
        CheckConstraint("num_nonnulls(rule_status_id, rule_exception_id) = 1", name="change"),
        CheckConstraint("principal_id <> proposed_by_id", name="four_eyes"),
        CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name="reason"),
    )

    id: Mapped[Key]
    rule_status_id: Mapped[int | None]
    rule_exception_id: Mapped[int | None]
    proposed_by_id: Mapped[str]
    decision: Mapped[Decision] = mapped_column(choice(Decision))
    reason: Mapped[str]
    principal_id: Mapped[str]
    principal_name: Mapped[str]
    created_at: Mapped[CreatedAt]
