"""From a batch to findings: signals, screen, evaluator, and then for each rule that fired its evidence in words."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import orjson

from rules.agent_batch import AgentBatch
from rules.batch import EPOCH, TARIFF_CLASSES, CustomerBatch, PointBatch, TransformerBatch
from rules.explaining import explained_by
from rules.facts import Facts, SignalTable, compute, facts_of
from rules.narrative import render_all
from rules.rule import variants
from rules.screen import Candidates, screen
from rules.signals import all_signals
from rules.standing import excepted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import Batch
    from rules.rule import Rule


class Evaluator(Protocol):
    def evaluate(self, facts: Facts) -> list[str]: ...
    def close(self) -> None: ...


EvaluatorFactory = Callable[[Sequence["Rule"], str | None], Evaluator]


class Finding(NamedTuple):
    """One rule that fired on one subject, with everything needed to explain it later.

    `identity` is a hash of subject, rule version, parameters, evidence and what explains it: the same finding has the same
    one.
    """

    identity: str
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
    explained_by: str  # number of the reading agent whose case carries it, "" for none


@dataclass(frozen=True, slots=True)
class BatchFindings:
    subjects: int
    screened: int
    findings: list[Finding]
    # Exception → findings that it hid; rule in shadow → findings and rial at risk, of which nothing is opened.
    excepted: dict[str, int] = field(default_factory=dict)
    shadow: dict[str, tuple[int, int]] = field(default_factory=dict)


def find(batch: Batch, rules: list[Rule], evaluator: EvaluatorFactory) -> BatchFindings:
    """All findings of the batch's subjects, in the order of the rules and subjects."""
    table = compute(batch, rules)
    candidates = screen(table, rules)
    fired = evaluate(table, candidates, rules, evaluator)
    result = BatchFindings(len(batch), len(candidates.rows), [])
    for rule in rules:
        fires = [row for row, ids in zip(candidates.rows.tolist(), fired, strict=True) if rule.id in ids]
        rows, hidden = excepted(batch, rule, np.array(fires, np.int64))
        result.excepted.update(hidden)
        if not len(rows):
            continue
        if rule.status == "shadow":
            money = at_risk(table, rule, rows, subjects(batch, rows)[3])[1]
            result.shadow[rule.id] = (len(rows), sum(money))
        else:
            result.findings.extend(findings_of(table, rule, rows))
    return result


def evaluate(
    table: SignalTable, candidates: Candidates, rules: list[Rule], evaluator: EvaluatorFactory
) -> list[list[str]]:
    """Ids of the rules that fire for each candidate."""
    rows = candidates.rows
    fired: list[list[str]] = [[] for _ in rows]
    for family in dict.fromkeys(rule.family for rule in rules):
        of_family = [i for i, rule in enumerate(rules) if rule.family == family]
        _evaluate_family(
            table,
            Candidates(rows, [candidates.by_rule[i] for i in of_family]),
            [rules[i] for i in of_family],
            evaluator,
            fired,
        )
    return fired


def _evaluate_family(
    table: SignalTable,
    candidates: Candidates,
    rules: list[Rule],
    evaluator: EvaluatorFactory,
    fired: list[list[str]],
) -> None:
    """Add the rules of one family that fire. Families do not correlate, and an engine is the quicker the fewer
    patterns it has: most candidates concern one family, whose rules are a third of all.
    """
    rows = candidates.rows
    concerned = np.logical_or.reduce(candidates.by_rule)
    facts = facts_of(table, candidates, rules)
    apart = np.zeros(len(rows), np.bool_)
    for district_id in sorted(frozenset().union(*(rule.districts for rule in rules))):
        there = table.batch.district_id[rows] == district_id
        apart |= there
        own = [rule.of_district(district_id) for rule in rules]
        _evaluate_variants(table, rows, concerned & there, facts, own, evaluator, fired)
    _evaluate_variants(table, rows, concerned & ~apart, facts, rules, evaluator, fired)


def _evaluate_variants(
    table: SignalTable,
    rows: NDArray[np.int64],
    concerned: NDArray[np.bool_],
    facts: list[Facts],
    rules: list[Rule],
    evaluator: EvaluatorFactory,
    fired: list[list[str]],
) -> None:
    """Judge those concerned by rules that have the same values in all their districts."""
    classes = (
        table.batch.tariff_class[rows]
        if isinstance(table.batch, PointBatch)
        else np.zeros(len(rows), np.int8)
    )
    for code, tariff_class in enumerate(variants(rules)):
        chosen = concerned if tariff_class is None else concerned & (classes == code)
        members = np.flatnonzero(chosen).tolist()
        if not members:
            continue
        engine = evaluator(rules, tariff_class)
        for i in members:
            fired[i] += engine.evaluate(facts[i])


