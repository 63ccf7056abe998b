"""Run the scenarios of a catalogue on both evaluators, and say what a wrong one did instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson

from rules.engine import DurableEvaluator, EngineUnavailableError
from rules.facts import compute
from rules.findings import evaluate, find
from rules.loader import load_rule, rule_files
from rules.narrative import format_value
from rules.reference import ReferenceEvaluator
from rules.screen import Candidates, meets_when
from rules.testing.given import batch_of
from rules.testing.scenario import (
    Kind,
    Scenario,
    kind_of,
    missing_kinds,
    names,
    read_scenarios,
    scenario_file_of,
)
from rules.why import ConditionWhy, Why, why
from tarazu.errors import RuleError

if TYPE_CHECKING:
    from rules.batch import Batch
    from rules.findings import Evaluator, EvaluatorFactory, Finding
    from rules.rule import Rule

# "Just below" is within a tenth of the threshold, or within one where things are counted.
NEAR = 0.1
COUNTED = frozenset({"count", "day", "month", "units"})
# How far an expected value may be from the finding's: an author writes few digits.
_AGREEMENT = 0.005


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """`scenario` is "" where the file itself fails; `problems` is empty where all went as expected."""

    rule_id: str
    scenario: str
    kind: Kind | None
    place: str
    evaluators: tuple[str, ...]
    problems: tuple[str, ...]
    sentence_fa: str = ""
    sentence_en: str = ""

    @property
    def passed(self) -> bool:
        return not self.problems


def run_tests(directory: Path, ids: Iterable[str] | None = None) -> list[ScenarioResult]:
    """Results of all scenarios of the rules `ids` (of all where None), in the order of the files.

    A rule without a scenario file, or without one of the four kinds, gives a failed result of its own.

    Raises:
        RuleError: a rule file or a scenario file is wrong, or an id is unknown.
    """
    files = {path.stem: path for path in rule_files(directory)}
    wanted = list(files) if ids is None else list(ids)
    for rule_id in wanted:
        if rule_id not in files:
            raise RuleError(
                f"there is no rule {rule_id!r} in {directory}.", mend=f"Known: {', '.join(files)}."
            )
    return [result for rule_id in wanted for result in _run_file(files[rule_id])]


def _run_file(rule_file: Path) -> Iterator[ScenarioResult]:
    rule = load_rule(rule_file)
    path = scenario_file_of(rule_file)
    if not path.exists():
        problem = f"there is no {path.name} beside {rule_file.name}"
        yield ScenarioResult(rule.id, "", None, f"{rule_file}:1", (), (problem,))
        return
    file = read_scenarios(path, rule)
    if missing := missing_kinds(file, rule):
        problems = tuple(f"the rule needs {words}" for words in missing)
        yield ScenarioResult(rule.id, "", None, f"{path}:1", (), problems)
    with _Evaluators(rule) as evaluators:
        for scenario in file.scenarios:
            yield _run(rule, scenario, path, evaluators)


class _Evaluators:
    """Both evaluators of one rule, one for each tariff class and set of parameters that occurs; closed at the end."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._made: dict[tuple[Any, ...], Evaluator] = {}
        self.factories: dict[str, EvaluatorFactory] = {
            "reference": self._kept("reference", ReferenceEvaluator)
        }
        try:
            self._kept("durable_rules", DurableEvaluator)([rule], None)
        except EngineUnavailableError:
            return  # the result says which evaluators ran
        self.factories["durable_rules"] = self._kept("durable_rules", DurableEvaluator)

    def _kept(self, name: str, make: Callable[[Sequence[Rule], str | None], Evaluator]) -> EvaluatorFactory:
        def factory(rules: Sequence[Rule], tariff_class: str | None) -> Evaluator:
            key = (name, tariff_class, rules[0].thresholds)
            if key not in self._made:
                self._made[key] = make(rules, tariff_class)
            return self._made[key]

        return factory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for evaluator in self._made.values():
            evaluator.close()


