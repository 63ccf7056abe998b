"""What is doubtful about one rule that its form and its references do not show: see `rules.lint`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal

from rules.conditions import Condition
from rules.facts import DECIMALS, LARGEST
from rules.faults import Fault, placeholders
from rules.implication import Interval, allowed, excluded, implied, interval_of
from rules.rule import Rule, variants
from rules.signals import all_signals
from tarazu.text import normalize_letters

Level = Literal["error", "warning", "info"]
Check = tuple[Level, Fault]

_PERSIAN = re.compile("[آ-ی]")
_NO_SOURCE = re.compile(r"(?i)\W*(todo|tbd|fixme|xxx|n/?a|none|unknown|source)?\W*")
# Fields in these units count something, so they are never below zero.
_COUNTING_UNITS = frozenset({"count", "month"})


def rule_checks(rule: Rule) -> Iterator[Check]:
    yield from _impossible(rule)
    yield from _saying_nothing(rule)
    yield from _suppressors(rule)
    yield from _numbers(rule)
    yield from _texts(rule)


def _impossible(rule: Rule) -> Iterator[Check]:
    """Conditions of `when` that can never hold together, or not with every allowed value of the parameters."""
    for dotted in dict.fromkeys(c.dotted for c in rule.when if c.field is not None):
        conditions = [condition for condition in rule.when if condition.dotted == dotted]
        place: list[str | int] = ["when", _last(rule.when, dotted)]
        if any(_never(conditions, dotted, parameters) for parameters in _variants(rule)):
            message = f"the conditions on {dotted} can never hold together."
            yield "error", Fault("condition.impossible", place, message, "Mend an operator or a threshold.")
        elif _never(conditions, dotted, _strictest(rule, conditions)):
            message = f"with some allowed values of its parameters, {dotted} can meet no value."
            yield "warning", Fault("condition.bounds", place, message, "Narrow the bounds of the parameters.")


def _never(conditions: list[Condition], dotted: str, parameters: dict[str, float]) -> bool:
    if allowed(conditions, dotted, parameters).empty:
        return True
    return any(one.op == "!=" and excluded(one, parameters, conditions, parameters) for one in conditions)


def _saying_nothing(rule: Rule) -> Iterator[Check]:
    """Conditions of `when` that hold anyway."""
    signals = all_signals()
    for i, condition in enumerate(rule.when):
        others = [*rule.when[:i], *rule.when[i + 1 :]]
        if all(implied(condition, p, others, p) for p in _variants(rule)) and not _twin_before(rule, i):
            message = f"this holds wherever the other conditions on {condition.signal} do."
            yield (
                "warning",
                Fault("condition.redundant", ["when", i], message, "Remove it, or mend its threshold."),
            )
        elif (
            condition.field is not None
            and condition.op in (">=", ">", "!=")
            and signals[condition.signal].fields[condition.field].unit in _COUNTING_UNITS
            and all(
                Interval(least=0).within(interval_of(condition, p)) and condition.op != "!="
                for p in _variants(rule)
            )
        ):
            message = f"{condition.dotted} is a count and never below zero, so this always holds."
            yield (
                "warning",
                Fault("condition.always_true", ["when", i], message, "Raise the threshold or remove it."),
            )


def _twin_before(rule: Rule, i: int) -> bool:
    """Of two equal conditions only the second is superfluous; the first is reported with it otherwise."""
    return rule.when[i] in rule.when[i + 1 :]


def _suppressors(rule: Rule) -> Iterator[Check]:
    for i, condition in enumerate(rule.unless):
        place: list[str | int] = ["unless", i]
        if any(implied(condition, p, rule.when, p) for p in _variants(rule)):
            message = f"{condition.dotted} holds wherever `when` does, so the rule can never fire."
            yield (
                "error",
                Fault("rule.never_fires", place, message, "Mend the suppressor's threshold or remove it."),
            )
        elif all(excluded(condition, p, rule.when, p) for p in _variants(rule)):
            message = f"{condition.dotted} can never hold where `when` does, so it suppresses nothing."
            yield "warning", Fault("suppressor.dead", place, message, "Mend its threshold or remove it.")
        for j, other in enumerate(rule.unless):
            weaker = j != i and all(implied(other, p, [condition], p) for p in _variants(rule))
            if weaker and not (other == condition and j > i):
                message = f"wherever this holds, unless[{j}] does too."
                yield (
                    "warning",
                    Fault("suppressor.redundant", place, message, "Remove it, or mend its threshold."),
                )
                break
    yield from _innocence(rule)


def _innocence(rule: Rule) -> Iterator[Check]:
    """A suspicion of theft from consumption has to look at what the registers know of the point."""
    signals = all_signals()
    circumstances = [
        s.name for s in signals.values() if s.needs == ("statuses",) and s.subject == rule.subject
    ]
    from_consumption = any("panel" in signals[name].needs for name in rule.when_signals)
    named = {condition.signal for condition in rule.unless}
    if (
        rule.family == "theft"
        and from_consumption
        and circumstances
        and not named.intersection(circumstances)
    ):
        yield (
            "error",
            Fault(
                "suppressor.none",
                ["unless"],
                "the rule suspects theft from consumption but no known circumstance stops it.",
                f"Name at least one of: {', '.join(circumstances)}.",
            ),
        )


def _numbers(rule: Rule) -> Iterator[Check]:
    """Numbers without a source, that nothing uses, or that no evaluator can compare with."""
    used = {c.value for c in (*rule.conditions(), *rule.explained_by) if isinstance(c.value, str)}
    for text in (rule.narrative.en, rule.narrative.fa):
        used.update(name[1:] for name in placeholders(text) if name.startswith("$"))
    for part, conditions in (
        ("when", rule.when),
        ("unless", rule.unless),
        ("explained_by", rule.explained_by),
    ):
        for i, condition in enumerate(conditions):
            if isinstance(condition.value, int | float):
                message = f"the number {condition.value} has no unit, bounds or source."
                yield "error", Fault("source.missing", [part, i, "value"], message, "Make it a parameter.")
    for name, parameter in rule.parameters.items():
        place: list[str | int] = ["parameters", name]
        if name not in used:
            yield "warning", Fault("parameter.unused", place, f"nothing uses {name}.", "Use it or remove it.")
        if _NO_SOURCE.fullmatch(parameter.source):
            message = f"{parameter.source!r} is no source."
            mend = "Say where the number comes from, or 'engineering default'."
            yield "error", Fault("source.missing", [*place, "source"], message, mend)
        values = [("default", parameter.default), ("min", parameter.least), ("max", parameter.most)]
        for key, value in [*values, *(("by_tariff_class", v) for v in parameter.by_tariff_class.values())]:
            if round(value, DECIMALS) != value or abs(value) >= LARGEST:
                message = f"values are compared with {DECIMALS} decimals below {LARGEST:g}; {value} is not such a number."
                yield (
                    "error",
                    Fault("parameter.precision", [*place, key], message, "Choose a number of that form."),
                )
    if _NO_SOURCE.fullmatch(rule.source):
        yield (
            "error",
            Fault("source.missing", ["source"], f"{rule.source!r} is no source.", "Say where it comes from."),
        )


def _texts(rule: Rule) -> Iterator[Check]:
    for place, texts in _languages(rule.definition):
        if not _PERSIAN.search(texts["fa"]):
            message = "the Persian text has no Persian letter."
            yield "error", Fault("text.language", [*place, "fa"], message, "Write it in Persian.")
        elif (written := _persian_letters(texts["fa"])) != texts["fa"]:
            message = "the Persian text has Arabic letters or marks that look alike."
            yield "warning", Fault("text.letters", [*place, "fa"], message, f"Write {written!r}.")
        if _PERSIAN.search(texts["en"]):
            message = "the English text has Persian letters."
            yield "error", Fault("text.language", [*place, "en"], message, "Write it in English.")
    named = {"en": placeholders(rule.narrative.en), "fa": placeholders(rule.narrative.fa)}
    for language, other in (("en", "fa"), ("fa", "en")):
        for name in dict.fromkeys(named[other]):
            if name not in named[language]:
                message = f"{{{name}}} stands in the {other} narrative only."
                yield (
                    "error",
                    Fault("narrative.placeholders", ["narrative", language], message, "Say it in both."),
                )
    if not named["en"] and not named["fa"]:
        message = "the narrative shows no value, so nobody can check it."
        yield "warning", Fault("narrative.values", ["narrative"], message, "Name one as {signal.field}.")


def _persian_letters(text: str) -> str:
    """As `normalize_letters`, but vowel marks stay: an author who writes one means it."""
    return "".join(
        letter if unicodedata.category(letter) == "Mn" else normalize_letters(letter) for letter in text
    )


def _languages(definition: dict[str, Any]) -> Iterator[tuple[list[str | int], dict[str, str]]]:
    for name in ("title", "narrative", "action"):
        yield [name], definition[name]
    for i, cause in enumerate(definition["innocent_causes"]):
        yield ["innocent_causes", i], cause


def _variants(rule: Rule) -> list[dict[str, float]]:
    return [rule.parameter_values(tariff_class) for tariff_class in variants([rule])]


def _strictest(rule: Rule, conditions: list[Condition]) -> dict[str, float]:
    """Each parameter of the conditions at the bound that allows the fewest numbers."""
    parameters = rule.parameter_values(None)
    for condition in conditions:
        if isinstance(condition.value, str):
            parameter = rule.parameters[condition.value]
            parameters[condition.value] = parameter.most if condition.op in (">", ">=") else parameter.least
    return parameters


def _last(conditions: tuple[Condition, ...], dotted: str) -> int:
    return max(i for i, condition in enumerate(conditions) if condition.dotted == dotted)
