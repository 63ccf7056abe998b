"""Coverage must see each fault that no scenario would notice, and each condition that none turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.loader import CATALOGUE_DIRECTORY
from rules.testing import run_tests
from rules.testing.coverage import coverage
from rules.testing.coverage_page import PAGE, render
from rules.testing.mutants import step
from tarazu.errors import RuleError

PAGES = Path(__file__).parents[3] / "docs" / "reference"


@pytest.fixture(scope="module")
def shipped():
    return coverage(CATALOGUE_DIRECTORY)


def of(folder, *ids):
    (rule,) = coverage(folder.path, ids or None)
    return rule


def without(folder, name, scenario):
    """Take a scenario that no other starts from out of a file."""
    path = folder.path / name
    head, *scenarios = path.read_text(encoding="utf-8").split("\n  - name: ")
    kept = [one for one in scenarios if not one.startswith(scenario)]
    assert len(kept) == len(scenarios) - 1
    path.write_text("\n  - name: ".join([head, *(one.rstrip("\n") for one in kept)]) + "\n", encoding="utf-8")


def test_every_fault_in_the_catalogue_is_noticed_or_declared_with_a_reason(shipped):
    assert [f"{one.file}:{one.line}: {one.name}" for rule in shipped for one in rule.open_survivors] == []
    assert [(rule.rule_id, rule.stale) for rule in shipped if rule.stale] == []


def test_the_committed_page_is_the_one_made_from_the_scenarios(shipped):
    mend = "run `python -m rules.testing.coverage_page docs/reference`"
    assert (PAGES / PAGE).read_text(encoding="utf-8") == render(shipped), mend


def test_a_condition_that_no_scenario_turns_is_told_with_its_line_and_the_scenario_to_write(catalogue_of):
    folder = catalogue_of("T02")
    assert of(folder).gaps == []
    without(folder, "T02.test.yaml", "seasonal premises")
    rule = of(folder)
    line = folder.line("T02.yaml", "{signal: seasonal_premises}")
    place = f"{folder.path / 'T02.yaml'}:{line}"
    assert rule.gaps == [f"{place}: unless seasonal_premises is never true, decisive"]
    (survivor,) = rule.open_survivors
    assert (survivor.name, survivor.line) == ("drop seasonal_premises", line)
    assert "suppressed_by: seasonal_premises" in survivor.killer


def test_a_threshold_that_no_scenario_turns_on_is_told(catalogue_of):
    folder = catalogue_of("T02")
    without(folder, "T02.test.yaml", "just below drop_percent")
    assert [one.name for one in of(folder).open_survivors] == [
        "drop sudden_drop.drop_percent",
        "drop_percent down",
    ]
    without(folder, "T02.test.yaml", "exactly at drop_percent")
    rule = of(folder)
    assert {one.name for one in rule.open_survivors} == {
        "drop sudden_drop.drop_percent",
        "drop_percent down",
        "drop_percent up",
        "sudden_drop.drop_percent >= as >",
    }
    assert rule.idle_parameters == ("drop_percent",)
    (up,) = [one for one in rule.open_survivors if one.name == "drop_percent up"]
    assert up.line == folder.line("T02.yaml", "drop_percent: {unit: percent")
    assert "between 50 and 55 percent" in up.killer


def test_what_coverage_says_is_killed_fails_a_scenario(catalogue_of):
    """The mutants are judged without the runner, so the runner has to agree on some that are written to the file."""
    for old, new in (
        ('drop_percent, op: ">="', 'drop_percent, op: ">"'),
        ('drop_percent, op: ">="', 'drop_percent, op: "<="'),
        ("default: 50, min: 20", "default: 55, min: 20"),
        ("default: 50, min: 20", "default: 45, min: 20"),
        ('missing_months, op: ">"', 'missing_months, op: ">="'),
    ):
        folder = catalogue_of("T02")
        folder.edit("T02.yaml", old, new)
        assert not all(result.passed for result in run_tests(folder.path)), new


def test_a_survivor_may_be_declared_with_a_reason_and_a_killed_one_may_not(catalogue_of):
    folder = catalogue_of("T02")
    without(folder, "T02.test.yaml", "seasonal premises")
    reason = "the register has no such premises"
    folder.edit(
        "T02.test.yaml", "rule: T02\n", f'rule: T02\nsurvivors: {{"drop seasonal_premises": {reason}}}\n'
    )
    rule = of(folder)
    assert (rule.whole, rule.open_survivors, [one.reason for one in rule.survivors]) == (True, (), [reason])
    folder.edit("T02.test.yaml", "drop seasonal_premises", "drop supply_cut")
    rule = of(folder)
    assert (rule.whole, rule.stale) == (False, ("drop supply_cut",))


def test_a_scenario_may_set_a_parameter_within_its_bounds(catalogue_of):
    folder = catalogue_of("T02")
    path = folder.path / "T02.test.yaml"
    text = path.read_text(encoding="utf-8")
    scenario = (
        "  - name: set higher\n    like: less than half of last year\n"
        "    parameters: {drop_percent: 61}\n    expect: {silent: sudden_drop.drop_percent}\n"
    )
    path.write_text(text + scenario, encoding="utf-8")
    assert all(result.passed for result in run_tests(folder.path))
    path.write_text(text + scenario.replace("61", "59"), encoding="utf-8")
    assert [p for r in run_tests(folder.path) for p in r.problems] == [
        "should be stopped by sudden_drop.drop_percent, but fires"
    ]
    path.write_text(text + scenario.replace("61", "91"), encoding="utf-8")
    with pytest.raises(RuleError, match=r"parameters\.drop_percent: 91 is outside 20 … 90 \(percent\)"):
        run_tests(folder.path)
    path.write_text(text + scenario.replace("drop_percent: 61", "drop_percnt: 61"), encoding="utf-8")
    with pytest.raises(RuleError) as refusal:
        run_tests(folder.path)
    assert refusal.value.mend == "Did you mean 'drop_percent'?"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (50, "percent", 5),
        (0.3, "factor", 0.03),
        (75, "day", 7),
        (3, "month", 1),
        (0, "kWh", 1),
        (0, "count", 1),
    ],
)
def test_a_step_reaches_as_far_as_just_below_does(value, unit, expected):
    assert step(value, unit) == pytest.approx(expected)


def test_only_the_named_rules_are_looked_at_and_unknown_ones_are_refused(catalogue_of):
    folder = catalogue_of("T01", "T02")
    assert [rule.rule_id for rule in coverage(folder.path, ["T02"])] == ["T02"]
    with pytest.raises(RuleError, match=r"there is no rule 'T03' .* Known: T01, T02"):
        coverage(folder.path, ["T03"])
