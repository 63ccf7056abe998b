"""Reads of cases, findings, inspections and rules."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Row, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from tarazu.database import ReadSession
from tarazu.filtering import EVERYTHING, Columns, Condition, Field, column, related, where
from tarazu.models import (
    Case,
    Customer,
    DistributionTransformer,
    District,
    Finding,
    UsagePoint,
)
from tarazu.models.enums import LIVE_CASE_STATES, CaseState, RuleFamily, Severity, SubjectKind
from tarazu.paging import Order

# Case.id ends every order because the indexes of the work lists do.
CASES_BY_PRIORITY: Final = Order("case.priority", ("priority", "id"), (float, uuid.UUID), descending=True)
CASES_NEWEST_FIRST: Final = Order("case.newest", ("case_no",), (int,), descending=True)
CASES_OLDEST_FIRST: Final = Order("case.oldest", ("case_no",), (int,))
FINDING_ORDER: Final = Order("finding", ("money_at_risk_rial", "id"), (int, uuid.UUID), descending=True)
INSPECTION_ORDER: Final = Order("inspection", ("id",), (int,), descending=True)


def case_fields(c: Columns) -> dict[str, Field]:
    """What cases can be filtered by."""
    return {
        "state": column(c.state),
        "family": column(c.family),
        "severity": column(c.severity),
        "subject_kind": column(c.subject_kind),
        "assignee": column(c.assignee),
        "opened_on": column(c.opened_on),
        "confidence": column(c.confidence),
        "money_at_risk_rial": column(c.money_at_risk_rial),
        "energy_at_risk_kwh": column(c.energy_at_risk_kwh),
        "district_code": related(c.district_id, District.id, District.code),
        "rule_id": related(c.id, Finding.case_id, Finding.rule_id),
        "subscription_no": related(c.usage_point_id, UsagePoint.id, UsagePoint.subscription_no),
        "customer_no": related(c.customer_id, Customer.id, Customer.customer_no),
        "transformer_code": related(
            Case.transformer_id, DistributionTransformer.id, DistributionTransformer.code
        ),
    }


class CaseDimension(StrEnum):
    """What cases can be counted by."""

    STATE = "state"
    FAMILY = "family"
    DISTRICT = "district"


@dataclass(frozen=True, slots=True)
class CaseSummaryRow:
    """Cases of one group; a dimension that was not asked for is None, as is the district of a case without one."""

    state: CaseState | None
    family: RuleFamily | None
    district_id: int | None
    district_code: str | None
    case_count: int
    energy_at_risk_kwh: float
    money_at_risk_rial: int


@dataclass(frozen=True, slots=True)
class CaseHeadline:
    """A case in one line: what, where, why and how much."""

    id: uuid.UUID
    case_no: int
    family: RuleFamily
    state: CaseState
    subject_kind: SubjectKind
    subject_key: str
    district_code: str | None
    severity: Severity
    confidence: float
    energy_at_risk_kwh: float
    money_at_risk_rial: int
    priority: float
    opened_on: dt.date
    rule_ids: tuple[str, ...]
    """Of the findings, the one with most money first."""
    sentence_fa: str | None
    """Of the finding with most money; None where a case has no finding."""
    sentence_en: str | None


async def case_summary(
    session: ReadSession, group_by: Sequence[CaseDimension], condition: Condition = EVERYTHING
) -> list[CaseSummaryRow]:
    """Cases counted and summed by the dimensions; most money at risk first. Without dimensions, one row."""
    columns: dict[str, ColumnElement[Any]] = {}
    if CaseDimension.STATE in group_by:
        columns["state"] = Case.__table__.c.state
    if CaseDimension.FAMILY in group_by:
        columns["family"] = Case.__table__.c.family
    if CaseDimension.DISTRICT in group_by:
        columns |= {"district_id": Case.__table__.c.district_id, "district_code": District.__table__.c.code}
    # Sums of bigint are numeric in PostgreSQL.
    money = func.coalesce(cast(func.sum(Case.money_at_risk_rial), BigInteger), 0)
    statement = (
        select(
            *(expression.label(name) for name, expression in columns.items()),
            func.count().label("case_count"),
            func.coalesce(func.sum(Case.energy_at_risk_kwh), 0.0).label("energy_at_risk_kwh"),
            money.label("money_at_risk_rial"),
        )
        .select_from(Case)
        .outerjoin(District, District.id == Case.district_id)
        .where(where(condition, case_fields(Case.__table__.c)))
        .group_by(*columns.values())
        .order_by(money.desc(), func.count().desc(), *columns.values())
    )
    return [_summary_row(row) for row in await session.execute(statement)]


def _summary_row(row: Row[*tuple[Any, ...]]) -> CaseSummaryRow:
    given = row._mapping  # noqa: SLF001  # the public name of a row's names in SQLAlchemy
    return CaseSummaryRow(
        state=given.get("state"),
        family=given.get("family"),
        district_id=given.get("district_id"),
        district_code=given.get("district_code"),
        case_count=given["case_count"],
        energy_at_risk_kwh=given["energy_at_risk_kwh"],
        money_at_risk_rial=given["money_at_risk_rial"],
    )


async def top_cases(session: ReadSession, limit: int, *, live_only: bool = True) -> list[CaseHeadline]:
    """The cases most worth working on, with the reason of each."""
    strongest = (Finding.money_at_risk_rial.desc(), Finding.id.desc())
    statement = (
        select(
            Case,
            District.code,
            select(func.array_agg(aggregate_order_by(Finding.rule_id, *strongest)))
            .where(Finding.case_id == Case.id)
            .correlate(Case)
            .scalar_subquery(),
            *(
                select(sentence)
                .where(Finding.case_id == Case.id)
                .order_by(*strongest)
                .limit(1)
                .correlate(Case)
                .scalar_subquery()
                for sentence in (Finding.sentence_fa, Finding.sentence_en)
            ),
        )
        .outerjoin(District, District.id == Case.district_id)
        .order_by(Case.priority.desc(), Case.id.desc())
        .limit(limit)
    )
    if live_only:
        statement = statement.where(Case.state.in_(LIVE_CASE_STATES))
    return [
        CaseHeadline(
            id=case.id,
            case_no=case.case_no,
            family=case.family,
            state=case.state,
            subject_kind=case.subject_kind,
            subject_key=case.subject_key,
            district_code=district_code,
            severity=case.severity,
            confidence=case.confidence,
            energy_at_risk_kwh=case.energy_at_risk_kwh,
            money_at_risk_rial=case.money_at_risk_rial,
            priority=case.priority,
            opened_on=case.opened_on,
            # A rule can have several findings in one case; it is named once, at its strongest.
            rule_ids=tuple(dict.fromkeys(rule_ids or ())),
            sentence_fa=sentence_fa,
            sentence_en=sentence_en,
        )
        for case, district_code, rule_ids, sentence_fa, sentence_en in await session.execute(statement)
    ]
