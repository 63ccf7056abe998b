"""Who is excepted from a rule, by what is known of the subjects."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from rules.facts import compute
from rules.findings import find
from rules.loader import load_catalogue
from rules.reference import ReferenceEvaluator
from rules.standing import RuleException, StatusSetting, excepted, spoken_of, with_standing
from rules.testing.given import batch_of
from rules.why import render_why, why, why_json

DROP = {"daily_use": "21x10 3x4"}


@pytest.fixture
def batch():
    return batch_of("usage_point", DROP)


def standing(status=None, *exceptions):
    statuses = [] if status is None else [StatusSetting("T02", status, dt.date(2025, 1, 1))]
    return with_standing(load_catalogue(), statuses, exceptions)


def test_an_exception_covers_whom_all_that_it_names_describes(batch):
    known = {
        "usage_point_id": int(batch.usage_point_id[0]),
        "customer_id": int(batch.customer_id[0]),
        "transformer_id": int(batch.transformer_id[0]),
        "district_id": int(batch.district_id[0]),
        "tariff_class": "residential",
    }
    for name, value in known.items():
        assert RuleException("E1", "T02", **{name: value}).covers(batch).tolist() == [True], name
        other = "industrial" if name == "tariff_class" else value + 1
        assert RuleException("E1", "T02", **{name: other}).covers(batch).tolist() == [False], name
    both = RuleException("E1", "T02", tariff_class="industrial", district_id=known["district_id"])
    assert both.covers(batch).tolist() == [False]
    assert RuleException("E1", "T02", reading_agent_id=7).covers(batch).tolist() == [False]


def test_what_is_excepted_is_counted_by_the_first_exception_that_hides_it(batch):
    district = int(batch.district_id[0])
    rule = standing(
        None,
        RuleException("E1", "T02", district_id=district + 1),
        RuleException("E2", "T02", district_id=district),
        RuleException("E3", "T02", tariff_class="residential"),
    ).rules["T02"]
    rows, hidden = excepted(batch, rule, np.array([0]))
    assert (rows.tolist(), hidden) == ([], {"E2": 1})
    assert spoken_of(batch, rule).tolist() == [False]
    found = find(batch, [rule], ReferenceEvaluator)
    assert (found.findings, found.excepted) == ([], {"E2": 1})


def test_the_explanation_says_why_a_scan_is_silent_where_the_rule_fires(batch):
    elsewhere = StatusSetting("T02", "trial", dt.date(2025, 1, 1), district_id=int(batch.district_id[0]) + 1)
    expected = [
        (standing().rules["T02"], []),
        (standing("shadow").rules["T02"], ["the rule's status is shadow: it opens nothing"]),
        (with_standing(load_catalogue(), [elsewhere], []).rules["T02"], ["its trial is in another district"]),
        (
            standing(None, RuleException("E7", "T02", tariff_class="residential")).rules["T02"],
            ["excepted by E7"],
        ),
    ]
    for rule, reasons in expected:
        explained = why(compute(batch, [rule]), 0, rule)
        assert explained.fires
        assert [reason.en for reason in explained.unspoken] == reasons
        assert [reason["en"] for reason in why_json(explained)["unspoken"]] == reasons
        assert all(reason in render_why(explained, "en") for reason in reasons)


def test_a_rule_in_shadow_is_counted_with_the_money_that_its_finding_would_have(batch):
    (finding,) = find(batch, [standing().rules["T02"]], ReferenceEvaluator).findings
    found = find(batch, [standing("shadow").rules["T02"]], ReferenceEvaluator)
    assert found.findings == []
    assert found.shadow == {"T02": (1, finding.money_at_risk_rial)}


def test_a_catalogue_with_another_status_or_exception_has_another_hash():
    plain = load_catalogue()
    assert standing() is plain or standing().hash == plain.hash
    hashes = {plain.hash, standing("shadow").hash, standing("trial").hash}
    hashes |= {standing(None, RuleException("E1", "T02", district_id=1)).hash}
    assert len(hashes) == 4
