"""Case with comments and links, Finding with its Evidence, Rule and RuleVersion, Inspection with what was measured."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import strawberry
from sqlalchemy import Double, Text, case, cast, func, literal_column, null
from strawberry.scalars import JSON

from graphql_api.compiler.mapping import Relation, by_key
from graphql_api.connections import Connection
from graphql_api.errors import IdError
from graphql_api.fields import SCORES, SCORES_NOTE, column, computed, elements, jalali, listed, many, one
from graphql_api.ids import KEY_SEPARATOR, parse_number, parse_uuid
from graphql_api.refs import (
    CaseRef,
    CustomerRef,
    DistributionTransformerRef,
    DistrictRef,
    InvoiceRef,
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
    InspectionOutcome,
    MeasuredQuantity,
    RuleFamily,
    Severity,
    SubjectKind,
)
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

_CONFIDENCE = "How sure the rules are, 0 to 1." + SCORES_NOTE
_ENERGY = "Estimated energy at risk, kWh." + SCORES_NOTE
_MONEY = "Estimated money at risk, rial." + SCORES_NOTE


def _parse_uuid_key(key: str) -> tuple[Any, ...]:
    return (parse_uuid(key),)


def _parse_rule_key(key: str) -> tuple[Any, ...]:
    rule_id, at, version = key.rpartition(KEY_SEPARATOR)
    number = parse_number(version)
    if not at or number > 2**31 - 1 or "\0" in rule_id:
        raise IdError("The id is damaged.", mend="Use an id as the API gave it.")
    return rule_id, number


@strawberry.type(description="A rule as it stood when a finding was made.")
class RuleVersion(
    Node,
    model=models.RuleVersion,
    scope=row_scope.everyone,
    requires=Permission.READ_RULES,
    keys=("rule_id", "version"),
    parse_key=_parse_rule_key,
):
    rule_id: str = column("Stable id of the rule, such as T02.")
    version: int = column("Version of the rule, from 1.")
    content_hash: str = column("Hash of the definition.")
    definition: JSON = column(
        "The whole rule: titles, conditions, suppressors, parameters with units and bounds, sources."
    )
    created_at: dt.datetime = column("When this version was first used, UTC.")


def _said(description: str, *path: str) -> Any:
    """A text in the definition of a rule."""

    def python(row: Any) -> Any:
        found = row.definition
        for key in path:
            found = (found or {}).get(key)
        return found

    return computed(lambda c, _: c.definition[path].astext, python, description)


VERSIONS_OF_RULE: Final = Relation(
    models.RuleVersion, ("rule_id",), lambda rule, version, _: version.rule_id == rule.rule_id
)


def _number_sql(element: Any) -> Any:
    value = element["value"]
    kind = func.jsonb_typeof(value)
    return case(
        (kind == literal_column("'number'"), cast(value.astext, Double)),
        (
            kind == literal_column("'boolean'"),
            case((value.astext == literal_column("'true'"), 1.0), else_=0.0),
        ),
        else_=null(),
    )


@strawberry.type(description="A value that met a condition of the rule.")
class Evidence(Row, scope=row_scope.of_parent):
    signal: str = computed(
        lambda c, _: func.coalesce(c.element["signal"].astext, literal_column("''", Text)),
        lambda row: row.signal,
        "Name of the signal, as the catalogue of signals lists it.",
    )
    # Not `field`: that would hide strawberry.field in this class.
    field_name: str = computed(
        lambda c, _: func.coalesce(c.element["field"].astext, literal_column("''", Text)),
        lambda row: row.field_name,
        "Which value of the signal.",
        graphql_name="field",
    )
    value: float | None = computed(
        lambda c, _: _number_sql(c.element),
        lambda row: row.value,
        "The value where it is a number (a flag as 0 or 1); else null.",
    )
    text: str = computed(
        lambda c, _: func.coalesce(c.element["value"].astext, literal_column("'none'", Text)),
        lambda row: row.text,
        "The value as text: a number, a date in ISO 8601, true or false.",
    )
    unit: str | None = computed(
        lambda c, _: func.nullif(c.element["unit"].astext, literal_column("''", Text)),
        lambda row: row.unit,
        "Unit of the value, such as kWh/day, %, days, rial; null without one.",
    )


@dataclass(frozen=True, slots=True)
class _EvidenceOf:
    signal: str
    field_name: str
    value: float | None
    text: str
    unit: str | None


def _evidence(given: dict[str, Any]) -> _EvidenceOf:
    value = given.get("value")
    number = float(value) if isinstance(value, int | float) else None
    if isinstance(value, bool) or value is None:
        text = str(value).lower()
    elif isinstance(value, float):
        # As PostgreSQL keeps numbers of JSON: without an exponent.
        text = format(Decimal(repr(value)), "f")
    else:
        text = str(value)
    return _EvidenceOf(
        signal=str(given.get("signal", "")),
        field_name=str(given.get("field", "")),
        value=number,
        text=text,
        unit=given.get("unit") or None,
    )


@strawberry.type(description="A rule that fired on the subject of a case, with the numbers it used.")
class Finding(
    Node,
    model=models.Finding,
    scope=row_scope.of_case,
    requires=Permission.READ_CASES,
    parse_key=_parse_uuid_key,
):
    rule_id: str = column("Stable id of the rule, such as T02.")
    severity: Severity = column("How grave it is.")
    confidence: float | None = column(_CONFIDENCE, name="confidence", guard=SCORES)
    energy_at_risk_kwh: float | None = column(_ENERGY, name="energy_at_risk_kwh", guard=SCORES)
    money_at_risk_rial: Rial | None = column(_MONEY, name="money_at_risk_rial", guard=SCORES)
    evidence_from: dt.date | None = column("First day of what the rule looked at.")
    evidence_from_jalali: str | None = jalali("evidence_from")
    evidence_to: dt.date | None = column("Last day of what the rule looked at.")
    evidence_to_jalali: str | None = jalali("evidence_to")
    parameters: JSON = column(
        "The parameters in force for this subject, by name; their units stand in `rule.definition`."
    )
    sentence_fa: str = column("The reason in Persian, with its numbers.")
    sentence_en: str = column("The reason in English, with its numbers.")
    created_at: dt.datetime = column("When it was first found, UTC.")

    evidence: list[Evidence] = elements(
        "evidence", _evidence, "The values that met the conditions, with units."
    )
    rule: RuleVersion = one(models.Finding.rule, "The rule as it stood.")
    case: CaseRef = one(models.Finding.case, "The case it belongs to.")
    invoice: InvoiceRef | None = one(
        models.Finding.invoice, "The invoice it is about; null where it is about no single one."
    )
    first_scan_run: ScanRunRef = one(models.Finding.first_scan_run, "The scan that found it first.")
    ended_scan_run: ScanRunRef | None = one(
        models.Finding.ended_scan_run,
        "The first scan that did not find it any more; null while it holds.",
    )


@strawberry.type(description="A value measured on site.")
class InspectionMeasurement(
    Row,
    model=models.InspectionMeasurement,
    scope=row_scope.of_parent,
    requires=Permission.READ_INSPECTIONS,
):
    quantity: MeasuredQuantity = column("What was measured; the name holds the unit.")
    phase: int = column("Phase 1 to 3; 0 is of all together.")
    value: float = column("The value, in the unit of the quantity.")


@strawberry.type(description="The number of a seal that the inspector left at the meter («پلمپ»).")
class InspectionSeal(
    Row, model=models.InspectionSeal, scope=row_scope.of_parent, requires=Permission.READ_INSPECTIONS
):
    seal_no: str = column("Number of the seal.")


@strawberry.type(description="A visit to a usage point and what it found («بازرسی»).")
class Inspection(
    Node, model=models.Inspection, scope=row_scope.of_usage_point, requires=Permission.READ_INSPECTIONS
):
    inspection_no: str = column("Number of the inspection; unique.")
    ordered_on: dt.date | None = column("Day it was ordered.")
    ordered_on_jalali: str | None = jalali("ordered_on")
    inspected_on: dt.date | None = column("Day of the visit; null before it.")
    inspected_on_jalali: str | None = jalali("inspected_on")
    outcome: InspectionOutcome | None = column("What was found; null before the visit.")
    unregistered_energy_kwh: float | None = column(
        "Energy that was used and not registered («انرژی ثبت‌نشده»), kWh."
    )
    note: str | None = column("The inspector's own words.")
    inspector_name: str | None = column("Who went; null before the visit, or where the source does not say.")
    withdrawn_on: dt.date | None = column("Day on which the order was withdrawn; null where it stands.")
    withdrawn_on_jalali: str | None = jalali("withdrawn_on")
    measurements: list[InspectionMeasurement] = listed(
        models.Inspection.measurements, repository.MEASUREMENT_ORDER, "What was measured on site."
    )
    seals: list[InspectionSeal] = listed(
        models.Inspection.seals, repository.SEAL_ORDER, "Seals that were left at the meter."
    )

    usage_point: UsagePointRef = one(models.Inspection.usage_point, "Where it was.")
    case: CaseRef | None = one(models.Inspection.case, "The case that led to it; null where none did.")


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
    parse_key=_parse_uuid_key,
):
    case_no: Long = column("Number of the case, to speak of it; unique.")
    family: RuleFamily = column("The family of the rules that fired.")
    state: CaseState = column("Where the case stands.")
    severity: Severity = column("That of its gravest finding.")
    confidence: float | None = column(_CONFIDENCE, name="confidence", guard=SCORES)
    energy_at_risk_kwh: float | None = column(_ENERGY, name="energy_at_risk_kwh", guard=SCORES)
    money_at_risk_rial: Rial | None = column(_MONEY, name="money_at_risk_rial", guard=SCORES)
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


@strawberry.type(description="A rule with its current version: the one that scans use.")
class Rule(Row, scope=row_scope.everyone, requires=Permission.READ_RULES):
    rule_id: str = column("Stable id of the rule, such as T02.")
    version: int = column("Number of the current version, from 1.")
    version_count: int = column("How many versions are known.")
    content_hash: str = column("Hash of the definition.")
    definition: JSON = column(
        "The whole rule: titles, conditions, suppressors, parameters with units and bounds, sources."
    )
    created_at: dt.datetime = column("When the current version was first used, UTC.")
    family: RuleFamily | None = _said("Its family.", "family")
    severity: Severity | None = _said(
        "How grave its findings are, where nothing makes them graver.", "severity"
    )
    title_fa: str | None = _said("Title in Persian.", "title", "fa")
    title_en: str | None = _said("Title in English.", "title", "en")
    parameters: JSON | None = computed(
        lambda c, _: c.definition["parameters"],
        lambda row: row.definition.get("parameters"),
        "Its parameters by name: unit, default, bounds and source.",
    )
    versions: list[RuleVersion] = listed(
        VERSIONS_OF_RULE, repository.RULE_VERSION_ORDER, "All versions of it, the newest first."
    )
