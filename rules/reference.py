"""The reference evaluator: what a rule means, said plainly.

It is the oracle of the engine's tests, the fallback where durable_rules cannot be built or has crashed on a bucket,
and the source of `why` (it can say which condition stopped a rule).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rules.conditions import OPERATORS, Condition

if TYPE_CHECKING:
    from rules.facts import Facts
    from rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one condition stood: `value` and `threshold` are None where it only asks for presence or is absent."""

    condition: Condition
    value: float | None
    threshold: float | None
    holds: bool


def judge(condition: Condition, facts: Facts, parameters: dict[str, float]) -> Verdict:
    """A condition on an absent signal or field never holds."""
    fact = facts.get(condition.signal)
    if condition.field is None or condition.op is None:
        return Verdict(condition, None, None, fact is not None)
    threshold = condition.threshold(parameters)
    value = None if fact is None else fact.get(condition.field)
    holds = value is not None and bool(OPERATORS[condition.op].compare(value, threshold))
    return Verdict(condition, value, threshold, holds)


def fires(rule: Rule, facts: Facts, tariff_class: str | None) -> bool:
    parameters = rule.parameter_values(tariff_class)
    return all(judge(condition, facts, parameters).holds for condition in rule.when) and not any(
        judge(condition, facts, parameters).holds for condition in rule.unless
    )


class ReferenceEvaluator:
    """Evaluates subjects of one parameter variant, with the interface of `rules.engine.DurableEvaluator`."""

    def __init__(self, rules: Sequence[Rule], tariff_class: str | None) -> None:
        self._rules = rules
        self._tariff_class = tariff_class

    def evaluate(self, facts: Facts) -> list[str]:
        """Ids of the rules that fire, in the order of the rules."""
        return [rule.id for rule in self._rules if fires(rule, facts, self._tariff_class)]

    def close(self) -> None:
        """Nothing to free."""
