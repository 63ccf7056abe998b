"""Case, Finding with its Evidence, RuleVersion, Inspection."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, children
from graphql_api.context import Info
from graphql_api.errors import IdError
from graphql_api.fields import jalali, resolver
from graphql_api.ids import parse_number, parse_uuid
from graphql_api.nodes import Node
from graphql_api.refs import (
    CaseRef,
    CustomerRef,
    DistributionTransformerRef,
    DistrictRef,
    InvoiceRef,
    ScanRunRef,
    UsagePointRef,
)
from graphql_api.scalars import Long, Rial
from tarazu import models
from tarazu.billing.repository import invoices_by_id
from tarazu.cases import repository
from tarazu.customer_service.repository import customers_by_id
from tarazu.metering.repository import usage_points_by_id
from tarazu.models.enums import CaseState, InspectionOutcome, RuleFamily, Severity, SubjectKind
from tarazu.network.repository import districts_by_id, transformers_by_id
from tarazu.runs.repository import scan_runs_by_id

_CONFIDENCE = "How sure the rules are, 0 to 1."
_ENERGY = "Estimated energy at risk, kWh."
_MONEY = "Estimated money at risk, rial."


def _parse_rule_key(key: str) -> tuple[str, int]:
    rule_id, at, version = key.rpartition("@")
    number = parse_number(version)
    if not at or number > 2**31 - 1 or "\0" in rule_id:
        raise IdError("The id is damaged.", mend="Use an id as the API gave it.")
    return rule_id, number


@strawberry.type(description="A rule as it stood when a finding was made.")
class RuleVersion(
    Node,
    model=models.RuleVersion,
    fetch=repository.rule_versions,
    parse_key=_parse_rule_key,
    write_key=lambda rule: f"{rule.rule_id}@{rule.version}",
):
    rule_id: str = strawberry.field(description="Stable id of the rule, such as T02.")
    version: int = strawberry.field(description="Version of the rule, from 1.")
    content_hash: str = strawberry.field(description="Hash of the definition.")
    definition: JSON = strawberry.field(
        description="The whole rule: titles, conditions, suppressors, parameters with units and bounds, sources."
    )
    created_at: dt.datetime = strawberry.field(description="When this version was first used, UTC.")


@strawberry.type(description="A value that met a condition of the rule.")
class Evidence:
    signal: str = strawberry.field(description="Name of the signal, as the catalogue of signals lists it.")
    # Not `field`: that would hide strawberry.field in this class.
    field_name: str = strawberry.field(name="field", description="Which value of the signal.")
    value: float | None = strawberry.field(
        description="The value where it is a number (a flag as 0 or 1); else null."
    )
    text: str = strawberry.field(
        description="The value as text: a number, a date in ISO 8601, true or false."
    )
    unit: str | None = strawberry.field(
        description="Unit of the value, such as kWh/day, %, days, rial; null without one."
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
    text = str(value).lower() if isinstance(value, bool) or value is None else str(value)
    return _EvidenceOf(
        signal=str(given.get("signal", "")),
        field_name=str(given.get("field", "")),
        value=number,
        text=text,
        unit=given.get("unit") or None,
    )


@strawberry.type(description="A rule that fired on the subject of a case, with the numbers it used.")
class Finding(Node, model=models.Finding, fetch=repository.findings_by_id, parse_key=parse_uuid):
    rule_id: str = strawberry.field(description="Stable id of the rule, such as T02.")
    severity: Severity = strawberry.field(description="How grave it is.")
    confidence: float = strawberry.field(description=_CONFIDENCE)
    energy_at_risk_kwh: float = strawberry.field(description=_ENERGY)
    money_at_risk_rial: Rial = strawberry.field(description=_MONEY)
    evidence_from: dt.date | None = strawberry.field(description="First day of what the rule looked at.")
    evidence_from_jalali: str | None = jalali("evidence_from")
    evidence_to: dt.date | None = strawberry.field(description="Last day of what the rule looked at.")
    evidence_to_jalali: str | None = jalali("evidence_to")
    parameters: JSON = strawberry.field(
        description="The parameters in force for this subject, by name; their units stand in `rule.definition`."
    )
    sentence_fa: str = strawberry.field(description="The reason in Persian, with its numbers.")
    sentence_en: str = strawberry.field(description="The reason in English, with its numbers.")
    created_at: dt.datetime = strawberry.field(description="When it was first found, UTC.")

    @resolver(description="The values that met the conditions, with units.", graphql_type=list[Evidence])
    @staticmethod
    def evidence(root: strawberry.Parent[models.Finding]) -> list[_EvidenceOf]:
        return [_evidence(given) for given in root.evidence]

    @resolver(description="The rule as it stood.", graphql_type=RuleVersion)
    @staticmethod
    async def rule(root: strawberry.Parent[models.Finding], info: Info) -> models.RuleVersion | None:
        return await info.context.load(repository.rule_versions, (root.rule_id, root.rule_version))

    @resolver(description="The case it belongs to.", graphql_type=CaseRef)
    @staticmethod
    async def case(root: strawberry.Parent[models.Finding], info: Info) -> models.Case | None:
        return await info.context.load(repository.cases_by_id, root.case_id)

    @resolver(
        description="The invoice it is about; null where it is about no single one.",
        graphql_type=InvoiceRef | None,
    )
    @staticmethod
    async def invoice(root: strawberry.Parent[models.Finding], info: Info) -> models.Invoice | None:
        if root.invoice_id is None:
            return None
        return await info.context.load(invoices_by_id, root.invoice_id)

    @resolver(description="The scan that found it first.", graphql_type=ScanRunRef)
    @staticmethod
    async def first_scan_run(root: strawberry.Parent[models.Finding], info: Info) -> models.ScanRun | None:
        return await info.context.load(scan_runs_by_id, root.first_scan_run_id)

    @resolver(
        description="The first scan that did not find it any more; null while it holds.",
        graphql_type=ScanRunRef | None,
    )
    @staticmethod
    async def ended_scan_run(root: strawberry.Parent[models.Finding], info: Info) -> models.ScanRun | None:
        if root.ended_scan_run_id is None:
            return None
        return await info.context.load(scan_runs_by_id, root.ended_scan_run_id)


@strawberry.type(description="A visit to a usage point and what it found («بازرسی»).")
class Inspection(Node, model=models.Inspection, fetch=repository.inspections_by_id):
    inspection_no: str = strawberry.field(description="Number of the inspection; unique.")
    ordered_on: dt.date | None = strawberry.field(description="Day it was ordered.")
    ordered_on_jalali: str | None = jalali("ordered_on")
    inspected_on: dt.date | None = strawberry.field(description="Day of the visit; null before it.")
    inspected_on_jalali: str | None = jalali("inspected_on")
    outcome: InspectionOutcome | None = strawberry.field(description="What was found; null before the visit.")
    unregistered_energy_kwh: float | None = strawberry.field(
        description="Energy that was used and not registered («انرژی ثبت‌نشده»), kWh."
    )
    note: str | None = strawberry.field(description="The inspector's own words.")

    @resolver(description="Where it was.", graphql_type=UsagePointRef)
    @staticmethod
    async def usage_point(root: strawberry.Parent[models.Inspection], info: Info) -> models.UsagePoint | None:
        return await info.context.load(usage_points_by_id, root.usage_point_id)

    @resolver(description="The case that led to it; null where none did.", graphql_type=CaseRef | None)
    @staticmethod
    async def case(root: strawberry.Parent[models.Inspection], info: Info) -> models.Case | None:
        if root.case_id is None:
            return None
        return await info.context.load(repository.cases_by_id, root.case_id)


@strawberry.type(
    description="What one rule family holds against one subject within a window: the unit of people's work."
)
class Case(Node, model=models.Case, fetch=repository.cases_by_id, parse_key=parse_uuid):
    case_no: Long = strawberry.field(description="Number of the case, to speak of it; unique.")
    family: RuleFamily = strawberry.field(description="The family of the rules that fired.")
    state: CaseState = strawberry.field(description="Where the case stands.")
    severity: Severity = strawberry.field(description="That of its gravest finding.")
    confidence: float = strawberry.field(description=_CONFIDENCE)
    energy_at_risk_kwh: float = strawberry.field(description=_ENERGY)
    money_at_risk_rial: Rial = strawberry.field(description=_MONEY)
    priority: float = strawberry.field(
        description="Money at risk times confidence: the rial one may expect to recover."
    )
    subject_kind: SubjectKind = strawberry.field(description="What the case is about.")
    subject_key: str = strawberry.field(
        description="The subject's own number: subscription number, customer number or transformer code."
    )
    opened_on: dt.date = strawberry.field(description="The day up to which the scan that opened it looked.")
    opened_on_jalali: str | None = jalali("opened_on")
    closed_at: dt.datetime | None = strawberry.field(
        description="When a person closed it, UTC; null while live."
    )
    closed_reason: str | None = strawberry.field(description="Why it was closed.")
    assignee: str | None = strawberry.field(description="Who works on it.")
    version: int = strawberry.field(description="Rises with every change of the case.")
    created_at: dt.datetime = strawberry.field(description="When it was opened, UTC.")
    updated_at: dt.datetime = strawberry.field(description="When it last changed, UTC.")

    @resolver(
        description="The usage point, where the case is about one; else null.",
        graphql_type=UsagePointRef | None,
    )
    @staticmethod
    async def usage_point(root: strawberry.Parent[models.Case], info: Info) -> models.UsagePoint | None:
        if root.usage_point_id is None:
            return None
        return await info.context.load(usage_points_by_id, root.usage_point_id)

    @resolver(
        description="The customer, where the case is about one as such; else null.",
        graphql_type=CustomerRef | None,
    )
    @staticmethod
    async def customer(root: strawberry.Parent[models.Case], info: Info) -> models.Customer | None:
        if root.customer_id is None:
            return None
        return await info.context.load(customers_by_id, root.customer_id)

    @resolver(
        description="The transformer, where the case is about one; else null.",
        graphql_type=DistributionTransformerRef | None,
    )
    @staticmethod
    async def transformer(
        root: strawberry.Parent[models.Case], info: Info
    ) -> models.DistributionTransformer | None:
        if root.transformer_id is None:
            return None
        return await info.context.load(transformers_by_id, root.transformer_id)

    @resolver(
        description="The district that has to work on it; null where the subject has none.",
        graphql_type=DistrictRef | None,
    )
    @staticmethod
    async def district(root: strawberry.Parent[models.Case], info: Info) -> models.District | None:
        if root.district_id is None:
            return None
        return await info.context.load(districts_by_id, root.district_id)

    @resolver(description="Why: the rules that fired, most money first.", graphql_type=Connection[Finding])
    @staticmethod
    def findings(
        root: strawberry.Parent[models.Case], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.findings_of_cases, root.id, first, after)

    @resolver(
        description="Visits that the case led to, the newest first.", graphql_type=Connection[Inspection]
    )
    @staticmethod
    def inspections(
        root: strawberry.Parent[models.Case], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.inspections_of_cases, root.id, first, after)

    @resolver(description="The scan that opened it.", graphql_type=ScanRunRef)
    @staticmethod
    async def first_scan_run(root: strawberry.Parent[models.Case], info: Info) -> models.ScanRun | None:
        return await info.context.load(scan_runs_by_id, root.first_scan_run_id)
