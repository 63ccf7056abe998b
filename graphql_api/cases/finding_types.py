"""Finding with its evidence."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import Double, Text, case, cast, func, literal_column, null
from strawberry.scalars import JSON

from graphql_api.cases.rule_types import RuleVersion
from graphql_api.fields import SCORES, SCORES_NOTE, column, computed, elements, jalali, one
from graphql_api.ids import parse_uuid_key
from graphql_api.refs import CaseRef, InvoiceRef, ScanRunRef
from graphql_api.rows import Node, Row
from graphql_api.scalars import Rial
from tarazu import models
from tarazu.models.enums import Severity
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

CONFIDENCE = "How sure the rules are, 0 to 1." + SCORES_NOTE
ENERGY = "Estimated energy at risk, kWh." + SCORES_NOTE
MONEY = "Estimated money at risk, rial." + SCORES_NOTE


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
    parse_key=parse_uuid_key,
):
    rule_id: str = column("Stable id of the rule, such as T02.")
    severity: Severity = column("How grave it is.")
    confidence: float | None = column(CONFIDENCE, name="confidence", guard=SCORES)
    energy_at_risk_kwh: float | None = column(ENERGY, name="energy_at_risk_kwh", guard=SCORES)
    money_at_risk_rial: Rial | None = column(MONEY, name="money_at_risk_rial", guard=SCORES)
    on_trial: bool = column("Whether its rule is on trial, so that it counts for less than others.")
    evidence_from: dt.date | None = column("First day of what the rule looked at.")
    evidence_from_jalali: str | None = jalali("evidence_from")
    evidence_to: dt.date | None = column("Last day of what the rule looked at.")
    evidence_to_jalali: str | None = jalali("evidence_to")
    parameters: JSON = column(
        "The parameters in force for this subject, by name; their units stand in `rule.definition`."
    )
    sentence_fa: str = column("The reason in Persian, with its numbers.")
    sentence_en: str = column("The reason in English, with its numbers.")
    is_explained: bool = computed(
        lambda c, _: c.explained_by_agent_id.is_not(None),
        lambda row: row.explained_by_agent_id is not None,
        "Whether it rests on readings that a reading agent's case puts in doubt: that case carries it, and this one's confidence "
        "and money at risk do not count it.",
    )
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
