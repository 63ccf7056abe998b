from __future__ import annotations

import datetime as dt
import json

from rules.findings import find
from rules.loader import load_catalogue
from rules.reference import ReferenceEvaluator
from rules.testing.given import batch_of
from rules.testing.points import Point, point_batch

RULES = load_catalogue().rules


def findings_of(rule_id, given):
    rule = RULES[rule_id]
    return find(batch_of(rule.subject, given), [rule], ReferenceEvaluator).findings


def test_a_finding_carries_all_that_explains_it():
    (finding,) = findings_of("T01", {"daily_use": "20x10 4x0", "point": {"tariff_class": "industrial"}})
    assert (finding.subject_kind, finding.subject_key, finding.subject_id) == ("usage_point", "1", 1)
    assert (finding.rule_id, finding.rule_version, finding.family) == ("T01", RULES["T01"].version, "theft")
    assert (finding.severity, finding.confidence) == ("high", 0.35)
    assert (finding.evidence_from, finding.evidence_to) == (dt.date(2025, 9, 1), dt.date(2026, 1, 1))
    assert finding.energy_at_risk_kwh == 1217.5
    assert finding.money_at_risk_rial == 1217.5 * 6000
    assert json.loads(finding.parameters) == {
        "least_months": 4,
        "least_usual_kwh": 0.5,
        "least_doubtful": 2,
        "doubtful_percent": 50,
    }
    assert finding.explained_by == ""
    assert json.loads(finding.evidence) == [
        {"signal": "zero_run", "field": "months", "value": 4, "unit": "month"},
        {"signal": "zero_run", "field": "usual_daily_kwh", "value": 10.0, "unit": "kWh/day"},
        {"signal": "zero_run", "field": "lost_kwh", "value": 1217.5, "unit": "kWh"},
        {"signal": "zero_run", "field": "since", "value": "2025-09-01", "unit": "date"},
        {"signal": "zero_run", "field": "until", "value": "2026-01-01", "unit": "date"},
    ]
    assert "4 months (since 2025-09-01)" in finding.sentence_en
    assert "۴ ماه (از ۱۴۰۴/۰۶/۱۰)" in finding.sentence_fa


def test_money_of_a_debt_is_the_debt_itself():
    bills = [
        {
            "from": "2025-06-01",
            "to": "2025-08-01",
            "payable_rial": 7000000,
            "paid_rial": 1,
            "due": "100 days ago",
        }
    ]
    (finding,) = findings_of("C01", {"bills": bills})
    assert (finding.energy_at_risk_kwh, finding.money_at_risk_rial) == (0.0, 6999999)
    assert finding.invoice_id == 1


def test_the_same_finding_has_the_same_identity_and_another_has_not():
    (first,) = findings_of("T01", {"daily_use": "20x10 4x0"})
    (again,) = findings_of("T01", {"daily_use": "20x10 4x0"})
    (longer,) = findings_of("T01", {"daily_use": "19x10 5x0"})
    assert first.identity == again.identity
    assert first.identity != longer.identity


def test_many_subjects_and_rules_each_get_their_own(site):
    months = {0: [10.0] * 24, 1: [10.0] * 20 + [0.0] * 4, 2: [10.0] * 21 + [4.0] * 3}
    points = [Point(daily_kwh=months[i % 3], tariff_class=i % 5) for i in range(30)]
    batch = point_batch(points, last_month=2025 * 12 + 11, as_of=20453, site=site)
    rules = [RULES["T01"], RULES["T02"]]
    result = find(batch, rules, ReferenceEvaluator)
    assert result.subjects == 30
    assert result.screened == 20
    # Four months of zero are a sudden drop too: months −12…−10 before them were steady.
    assert [(f.rule_id, f.subject_id) for f in result.findings] == [
        *(("T01", i + 1) for i in range(30) if i % 3 == 1),
        *(("T02", i + 1) for i in range(30) if i % 3 in (1, 2)),
    ]
    assert len({finding.identity for finding in result.findings}) == len(result.findings)


def test_a_batch_without_candidates_has_no_findings():
    assert findings_of("T01", {"daily_use": "24x10"}) == []
    assert findings_of("T17", {}) == []
