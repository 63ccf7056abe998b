"""From a batch to findings: signals, screen, evaluator, and then for each rule that fired its evidence in words."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson

from rules.batch import EPOCH, TARIFF_CLASSES, CustomerBatch, PointBatch, TransformerBatch
from rules.facts import Facts, SignalTable, compute, condition_fields, facts_of
from rules.narrative import render
from rules.rule import variants
from rules.screen import screen
from rules.signals import all_signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import Batch
    from rules.rule import Rule

# Names everything that Tarazu derives: findings and cases. Any fixed UUID will do; this one is ours for ever.
NAMESPACE = uuid.UUID("7b1f6c1e-5d0f-5a43-9c39-74617261757a")


class Evaluator(Protocol):
    def evaluate(self, facts: Facts) -> list[str]: ...
    def close(self) -> None: ...


EvaluatorFactory = Callable[[Sequence["Rule"], str | None], Evaluator]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that fired on one subject, with everything needed to explain it later."""

    id: uuid.UUID
    subject_kind: str
    subject_key: str
    subject_id: int
    district_id: int
    rule_id: str
    rule_version: int
    family: str
    severity: str
    confidence: float
    energy_at_risk_kwh: float
    money_at_risk_rial: int
    evidence_from: dt.date | None
    evidence_to: dt.date | None
    invoice_id: int
    parameters: str  # JSON
    evidence: str  # JSON
    sentence_fa: str
    sentence_en: str


@dataclass(frozen=True, slots=True)
class BatchFindings:
    subjects: int
    screened: int
    findings: list[Finding]


def find(batch: Batch, rules: list[Rule], evaluator: EvaluatorFactory) -> BatchFindings:
    """All findings of the batch's subjects, in the order of the subjects and rules."""
    table = compute(batch, rules)
    rows = screen(table, rules)
    fired = evaluate(table, rows, rules, evaluator)
    writer = _Writer(table, {rule.id: rule for rule in rules})
    findings = [
        writer.finding(row, rule_id) for row, ids in zip(rows.tolist(), fired, strict=True) for rule_id in ids
    ]
    return BatchFindings(len(batch), len(rows), findings)


def evaluate(
    table: SignalTable, rows: NDArray[np.int64], rules: list[Rule], evaluator: EvaluatorFactory
) -> list[list[str]]:
    """Ids of the rules that fire for each of the subjects `rows`."""
    facts = facts_of(table, rows, condition_fields(rules))
    fired: list[list[str]] = [[] for _ in rows]
    kinds = variants(rules)
    classes = (
        table.batch.tariff_class[rows]
        if isinstance(table.batch, PointBatch)
        else np.zeros(len(rows), np.int8)
    )
    for code, tariff_class in enumerate(kinds):
        members = range(len(rows)) if tariff_class is None else np.flatnonzero(classes == code).tolist()
        if not members:
            continue
        engine = evaluator(rules, tariff_class)
        for i in members:
            fired[i] = engine.evaluate(facts[i])
    return fired


class _Writer:
    """Turns (row, rule) into a finding; columns are looked up once."""

    def __init__(self, table: SignalTable, rules: dict[str, Rule]) -> None:
        self._table = table
        self._rules = rules
        self._signals = all_signals()
        self._subject = _subject_of(table.batch)

    def finding(self, row: int, rule_id: str) -> Finding:
        rule, table = self._rules[rule_id], self._table
        subject_kind = table.batch.subject_kind
        key, subject_id, district_id, tariff_class = self._subject(row)
        parameters = rule.parameter_values(tariff_class)
        values: dict[str, tuple[float, str]] = {
            f"${name}": (value, rule.parameters[name].unit) for name, value in parameters.items()
        }
        evidence: list[dict[str, Any]] = []
        since = until = None
        invoice_id = -1
        for name in rule.when_signals:
            signal = self._signals[name]
            for field_name, declared in signal.fields.items():
                value = table.column(name, field_name)[row].item()
                values[f"{name}.{field_name}"] = (value, declared.unit)
                if declared.unit == "date":
                    day = EPOCH + dt.timedelta(days=int(value))
                    since = day if field_name == "since" and since is None else since
                    until = day if field_name == "until" and until is None else until
                    value = day.isoformat()
                evidence.append({"signal": name, "field": field_name, "value": value, "unit": declared.unit})
            invoices = table.values[name].invoice_id
            if invoices is not None and invoice_id < 0:
                invoice_id = int(invoices[row])
        energy, money = self._at_risk(row, rule, tariff_class)
        parameters_json = orjson.dumps(parameters).decode()
        evidence_json = orjson.dumps(evidence).decode()
        identity = f"{subject_kind}:{key}|{rule.id}|{rule.version}|{parameters_json}|{evidence_json}"
        return Finding(
            id=uuid.uuid5(NAMESPACE, identity),
            subject_kind=subject_kind,
            subject_key=key,
            subject_id=subject_id,
            district_id=district_id,
            rule_id=rule.id,
            rule_version=rule.version,
            family=rule.family,
            severity=rule.severity,
            confidence=rule.confidence,
            energy_at_risk_kwh=energy,
            money_at_risk_rial=money,
            evidence_from=since,
            evidence_to=until,
            invoice_id=invoice_id,
            parameters=parameters_json,
            evidence=evidence_json,
            sentence_fa=render(rule.narrative.fa, values, "fa"),
            sentence_en=render(rule.narrative.en, values, "en"),
        )

    def _at_risk(self, row: int, rule: Rule, tariff_class: str | None) -> tuple[float, int]:
        """(kWh, rial). Energy is priced at the site's price of the class; a transformer's at the residential one,
        which most of its customers have.
        """
        amount = max(float(self._table.column(rule.at_risk.signal, rule.at_risk.field)[row]), 0.0)
        if rule.at_risk.unit == "money_rial":
            return 0.0, round(amount)
        prices = self._table.batch.site.energy_price_rial_per_kwh
        price = prices[TARIFF_CLASSES.index(tariff_class) if tariff_class else 0]
        return round(amount, 1), round(amount * price)


def _subject_of(batch: Batch) -> Callable[[int], tuple[str, int, int, str | None]]:
    """Row → (natural key, id, district id, tariff class)."""
    if isinstance(batch, PointBatch):
        return lambda row: (
            batch.subscription_no[row],
            int(batch.usage_point_id[row]),
            int(batch.district_id[row]),
            TARIFF_CLASSES[batch.tariff_class[row]],
        )
    if isinstance(batch, TransformerBatch):
        return lambda row: (
            batch.code[row],
            int(batch.transformer_id[row]),
            int(batch.district_id[row]),
            None,
        )
    assert isinstance(batch, CustomerBatch)
    return lambda row: (
        batch.customer_no[row],
        int(batch.customer_id[row]),
        int(batch.district_id[row]),
        None,
    )
