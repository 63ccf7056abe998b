"""Case with its comments and links, and sums of cases."""

from __future__ import annotations

import datetime as dt

import strawberry

from graphql_api.cases.finding_types import CONFIDENCE, ENERGY, MONEY, Finding
from graphql_api.cases.inspection_types import Inspection
from graphql_api.compiler.mapping import by_key
from graphql_api.connections import Connection
from graphql_api.fields import SCORES, SCORES_NOTE, column, jalali, listed, many, one
from graphql_api.ids import parse_uuid_key
from graphql_api.refs import (
    CaseRef,
    CustomerRef,
    DistributionTransformerRef,
    DistrictRef,
    ScanRunRef,
    UsagePointRef,
)
from graphql_api.rows import Node, Row
from graphql_api.scalars import Long, Rial
from tarazu import models
from tarazu.cases import repository
from tarazu.models.enums import (
    CaseLinkKind,
    CaseState,
    DismissReason,
    RuleFamily,
    Severity,
    SubjectKind,
)
from tarazu.security import row_scope
from tarazu.security.permissions import Permission


@strawberry.type(description="Somebody's words on a case; never changed, never deleted.")
class CaseComment(Row, model=models.CaseComment, scope=row_scope.of_case, requires=Permission.READ_CASES):
    text: str = column("The words.")
    author: str = column("Name of who wrote them.", name="principal_name")
    created_at: dt.datetime = column("When they were written, UTC.")


@strawberry.type(description="That two cases belong together, seen from one of them.")
class CaseLink(Row, model=models.CaseLink, scope=row_scope.case_link, requires=Permission.READ_CASES):
    kind: CaseLinkKind = column("How they belong together.")
    author: str = column("Name of who linked them.", name="principal_name")
    created_at: dt.datetime = column("When they were linked, UTC.")
    other_case: CaseRef | None = one(models.CaseLink.other_case, "The other case.")


@strawberry.type(
    description="What one rule family holds against one subject within a window: the unit of people's work."
)
class Case(
    Node,
    model=models.Case,
    scope=row_scope.case,
    requires=Permission.READ_CASES,
    parse_key=parse_uuid_key,
):
    case_no: Long = column("Number of the case, to speak of it; unique.")
    family: RuleFamily = column("The family of the rules that fired.")
    state: CaseState = column("Where the case stands.")
    severity: Severity = column("That of its gravest finding.")
    confidence: float | None = column(CONFIDENCE, name="confidence", guard=SCORES)
    energy_at_risk_kwh: float | None = column(ENERGY, name="energy_at_risk_kwh", guard=SCORES)
    money_at_risk_rial: Rial | None = column(MONEY, name="money_at_risk_rial", guard=SCORES)
    priority: float | None = column(
        "Money at risk times confidence: the rial one may expect to recover." + SCORES_NOTE,
        name="priority",
        guard=SCORES,
    )
    subject_kind: SubjectKind = column("What the case is about.")
    subject_key: str = column(
        "The subject's own number: subscription number, customer number or transformer code."
    )
    opened_on: dt.date = column("The day up to which the scan that opened it looked.")
    opened_on_jalali: str | None = jalali("opened_on")
    closed_at: dt.datetime | None = column("When a person closed it, UTC; null while live.")
    closed_reason: str | None = column("Why it was closed, in the words of who did it.")
    dismiss_reason: DismissReason | None = column("Why the suspicion was given up; null where it was not.")
    assignee: str | None = column("Who works on it.")
    version: int = column("Rises with every change of the case.")
    created_at: dt.datetime = column("When it was opened, UTC.")
    updated_at: dt.datetime = column("When it last changed, UTC.")
    usage_point: UsagePointRef | None = one(
        models.Case.usage_point, "The usage point, where the case is about one; else null."
    )
    customer: CustomerRef | None = one(
        models.Case.customer, "The customer, where the case is about one as such; else null."
    )
    transformer: DistributionTransformerRef | None = one(
        models.Case.transformer, "The transformer, where the case is about one; else null."
    )
    district: DistrictRef | None = one(
        models.Case.district, "The district that has to work on it; null where the subject has none."
    )
    findings: Connection[Finding] = many(
        models.Case.findings,
        repository.FINDING_ORDER,
        "Why: the rules that fired, most money first.",
    )
    inspections: Connection[Inspection] = many(
        models.Case.inspections,
        repository.INSPECTION_ORDER,
        "Visits that the case led to, the newest first.",
    )
    first_scan_run: ScanRunRef = one(models.Case.first_scan_run, "The scan that opened it.")
    merged_into: CaseRef | None = one(
        models.Case.merged_into, "The case that people go on with; null where this one is not merged."
    )
    merged_cases: Connection[CaseRef] = many(
        models.Case.merged_cases, repository.CASES_NEWEST_FIRST, "Cases that were merged into this one."
    )
    comments: Connection[CaseComment] = many(
        models.Case.comments, repository.COMMENT_ORDER, "What people say of it, the oldest first."
    )
    links: list[CaseLink] = listed(
        models.Case.links, repository.LINK_ORDER, "Cases that belong together with it, those in scope."
    )


@strawberry.type(
    name="CaseSummaryRow",
    description="Cases of one group. A field of the group is null where cases were not grouped by it.",
)
class CaseSummary(Row, scope=row_scope.of_parent, requires=Permission.READ_CASES):
    state: CaseState | None = column("Where the cases stand.")
    family: RuleFamily | None = column("Family of their rules.")
    severity: Severity | None = column("That of their gravest findings.")
    rule_id: str | None = column(
        "A rule that holds in them. A case counts under each, so that rows add up to more than there are cases; null also "
        "for cases in which none holds any more."
    )
    assignee: str | None = column("Who works on them; null also for those of nobody.")
    case_count: int = column("How many cases.")
    energy_at_risk_kwh: float | None = column(
        "Estimated energy at risk, kWh." + SCORES_NOTE, name="energy_at_risk_kwh", guard=SCORES
    )
    money_at_risk_rial: Rial | None = column(
        "Estimated money at risk, rial." + SCORES_NOTE, name="money_at_risk_rial", guard=SCORES
    )
    district: DistrictRef | None = one(
        by_key("district_id", models.District), "Their district; null also for cases of subjects without one."
    )
