"""Cases (what people work on), their findings (why) and inspections (what was found on site)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, Key, choice
from .billing import Invoice
from .customer import Customer
from .enums import (
    LIVE_CASE_STATES,
    CaseState,
    DismissReason,
    InspectionOutcome,
    RuleFamily,
    Severity,
    SubjectKind,
)
from .network import DistributionTransformer, District
from .reading import ReadingAgent
from .run import ScanRun
from .usage_point import UsagePoint

if TYPE_CHECKING:
    from .triage import CaseComment, CaseLink, InspectionMeasurement, InspectionSeal


def _known(column: str) -> Index:
    """An index of the rows in which a mostly empty column is set; it serves the foreign key as well as a whole one."""
    return Index(None, column, postgresql_where=text(f"{column} IS NOT NULL"))


_LIVE = ", ".join(f"'{state.value}'" for state in LIVE_CASE_STATES)


class RuleVersion(Base):
    """A rule as it stood: a finding points here, so that it can be explained after the rule has changed."""

    __tablename__ = "rule_version"
    __table_args__ = {"info": {"natural_key": ("rule_id", "version")}}

    rule_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content_hash: Mapped[str]
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]


class Case(Base):
    """Everything one rule family holds against one subject within a window.

    The id is a UUIDv5 of subject, family and the day the window starts, so that the same scan opens the same
    case everywhere. At most one live case a subject and family.

    A merged case keeps its findings, comments and inspections, and names the case that people work on instead
    (`merged_into_id`); that one is never merged itself, so one step leads there.
    """

    __tablename__ = "case"
    __table_args__ = (
        Index(
            "uq_case_live",
            "subject_kind",
            "subject_key",
            "family",
            unique=True,
            postgresql_where=text(f"state IN ({_LIVE})"),
        ),
        # For a case that a person closed: does its window still stand?
        Index(
            "ix_case_closed_subject",
            "subject_kind",
            "subject_key",
            "family",
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
        Index("ix_case_queue", "state", text("priority DESC"), text("id DESC")),
        Index("ix_case_priority", text("priority DESC"), text("id DESC")),
        Index("ix_case_district_queue", "district_id", "state", text("priority DESC"), text("id DESC")),
        # One of the four is set: an index a kind, of the rows that it holds.
        _known("usage_point_id"),
        _known("customer_id"),
        _known("transformer_id"),
        _known("reading_agent_id"),
        _known("merged_into_id"),
        Index(None, "first_scan_run_id"),
        CheckConstraint(
            "num_nonnulls(usage_point_id, customer_id, transformer_id, reading_agent_id) = 1",
            name="one_subject",
        ),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        CheckConstraint("money_at_risk_rial >= 0 AND energy_at_risk_kwh >= 0", name="at_risk"),
        CheckConstraint(f"(closed_at IS NULL) = (state IN ({_LIVE}))", name="closed"),
        CheckConstraint(
            "(state = 'merged') = (merged_into_id IS NOT NULL) AND merged_into_id <> id", name="merged"
        ),
        CheckConstraint("dismiss_reason IS NULL OR state = 'dismissed'", name="dismissed"),
        {"info": {"natural_key": ("id",)}},
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    case_no: Mapped[int] = mapped_column(BigInteger, Identity(always=False), unique=True)
    family: Mapped[RuleFamily] = mapped_column(choice(RuleFamily))
    subject_kind: Mapped[SubjectKind] = mapped_column(choice(SubjectKind))
    subject_key: Mapped[str]
    usage_point_id: Mapped[int | None] = mapped_column(ForeignKey("usage_point.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    transformer_id: Mapped[int | None] = mapped_column(ForeignKey("distribution_transformer.id"))
    reading_agent_id: Mapped[int | None] = mapped_column(ForeignKey("reading_agent.id"))
    district_id: Mapped[int | None] = mapped_column(ForeignKey("district.id"))
    state: Mapped[CaseState] = mapped_column(choice(CaseState), server_default="open")
    severity: Mapped[Severity] = mapped_column(choice(Severity))
    confidence: Mapped[float]
    energy_at_risk_kwh: Mapped[float]
    money_at_risk_rial: Mapped[int]
    # Money at risk times confidence: the rial one expects to recover.
    priority: Mapped[float]
    opened_on: Mapped[dt.date]
    closed_at: Mapped[dt.datetime | None]
    closed_reason: Mapped[str | None]
    dismiss_reason: Mapped[DismissReason | None] = mapped_column(choice(DismissReason))
    merged_into_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("case.id"))
    assignee: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    first_scan_run_id: Mapped[int] = mapped_column(ForeignKey("scan_run.id"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    usage_point: Mapped[UsagePoint | None] = relationship(lazy="raise")
    customer: Mapped[Customer | None] = relationship(lazy="raise")
    transformer: Mapped[DistributionTransformer | None] = relationship(lazy="raise")
    reading_agent: Mapped[ReadingAgent | None] = relationship(lazy="raise")
    district: Mapped[District | None] = relationship(lazy="raise")
    first_scan_run: Mapped[ScanRun] = relationship(lazy="raise")
    findings: Mapped[list[Finding]] = relationship(lazy="raise", back_populates="case")
    inspections: Mapped[list[Inspection]] = relationship(lazy="raise", back_populates="case")
    merged_into: Mapped[Case | None] = relationship(
        lazy="raise", back_populates="merged_cases", remote_side="Case.id"
    )
    merged_cases: Mapped[list[Case]] = relationship(lazy="raise", back_populates="merged_into")
    comments: Mapped[list[CaseComment]] = relationship(lazy="raise", back_populates="case")
    links: Mapped[list[CaseLink]] = relationship(
        lazy="raise", back_populates="case", foreign_keys="CaseLink.case_id"
    )


class Finding(Base):
    """One rule that fired on one subject, with the numbers it used; the id is a hash of the case and exactly those.

    It holds until a scan no longer finds it (`ended_scan_run_id`): a scan that finds the same again writes nothing.
    """

    __tablename__ = "finding"
    __table_args__ = (
        ForeignKeyConstraint(["rule_id", "rule_version"], ["rule_version.rule_id", "rule_version.version"]),
        Index(None, "case_id", "rule_id"),
        Index(None, "rule_id", "rule_version"),
        _known("invoice_id"),
        Index(None, "first_scan_run_id"),
        _known("ended_scan_run_id"),
        _known("explained_by_agent_id"),
        CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        {"info": {"natural_key": ("id",)}},
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    rule_id: Mapped[str]
    rule_version: Mapped[int] = mapped_column(Integer)
    severity: Mapped[Severity] = mapped_column(choice(Severity))
    confidence: Mapped[float]
    energy_at_risk_kwh: Mapped[float]
    money_at_risk_rial: Mapped[int]
    evidence_from: Mapped[dt.date | None]
    evidence_to: Mapped[dt.date | None]
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    # {"drop_percent": 50}: the parameters in force for this subject.
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # [{"signal": …, "field": …, "value": …, "unit": …}]: the values that met the conditions.
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    sentence_fa: Mapped[str]
    sentence_en: Mapped[str]
    # Whether its rule was on trial at the last scan that found it: it may yet prove a bad rule.
    on_trial: Mapped[bool] = mapped_column(server_default=false())
    # It rests on readings of this agent that are in doubt: the agent's case carries it, and its own case does not count it.
    explained_by_agent_id: Mapped[int | None] = mapped_column(ForeignKey("reading_agent.id"))
    first_scan_run_id: Mapped[int] = mapped_column(ForeignKey("scan_run.id"))
    ended_scan_run_id: Mapped[int | None] = mapped_column(ForeignKey("scan_run.id"))
    created_at: Mapped[CreatedAt]

    case: Mapped[Case] = relationship(lazy="raise", back_populates="findings")
    rule: Mapped[RuleVersion] = relationship(lazy="raise")
    invoice: Mapped[Invoice | None] = relationship(lazy="raise")
    explained_by_agent: Mapped[ReadingAgent | None] = relationship(lazy="raise")
    first_scan_run: Mapped[ScanRun] = relationship(lazy="raise", foreign_keys=[first_scan_run_id])
    ended_scan_run: Mapped[ScanRun | None] = relationship(lazy="raise", foreign_keys=[ended_scan_run_id])


class Inspection(Base):
    """A visit and what it found. A negative result is kept as carefully as a positive one.

    A case waits for at most one visit. One that is not wanted any more is withdrawn; what an inspector who went all
    the same has found is kept too.
    """

    __tablename__ = "inspection"
    __table_args__ = (
        Index(None, "usage_point_id"),
        Index(None, "case_id"),
        Index(
            "uq_inspection_awaited",
            "case_id",
            unique=True,
            postgresql_where=text("case_id IS NOT NULL AND outcome IS NULL AND withdrawn_on IS NULL"),
        ),
        {"info": {"natural_key": ("inspection_no",)}},
    )

    id: Mapped[Key]
    inspection_no: Mapped[str] = mapped_column(unique=True)
    usage_point_id: Mapped[int] = mapped_column(ForeignKey("usage_point.id"))
    case_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("case.id"))
    ordered_on: Mapped[dt.date | None]
    withdrawn_on: Mapped[dt.date | None]
    inspected_on: Mapped[dt.date | None]
    inspector_name: Mapped[str | None]
    outcome: Mapped[InspectionOutcome | None] = mapped_column(choice(InspectionOutcome))
    unregistered_energy_kwh: Mapped[float | None]
    note: Mapped[str | None]

    usage_point: Mapped[UsagePoint] = relationship(lazy="raise")
    case: Mapped[Case | None] = relationship(lazy="raise", back_populates="inspections")
    measurements: Mapped[list[InspectionMeasurement]] = relationship(
        lazy="raise", back_populates="inspection"
    )
    seals: Mapped[list[InspectionSeal]] = relationship(lazy="raise", back_populates="inspection")
