"""Reads of cases, findings, inspections and rules."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from tarazu.cases.summary import CaseDimension, case_summary_statement
from tarazu.database import ReadSession
from tarazu.filtering import EVERYTHING, Condition
from tarazu.models import (
    Case,
    District,
    Finding,
)
from tarazu.models.enums import LIVE_CASE_STATES, CaseState, RuleFamily, Severity, SubjectKind
from tarazu.paging import Order

# Case.id ends every order because the indexes of the work lists do.
CASES_BY_PRIORITY: Final = Order("case.priority", ("priority", "id"), (float, uuid.UUID), descending=True)
CASES_NEWEST_FIRST: Final = Order("case.newest", ("case_no",), (int,), descending=True)
CASES_OLDEST_FIRST: Final = Order("case.oldest", ("case_no",), (int,))
FINDING_ORDER: Final = Order("finding", ("money_at_risk_rial", "id"), (int, uuid.UUID), descending=True)
INSPECTION_ORDER: Final = Order("inspection", ("id",), (int,), descending=True)
COMMENT_ORDER: Final = Order("comment", ("id",), (int,))
LINK_ORDER: Final = Order("link", ("created_at", "other_case_id"), (dt.datetime, uuid.UUID))
MEASUREMENT_ORDER: Final = Order("measurement", ("quantity", "phase"), (str, int))
SEAL_ORDER: Final = Order("seal", ("seal_no",), (str,))
RULE_VERSION_ORDER: Final = Order("rule_version", ("version",), (int,), descending=True)


@dataclass(frozen=True, slots=True)
class CaseSummaryRow:
    """Cases of one group; a dimension that was not asked for is None, as is the district of a case without one."""

    state: CaseState | None
    family: RuleFamily | None
    district_id: int | None
    district_code: str | None
    rule_id: str | None
    severity: Severity | None
    assignee: str | None
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
    rows = []
    for row in await session.execute(case_summary_statement(group_by, condition)):
        given: dict[str, Any] = dict.fromkeys(CaseSummaryRow.__slots__)
        rows.append(CaseSummaryRow(**(given | dict(row._mapping))))  # noqa: SLF001  # the public name of a row's names in SQLAlchemy
    return rows


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
