"""Scenario files (`T02.test.yaml`): what they may say, and what is wrong with one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rules.faults import Fault, formal_faults, near
from rules.loader import CATALOGUE_DIRECTORY, TEST_SUFFIX
from rules.signals import all_signals
from tarazu.errors import RuleError
from tarazu.yaml_file import YamlFile, read_yaml

if TYPE_CHECKING:
    from rules.conditions import Condition
    from rules.rule import Rule

SCHEMA_FILE = CATALOGUE_DIRECTORY / "test.schema.json"

Outcome = Literal["fires", "silent", "suppressed_by"]
# What a rule must show. A `silent` scenario that is neither of the two kinds is welcome, but proves neither.
Kind = Literal["fires", "below", "suppressed", "missing", "silent"]
_KIND_WORDS: dict[Kind, str] = {
    "fires": "one that fires",
    "below": "one just below a threshold, whose name says which",
    "suppressed": "one that a suppressor stops",
    "missing": "one with missing data (`silent: <signal>`), or the reason under `exempt`",
}
_EXEMPTIBLE: tuple[Kind, ...] = ("below", "missing")


@dataclass(frozen=True, slots=True)
class Scenario:
    """`target` is the `signal` or `signal.field` that stops the rule, "" where it fires.

    `parameters` hold for this scenario instead of the file's values.
    """

    name: str
    line: int
    given: dict[str, Any]
    outcome: Outcome
    target: str
    severity: str | None
    evidence: dict[str, float | str]
    parameters: dict[str, float]

    def applied_to(self, rule: Rule) -> Rule:
        """The rule with the scenario's parameters."""
        if not self.parameters:
            return rule
        changed = {
            name: replace(rule.parameters[name], default=value, by_tariff_class={})
            for name, value in self.parameters.items()
        }
        return replace(rule, parameters=rule.parameters | changed)


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    path: Path
    rule_id: str
    scenarios: tuple[Scenario, ...]
    exempt: dict[str, str]
    survivors: dict[
        str, str
    ]  # mutants that no scenario can kill (`rules.testing.mutants`), each with the reason


def scenario_file_of(rule_file: Path) -> Path:
    return rule_file.with_name(rule_file.stem + TEST_SUFFIX)


def read_scenarios(path: Path, rule: Rule) -> ScenarioFile:
    """
    Raises:
        RuleError: with file, line, field and the mend of the first fault.
    """
    source = read_yaml(path, RuleError)
    for fault in scenario_faults(source, rule):
        raise RuleError(f"{source.place(fault.field)}: {fault.message}", mend=fault.mend)
    data = plain(source.data)
    scenarios: dict[str, Scenario] = {}
    for i, one in enumerate(data["scenarios"]):
        base = scenarios[one["like"]].given if "like" in one else {}
        expect = one["expect"]
        outcome: Outcome = (
            "fires" if expect == "fires" else "silent" if "silent" in expect else "suppressed_by"
        )
        scenarios[one["name"]] = Scenario(
            name=one["name"],
            line=source.line(["scenarios", i]),
            given=laid_over(base, one.get("given", {})),
            outcome=outcome,
            target="" if outcome == "fires" else expect[outcome],
            severity=one.get("severity"),
            evidence=one.get("evidence", {}),
            parameters=one.get("parameters", {}),
        )
    return ScenarioFile(
        path, data["rule"], tuple(scenarios.values()), data.get("exempt", {}), data.get("survivors", {})
    )