def _run(rule: Rule, scenario: Scenario, path: Path, evaluators: _Evaluators) -> ScenarioResult:
    place = f"{path}:{scenario.line}"
    rule = scenario.applied_to(rule)
    try:
        batch = batch_of(rule.subject, scenario.given)
    except ValueError as error:
        raise RuleError(f"{place}: {scenario.name}: {error}.") from error
    table = compute(batch, [rule])
    explained = why(table, 0, rule)
    problems = list(_outcome_problems(scenario, explained))
    unscreened = Candidates(np.zeros(1, np.int64), [np.ones(1, np.bool_)])
    for name, factory in evaluators.factories.items():
        (fired,) = evaluate(table, unscreened, [rule], factory)
        if bool(fired) != explained.fires:
            problems.append(f"{name} says {'fires' if fired else 'silent'}, the explanation says otherwise")
    if explained.fires and not meets_when(table, rule)[0]:
        problems.append("the array screen drops the subject although the rule fires")
    finding = _finding(batch, rule, evaluators) if explained.fires else None
    if finding is not None:
        problems += _finding_problems(scenario, finding)
    return ScenarioResult(
        rule.id,
        scenario.name,
        kind_of(scenario, rule),
        place,
        tuple(evaluators.factories),
        tuple(problems),
        finding.sentence_fa if finding else "",
        finding.sentence_en if finding else "",
    )


def _outcome_problems(scenario: Scenario, explained: Why) -> Iterator[str]:
    """Whether exactly the expected condition or suppressor stopped the rule."""
    stopping = explained.stopped_by
    if scenario.outcome == "fires":
        yield from (f"should fire, but {_said(one)}" for one in stopping)
        return
    if not stopping:
        yield f"should be stopped by {scenario.target}, but fires"
    part = "when" if scenario.outcome == "silent" else "unless"
    hits = [one for one in stopping if one.part == part and _meant(one, scenario.target)]
    if stopping and not hits:
        yield f"{scenario.target} should stop it, but does not"
    yield from (f"also stopped: {_said(one)}" for one in stopping if one not in hits)
    if scenario.outcome == "silent":
        yield from _silence_problems(scenario, hits)


def _silence_problems(scenario: Scenario, hits: list[ConditionWhy]) -> Iterator[str]:
    for one in hits:
        if "." not in scenario.target:
            if one.known:
                yield f"{scenario.target} should be absent, but {_said(one)}"
        elif not one.known:
            yield f"{scenario.target} should fall short, but is absent (write `silent: {one.condition.signal}`)"
        elif names(scenario, one.condition) and not _near(one):
            yield f"the name says just short of the threshold, but {_said(one)}"


def _meant(one: ConditionWhy, target: str) -> bool:
    return target in (one.condition.signal, one.condition.dotted)


def _near(one: ConditionWhy) -> bool:
    assert one.value is not None
    assert one.threshold is not None
    distance, threshold = abs(one.value - one.threshold.value), one.threshold.value
    return distance <= abs(threshold) * NEAR or (one.unit in COUNTED and distance <= 1)


def _said(one: ConditionWhy) -> str:
    """`sudden_drop.drop_percent is 43 % (drop …: at least 50 %)`."""
    if one.value is None:
        state = "is there" if one.known else "is absent"
        return f"{one.condition.dotted} {state}"
    return f"{one.condition.dotted} is {format_value(one.value, one.unit, 'en', exact=True)} ({one.text.en})"


def _finding(batch: Batch, rule: Rule, evaluators: _Evaluators) -> Finding:
    """The finding that a scan would write, by the whole way from signals to sentence."""
    (finding,) = find(batch, [rule], evaluators.factories["reference"]).findings
    return finding


def _finding_problems(scenario: Scenario, finding: Finding) -> Iterator[str]:
    if scenario.severity is not None and finding.severity != scenario.severity:
        yield f"severity is {finding.severity}, expected {scenario.severity}"
    values: dict[str, Any] = {
        f"{item['signal']}.{item['field']}": item["value"] for item in orjson.loads(finding.evidence)
    }
    for dotted, expected in scenario.evidence.items():
        if not _agrees(values[dotted], expected):
            yield f"{dotted} is {values[dotted]}, expected {expected}"


def _agrees(value: float | str, expected: float | str) -> bool:
    if isinstance(value, str) or isinstance(expected, str):
        return str(value) == str(expected)
    return abs(value - expected) <= max(abs(expected) * _AGREEMENT, _AGREEMENT)