def findings_of(table: SignalTable, rule: Rule, rows: NDArray[np.int64]) -> list[Finding]:
    """The findings of one rule, column by column: a million of them cost seconds, not minutes."""
    batch, signals = table.batch, all_signals()
    keys, ids, districts, classes = subjects(batch, rows)
    own = rule.districts
    scopes = [
        (c, district if district in own else None) for c, district in zip(classes, districts, strict=True)
    ]
    by_scope = {scope: rule.parameter_values(*scope) for scope in dict.fromkeys(scopes)}
    columns: dict[str, tuple[list[Any], str]] = {
        f"${name}": ([by_scope[scope][name] for scope in scopes], parameter.unit)
        for name, parameter in rule.parameters.items()
    }
    described: list[tuple[str, str, str]] = []
    shown: list[list[Any]] = []
    period: dict[str, list[dt.date]] = {}
    invoices = [-1] * len(rows)
    for name in rule.when_signals:
        for field_name, declared in signals[name].fields.items():
            values = table.column(name, field_name)[rows].tolist()
            columns[f"{name}.{field_name}"] = (values, declared.unit)
            described.append((name, field_name, declared.unit))
            if declared.unit == "date":
                days = [EPOCH + dt.timedelta(days=int(value)) for value in values]
                period.setdefault(field_name, days)
                values = [day.isoformat() for day in days]
            shown.append(values)
        named = table.values[name].invoice_id
        if named is not None:
            invoices = [
                old if old >= 0 else new for old, new in zip(invoices, named[rows].tolist(), strict=True)
            ]
    parameters = {scope: orjson.dumps(values).decode() for scope, values in by_scope.items()}
    parameters_json = [parameters[scope] for scope in scopes]
    evidence_json = [
        orjson.dumps(
            [
                {"signal": signal, "field": name, "value": value, "unit": unit}
                for (signal, name, unit), value in zip(described, values, strict=True)
            ]
        ).decode()
        for values in zip(*shown, strict=True)
    ]
    energy, money = at_risk(table, rule, rows, classes)
    unknown: list[dt.date | None] = [None] * len(rows)
    subject_rule = f"|{rule.id}|{rule.version}|"
    explaining = explained_by(table, rule, rows, period)
    return [
        Finding(
            hashlib.blake2b(
                (
                    batch.subject_kind
                    + ":"
                    + key
                    + subject_rule
                    + given
                    + "|"
                    + evidence
                    + (explained and f"|{explained}")
                ).encode(),
                digest_size=16,
            ).hexdigest(),
            batch.subject_kind,
            key,
            subject_id,
            district_id,
            rule.id,
            rule.version,
            rule.family,
            rule.severity,
            rule.confidence,
            at_risk_kwh,
            at_risk_rial,
            since,
            until,
            invoice,
            given,
            evidence,
            sentence_fa,
            sentence_en,
            explained,
        )
        for (
            (key, subject_id, district_id),
            (given, evidence, sentence_fa, sentence_en),
            (at_risk_kwh, at_risk_rial),
            (since, until, invoice),
            explained,
        ) in zip(
            zip(keys, ids, districts, strict=True),
            zip(
                parameters_json,
                evidence_json,
                render_all(rule.narrative.fa, columns, "fa", len(rows)),
                render_all(rule.narrative.en, columns, "en", len(rows)),
                strict=True,
            ),
            zip(energy, money, strict=True),
            zip(period.get("since", unknown), period.get("until", unknown), invoices, strict=True),
            explaining,
            strict=True,
        )
    ]


def at_risk(
    table: SignalTable, rule: Rule, rows: NDArray[np.int64], classes: list[str | None]
) -> tuple[list[float], list[int]]:
    """(kWh, rial). Energy is priced at the site's price of the class; a transformer's at the residential one, which
    most of its customers have.
    """
    amounts = np.maximum(
        table.column(rule.at_risk.signal, rule.at_risk.field)[rows].astype(np.float64), 0.0
    ).tolist()
    if rule.at_risk.unit == "money_rial":
        return [0.0] * len(rows), [round(amount) for amount in amounts]
    prices = table.batch.site.energy_price_rial_per_kwh
    price = {name: prices[TARIFF_CLASSES.index(name) if name else 0] for name in dict.fromkeys(classes)}
    return (
        [round(amount, 1) for amount in amounts],
        [round(amount * price[name]) for amount, name in zip(amounts, classes, strict=True)],
    )


def subjects(
    batch: Batch, rows: NDArray[np.int64]
) -> tuple[list[str], list[int], list[int], list[str | None]]:
    """(natural keys, ids, district ids, tariff classes) of the rows."""
    at = rows.tolist()
    districts = batch.district_id[rows].tolist()
    if isinstance(batch, PointBatch):
        classes: list[str | None] = [TARIFF_CLASSES[code] for code in batch.tariff_class[rows].tolist()]
        return (
            [batch.subscription_no[row] for row in at],
            batch.usage_point_id[rows].tolist(),
            districts,
            classes,
        )
    unclassed: list[str | None] = [None] * len(at)
    if isinstance(batch, TransformerBatch):
        return [batch.code[row] for row in at], batch.transformer_id[rows].tolist(), districts, unclassed
    if isinstance(batch, AgentBatch):
        return [batch.agent_no[row] for row in at], batch.agent_id[rows].tolist(), districts, unclassed
    assert isinstance(batch, CustomerBatch)
    return [batch.customer_no[row] for row in at], batch.customer_id[rows].tolist(), districts, unclassed