def scenario_faults(source: YamlFile, rule: Rule) -> Iterator[Fault]:
    """What is wrong with a scenario file of that rule; where the form is wrong, only that."""
    data = plain(source.data)
    formal = list(formal_faults(data, SCHEMA_FILE))
    if formal:
        yield from formal
        return
    if data["rule"] != rule.id:
        yield Fault("test.rule", ["rule"], f"the file stands beside {rule.id}.", f"Write {rule.id}.")
    signals = all_signals()
    known = [f"{name}.{field}" for name in rule.when_signals for field in signals[name].fields]
    conditions = [condition.dotted for condition in rule.conditions()]
    for name in data.get("exempt", {}):
        if name not in (*_EXEMPTIBLE, *conditions):
            message = f"{name!r} is neither a kind of scenario nor a condition of the rule."
            yield Fault("test.exempt", ["exempt", name], message, near(name, [*_EXEMPTIBLE, *conditions]))
    names: list[str] = []
    for i, scenario in enumerate(data["scenarios"]):
        place: list[str | int] = ["scenarios", i]
        if scenario["name"] in names:
            message = f"the name {scenario['name']!r} is given twice."
            yield Fault("test.name", [*place, "name"], message, "Give each scenario a name of its own.")
        if "like" in scenario and scenario["like"] not in names:
            message = f"there is no earlier scenario {scenario['like']!r}."
            yield Fault("test.like", [*place, "like"], message, near(scenario["like"], names))
        names.append(scenario["name"])
        for dotted in scenario.get("evidence", {}):
            if dotted not in known:
                message = f"{dotted!r} is no value of this rule's signals."
                yield Fault("test.evidence", [*place, "evidence", dotted], message, near(dotted, known))
        for name, value in scenario.get("parameters", {}).items():
            yield from _parameter_faults([*place, "parameters", name], name, value, rule)
        if scenario["expect"] != "fires":
            outcome, target = next(iter(scenario["expect"].items()))
            part = rule.when if outcome == "silent" else rule.unless
            possible = dict.fromkeys(word for c in part for word in (c.signal, c.dotted) if word)
            if target not in possible:
                message = f"{target!r} is not in the rule's `{'when' if outcome == 'silent' else 'unless'}`."
                yield Fault("test.expect", [*place, "expect", outcome], message, near(target, possible))


def _parameter_faults(place: list[str | int], name: str, value: float, rule: Rule) -> Iterator[Fault]:
    parameter = rule.parameters.get(name)
    if parameter is None:
        message = f"{name!r} is no parameter of the rule."
        yield Fault("test.parameter", place, message, near(name, rule.parameters))
    elif not parameter.least <= value <= parameter.most:
        message = f"{value:g} is outside {parameter.least:g} … {parameter.most:g} ({parameter.unit})."
        yield Fault("test.parameter", place, message, "Choose a value within the bounds of the rule file.")


def kind_of(scenario: Scenario, rule: Rule) -> Kind:
    if scenario.outcome == "fires":
        return "fires"
    if scenario.outcome == "suppressed_by":
        return "suppressed"
    if "." not in scenario.target:
        return "missing"
    return "below" if any(names(scenario, condition) for condition in rule.when) else "silent"


def names(scenario: Scenario, condition: Condition) -> bool:
    """Whether the scenario is about this condition, and its name says so by the field or the parameter."""
    if condition.dotted != scenario.target:
        return False
    words = (condition.field, condition.value)
    return any(isinstance(word, str) and word in scenario.name for word in words)


def missing_kinds(file: ScenarioFile, rule: Rule) -> list[str]:
    """In words, what the file does not show though it should."""
    shown = {kind_of(scenario, rule) for scenario in file.scenarios} | file.exempt.keys()
    if not rule.unless:
        shown.add("suppressed")
    return [words for kind, words in _KIND_WORDS.items() if kind not in shown]


def untested(file: ScenarioFile, rule: Rule) -> list[str]:
    """Conditions of `when` and suppressors that by themselves stop the rule in no scenario."""
    targets = {
        outcome: {scenario.target for scenario in file.scenarios if scenario.outcome == outcome}
        for outcome in ("silent", "suppressed_by")
    }
    when = [c.dotted for c in rule.when if c.dotted not in targets["silent"]]
    unless = [c.dotted for c in rule.unless if not targets["suppressed_by"] & {c.dotted, c.signal}]
    return [dotted for dotted in dict.fromkeys(when + unless) if dotted not in file.exempt]


def plain(data: Any) -> Any:
    """YAML reads 2025-11-03 as a date; schema and scenarios know it as text."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return data.isoformat() if isinstance(data, dt.date) else data


def given_faults(given: dict[str, Any], field: list[str | int]) -> Iterator[Fault]:
    """What is wrong with the form of a `given` that stands in another file, at `field`."""
    as_scenario = {
        "rule": "T00",
        "scenarios": [{"name": "given", "given": given, "expect": "fires"}],
    }
    for fault in formal_faults(as_scenario, SCHEMA_FILE):
        yield replace(fault, field=[*field, *fault.field[3:]])


def laid_over(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`given` over what it is like: `point` is merged, everything else replaced."""
    merged = {**base, **given}
    if "point" in base and "point" in given:
        merged["point"] = {**base["point"], **given["point"]}
    return merged
