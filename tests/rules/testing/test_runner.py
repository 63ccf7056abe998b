"""The runner must see every way in which a rule and its scenarios can disagree."""

from __future__ import annotations

import numpy as np
import pytest

from rules.testing import run_tests
from tarazu.errors import RuleError


def problems(folder, *ids):
    return {
        (result.scenario, problem)
        for result in run_tests(folder.path, ids or None)
        for problem in result.problems
    }


def test_scenarios_run_on_both_evaluators(catalogue_of):
    results = run_tests(catalogue_of("T02").path)
    assert {result.evaluators for result in results} == {("reference", "durable_rules")}
    assert all(result.passed for result in results)
    assert {result.kind for result in results} == {"fires", "below", "suppressed", "missing"}


def test_a_rule_that_should_fire_and_does_not_is_explained(catalogue_of):
    folder = catalogue_of("T02")
    folder.edit("T02.yaml", "default: 50, min: 20", "default: 61, min: 20")
    assert (
        "less than half of last year",
        (
            "should fire, but sudden_drop.drop_percent is 60 % (drop against the same season of last year: fall from the "
            "same season of last year, at least 61 %)"
        ),
    ) in problems(folder)


def test_a_rule_that_fires_though_it_should_be_silent_is_told(catalogue_of):
    folder = catalogue_of("T02")
    folder.edit("T02.yaml", "default: 50, min: 20", "default: 49, min: 20")
    assert problems(folder) == {
        ("just below drop_percent (49 %)", "should be stopped by sudden_drop.drop_percent, but fires")
    }


def test_another_condition_that_stops_the_rule_is_told(catalogue_of):
    folder = catalogue_of("T02")
    folder.edit("T02.test.yaml", 'daily_use: "21x10 3x5.1"', 'daily_use: "21x0.5 3x0.255"')
    said = problems(folder)
    assert len(said) == 1
    assert "also stopped: sudden_drop.then_daily_kwh is 0.5 kWh a day" in next(iter(said))[1]


def test_a_suppressor_that_does_not_stop_the_rule_is_told(catalogue_of):
    folder = catalogue_of("T02")
    folder.edit("T02.yaml", "  - {signal: seasonal_premises}\n", "")
    with pytest.raises(RuleError, match="'seasonal_premises' is not in the rule's `unless`"):
        run_tests(folder.path)
    folder = catalogue_of("T02")
    folder.edit("T02.test.yaml", "point: {seasonal: true}", "point: {generation: true}")
    assert {problem for _, problem in problems(folder)} == {
        "seasonal_premises should stop it, but does not",
        "also stopped: generation_contract is there",
    }


def test_just_below_means_near(catalogue_of):
    folder = catalogue_of("T02")
    folder.edit("T02.test.yaml", "21x10 3x5.1", "21x10 3x9")
    ((name, problem),) = problems(folder)
    assert name == "just below drop_percent (49 %)"
    assert problem.startswith(
        "the name says just short of the threshold, but sudden_drop.drop_percent is 10 %"
    )


def test_missing_data_means_absent_and_short_means_present(catalogue_of):
    folder = catalogue_of("T01")
    folder.edit("T01.test.yaml", "expect: {silent: zero_run.months}", "expect: {silent: zero_run}")
    folder.edit(
        "T01.test.yaml",
        '"16x10 7x0 1"}\n    expect: {silent: zero_run}',
        '"16x10 7x0 1"}\n    expect: {silent: zero_run.months}',
    )
    said = {problem for _, problem in problems(folder)}
    assert "zero_run.months should fall short, but is absent (write `silent: zero_run`)" in said
    assert any(p.startswith("zero_run should be absent, but zero_run.months is 3 months") for p in said)


def test_evidence_and_severity_are_compared(catalogue_of):
    folder = catalogue_of("T01")
    folder.edit("T01.test.yaml", "severity: high", "severity: low")
    folder.edit("T01.test.yaml", "zero_run.lost_kwh: 1217.5", "zero_run.lost_kwh: 1230")
    folder.edit("T01.test.yaml", "zero_run.since: 2025-09-01", "zero_run.since: 2025-10-01")
    assert {problem for _, problem in problems(folder)} == {
        "severity is high, expected low",
        "zero_run.lost_kwh is 1217.5, expected 1230",
        "zero_run.since is 2025-09-01, expected 2025-10-01",
    }


def test_a_rule_without_its_kinds_of_scenario_fails(catalogue_of):
    folder = catalogue_of("T17", "T19")
    (folder.path / "T17.test.yaml").unlink()
    (folder.path / "T19.test.yaml").write_text(
        "rule: T19\nscenarios:\n  - {name: nothing is known, expect: {silent: use_after_cut}}\n",
        encoding="utf-8",
    )
    assert problems(folder) == {
        ("", "there is no T17.test.yaml beside T17.yaml"),
        ("", "the rule needs one that fires"),
        ("", "the rule needs one just below a threshold, whose name says which"),
        ("", "the rule needs one that a suppressor stops"),
    }


def test_a_rule_without_suppressors_needs_no_suppressed_scenario_and_a_kind_may_be_exempt(catalogue_of):
    folder = catalogue_of("T17")
    text = (folder.path / "T17.test.yaml").read_text(encoding="utf-8")
    start = text.index("  - name: too few customers")
    path = folder.path / "T17.test.yaml"
    path.write_text(text[:start], encoding="utf-8")
    assert {problem for _, problem in problems(folder)} == {
        "the rule needs one with missing data (`silent: <signal>`), or the reason under `exempt`"
    }
    path.write_text(
        text[:start].replace("rule: T17\n", "rule: T17\nexempt: {missing: a reason of some length here}\n")
    )
    assert problems(folder) == set()


def test_two_evaluators_that_disagree_are_told(catalogue_of, monkeypatch):
    monkeypatch.setattr("rules.engine.DurableEvaluator.evaluate", lambda self, facts: [])
    said = {problem for _, problem in problems(catalogue_of("B12"))}
    assert said == {"durable_rules says silent, the explanation says otherwise"}


def test_a_screen_that_drops_a_finding_is_told(catalogue_of, monkeypatch):
    monkeypatch.setattr("rules.testing.runner.meets_when", lambda table, rule: np.zeros(1, np.bool_))
    said = {problem for _, problem in problems(catalogue_of("B12"))}
    assert said == {"the array screen drops the subject although the rule fires"}


def test_only_the_named_rules_run_and_unknown_ones_are_refused(catalogue_of):
    folder = catalogue_of("T01", "T02")
    assert {result.rule_id for result in run_tests(folder.path, ["T02"])} == {"T02"}
    with pytest.raises(RuleError, match=r"there is no rule 'T03' .* Known: T01, T02"):
        run_tests(folder.path, ["T03"])


def test_a_scenario_that_cannot_be_built_is_named_with_its_line(catalogue_of):
    folder = catalogue_of("T02")
    folder.edit("T02.test.yaml", '"21x10 3x5.1"', '"21x10 3x"')
    line = folder.line("T02.test.yaml", "just below drop_percent")
    with pytest.raises(RuleError) as refusal:
        run_tests(folder.path)
    assert str(refusal.value).startswith(
        f"{folder.path / 'T02.test.yaml'}:{line}: just below drop_percent (49 %): '3x' is no part of a series"
    )
