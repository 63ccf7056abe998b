"""Small faults that could stand in a rule file: an operator or a threshold a step off, a condition left out.

A scenario that such a mutant does not agree with kills it. What no scenario kills could be changed by mistake without
any test noticing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rules.conditions import OPERATORS, Condition
from rules.testing.runner import COUNTED, NEAR

if TYPE_CHECKING:
    from rules.rule import Parameter, Rule

Kind = Literal["operator", "threshold", "drop"]
_NEIGHBOURS = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "==": "!=", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Mutant:
    """`name` is how a test file names it, `place` where in the rule file the fault would stand.

    `when` and `unless` are the mutated rule's; `moved` is (parameter, tariff class or None for the default, value).
    """

    kind: Kind
    name: str
    place: tuple[str | int, ...]
    killer: str  # the scenario that would notice it
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    moved: tuple[str, str | None, float] | None = None


def mutants_of(rule: Rule) -> Iterator[Mutant]:
    """All mutants of the rule; each differs from it in one place."""
    for part, conditions in (("when", rule.when), ("unless", rule.unless)):
        for i, condition in enumerate(conditions):
            if len(rule.when) > 1 or part == "unless":
                yield _dropped(rule, part, i)
            if condition.op is not None:
                for op in dict.fromkeys((_NEIGHBOURS[condition.op], OPERATORS[condition.op].mirrored)):
                    if op != condition.op:
                        yield _flipped(rule, part, i, op)
    used = {condition.value for condition in rule.conditions()}
    for parameter in rule.parameters.values():
        if parameter.name in used:
            yield from _moved(rule, parameter)


def step(value: float, unit: str) -> float:
    """How far a threshold is moved: as far as the runner's "just below" reaches."""
    tenth = abs(value) * NEAR
    if unit in COUNTED:
        return float(max(1, math.floor(tenth)))
    return round(tenth, 4) or 1.0


def _dropped(rule: Rule, part: str, i: int) -> Mutant:
    conditions = getattr(rule, part)
    rest = (*conditions[:i], *conditions[i + 1 :])
    dotted = conditions[i].dotted
    killer = (
        f"one that {dotted} alone keeps silent (`silent: {dotted}`)"
        if part == "when"
        else f"one that {dotted} alone suppresses (`suppressed_by: {dotted}`)"
    )
    return Mutant(
        "drop",
        f"drop {dotted}",
        (part, i),
        killer,
        rest if part == "when" else rule.when,
        rest if part == "unless" else rule.unless,
    )


def _flipped(rule: Rule, part: str, i: int, op: str) -> Mutant:
    conditions = getattr(rule, part)
    old: Condition = conditions[i]
    new = (
        *conditions[:i],
        Condition(old.signal, old.field, op, old.value),
        *conditions[i + 1 :],
    )
    place = "exactly at" if op == _NEIGHBOURS[old.op or ""] else "on either side of"
    outcome = "all else fires" if part == "when" else "all of `when` holds"
    return Mutant(
        "operator",
        f"{old.dotted} {old.op} as {op}",
        (part, i, "op"),
        f"one with {old.dotted} {place} {_number(old)} where {outcome}",
        new if part == "when" else rule.when,
        new if part == "unless" else rule.unless,
    )


def _moved(rule: Rule, parameter: Parameter) -> Iterator[Mutant]:
    values: list[tuple[str | None, float]] = [(None, parameter.default), *parameter.by_tariff_class.items()]
    for tariff_class, value in values:
        away = step(value, parameter.unit)
        for word, moved in (("down", round(value - away, 4)), ("up", round(value + away, 4))):
            of_class = f" for {tariff_class}" if tariff_class else ""
            place = ("by_tariff_class", tariff_class) if tariff_class else ("default",)
            yield Mutant(
                "threshold",
                f"{parameter.name}{of_class} {word}",
                ("parameters", parameter.name, *place),
                f"one{of_class} whose value is between {value:g} and {moved:g} {parameter.unit}, all else decided",
                rule.when,
                rule.unless,
                (parameter.name, tariff_class, moved),
            )


def _number(condition: Condition) -> str:
    return f"${condition.value}" if isinstance(condition.value, str) else f"{condition.value:g}"
