"""What the scenarios of a rule prove: which conditions they turn, and which faults in its file they would notice.

Signals are computed once a scenario; a mutant is only judged again by the reference evaluator's `judge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rules.batch import TARIFF_CLASSES, PointBatch
from rules.facts import compute, facts_of
from rules.loader import rule_files, rule_from
from rules.reference import judge
from rules.screen import Candidates
from rules.testing.given import batch_of
from rules.testing.mutants import mutants_of
from rules.testing.scenario import read_scenarios, scenario_file_of
from tarazu.errors import RuleError
from tarazu.yaml_file import YamlFile, read_yaml

if TYPE_CHECKING:
    from rules.conditions import Condition
    from rules.facts import Facts
    from rules.rule import Rule
    from rules.testing.mutants import Mutant
    from rules.testing.scenario import Scenario, ScenarioFile

Part = Literal["when", "unless"]


@dataclass(frozen=True, slots=True)
class ConditionCoverage:
    """In how many scenarios the condition held, did not, and alone decided: kept the rule silent by itself."""

    part: Part
    dotted: str
    line: int
    held: int
    failed: int
    decided: int


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no scenario kills; `reason` is the one that the test file declares, "" where it does not."""

    name: str
    file: Path
    line: int
    killer: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    rule_id: str
    file: Path
    scenarios: int
    conditions: tuple[ConditionCoverage, ...]
    idle_parameters: tuple[str, ...]  # compared with, but no scenario turns on a step of it either way
    mutants: int
    survivors: tuple[Survivor, ...]
    stale: tuple[str, ...]  # declared as surviving, but killed

    @property
    def open_survivors(self) -> tuple[Survivor, ...]:
        """Those without a declared reason."""
        return tuple(one for one in self.survivors if not one.reason)

    @property
    def gaps(self) -> list[str]:
        """In words, what no scenario shows of the conditions and parameters."""
        found = []
        for one in self.conditions:
            missing = [
                word
                for word, count in (("true", one.held), ("false", one.failed), ("decisive", one.decided))
                if not count
            ]
            if missing:
                found.append(f"{self.file}:{one.line}: {one.part} {one.dotted} is never {', '.join(missing)}")
        found += [f"{self.file}: no scenario turns on ${name}" for name in self.idle_parameters]
        return found

    @property
    def whole(self) -> bool:
        return not self.open_survivors and not self.stale


@dataclass(frozen=True, slots=True)
class _Case:
    """A scenario with what is known of its subject."""

    scenario: Scenario
    facts: Facts
    tariff_class: str | None
    parameters: dict[str, float]


def coverage(directory: Path, ids: Iterable[str] | None = None) -> list[RuleCoverage]:
    """Coverage of the rules `ids`, or of all, in the order of the files; the scenarios themselves must pass.

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
    return [_rule_coverage(files[rule_id]) for rule_id in wanted]


def _rule_coverage(path: Path) -> RuleCoverage:
    from rules.faults import faults_of

    source = read_yaml(path, RuleError)
    for fault in faults_of(source):
        raise RuleError(f"{source.place(fault.field)}: {fault.message}", mend=fault.mend)
    rule = rule_from(source.data, path)
    file = read_scenarios(scenario_file_of(path), rule)
    cases = [_case(rule, scenario, file) for scenario in file.scenarios]
    mutants = list(mutants_of(rule))
    survivors = [mutant for mutant in mutants if not any(_kills(case, rule, mutant) for case in cases)]
    names = {mutant.name for mutant in survivors}
    return RuleCoverage(
        rule_id=rule.id,
        file=path,
        scenarios=len(cases),
        conditions=tuple(_condition_coverage(rule, source, cases)),
        idle_parameters=_idle(mutants, names),
        mutants=len(mutants),
        survivors=tuple(
            Survivor(m.name, path, source.line(m.place), m.killer, _reason(file, m)) for m in survivors
        ),
        stale=tuple(name for name in file.survivors if name not in names),
    )


def _reason(file: ScenarioFile, mutant: Mutant) -> str:
    declared = file.survivors.get(mutant.name, "")
    if not declared and mutant.kind == "drop":
        # A condition that cannot stop the rule by itself is not missed where it is left out.
        return file.exempt.get(mutant.name.removeprefix("drop "), "")
    return declared


def _case(rule: Rule, scenario: Scenario, file: ScenarioFile) -> _Case:
    try:
        batch = batch_of(rule.subject, scenario.given)
    except ValueError as error:
        raise RuleError(f"{file.path}:{scenario.line}: {scenario.name}: {error}.") from error
    unscreened = Candidates(np.zeros(1, np.int64), [np.ones(1, np.bool_)])
    (facts,) = facts_of(compute(batch, [rule]), unscreened, [rule])
    tariff_class = TARIFF_CLASSES[batch.tariff_class[0]] if isinstance(batch, PointBatch) else None
    return _Case(
        scenario, facts, tariff_class, {**rule.parameter_values(tariff_class), **scenario.parameters}
    )


def _stopping(
    case: _Case, when: Iterable[Condition], unless: Iterable[Condition], parameters: dict[str, float]
) -> list[tuple[Part, Condition]]:
    stopping: list[tuple[Part, Condition]] = [
        ("when", one) for one in when if not judge(one, case.facts, parameters).holds
    ]
    stopping += [("unless", one) for one in unless if judge(one, case.facts, parameters).holds]
    return stopping


def _kills(case: _Case, rule: Rule, mutant: Mutant) -> bool:
    """Whether the scenario fails on the mutant: its outcome, or what stops it, is another than it expects."""
    parameters = case.parameters
    if mutant.moved is not None:
        name, tariff_class, value = mutant.moved
        in_force = rule.parameters[name].scope(case.tariff_class)[0]
        if name in case.scenario.parameters or in_force != tariff_class:
            return False
        parameters = {**parameters, name: value}
    stopping = _stopping(case, mutant.when, mutant.unless, parameters)
    scenario = case.scenario
    if scenario.outcome == "fires":
        return bool(stopping)
    part = "when" if scenario.outcome == "silent" else "unless"
    hits = [p == part and scenario.target in (one.signal, one.dotted) for p, one in stopping]
    return not hits or not all(hits)


def _condition_coverage(rule: Rule, source: YamlFile, cases: list[_Case]) -> Iterator[ConditionCoverage]:
    judged = [_stopping(case, rule.when, rule.unless, case.parameters) for case in cases]
    parts: list[tuple[Part, tuple[Condition, ...]]] = [("when", rule.when), ("unless", rule.unless)]
    for part, conditions in parts:
        for i, condition in enumerate(conditions):
            stops = sum((part, condition) in stopping for stopping in judged)
            held = stops if part == "unless" else len(cases) - stops
            yield ConditionCoverage(
                part,
                condition.dotted,
                source.line([part, i]),
                held,
                len(cases) - held,
                sum(stopping == [(part, condition)] for stopping in judged),
            )


def _idle(mutants: list[Mutant], surviving: set[str]) -> tuple[str, ...]:
    moved: dict[str, list[bool]] = {}
    for mutant in mutants:
        if mutant.moved is not None:
            moved.setdefault(mutant.moved[0], []).append(mutant.name in surviving)
    return tuple(name for name, survived in moved.items() if all(survived))
