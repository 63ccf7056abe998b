"""A company's own file over the catalogue: which rules judge nobody here, and other values of parameters.

The rule files stay as they ship, so an upgrade never undoes an overlay. Order: rule file, overlay, database (what
people set with a second pair of eyes). `catalogue/overlay.schema.json` says the form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rules.facts import DECIMALS
from rules.faults import Fault, formal_faults, near
from rules.loader import CATALOGUE_DIRECTORY, load_catalogue
from rules.rule import Catalogue
from rules.signals import all_signals
from tarazu.errors import RuleError
from tarazu.yaml_file import YamlFile, read_yaml

if TYPE_CHECKING:
    from rules.rule import Parameter, Rule

SCHEMA_FILE = CATALOGUE_DIRECTORY / "overlay.schema.json"

_Way = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OverlayValue:
    """A parameter's value for all (`tariff_class` None) or a class; `was` is the file's value when it was written."""

    rule_id: str
    parameter: str
    tariff_class: str | None
    value: float
    was: float | None
    line: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """`disabled` holds rule → the selector that takes it away; empty where a company has no overlay."""

    path: Path | None
    disabled: dict[str, str]
    values: tuple[OverlayValue, ...]

    def over(self, catalogue: Catalogue) -> Catalogue:
        """The catalogue with the overlay; another overlay gives another hash."""
        if not self.disabled and not self.values:
            return catalogue
        rules = dict(catalogue.rules)
        digest = hashlib.sha256(catalogue.hash.encode())
        for rule_id in sorted(self.disabled.keys() & rules.keys()):
            rules[rule_id] = replace(rules[rule_id], status="draft")
            digest.update(f"\n{rule_id} disabled".encode())
        for one in sorted(self.values, key=lambda v: (v.rule_id, v.parameter, v.tariff_class or "")):
            rule = rules.get(one.rule_id)
            if rule is None or one.parameter not in rule.parameters:
                continue  # a rule file that is only tried may have other parameters
            parameter = _with(rule.parameters[one.parameter], one)
            rules[rule.id] = replace(rule, parameters={**rule.parameters, one.parameter: parameter})
            digest.update(f"\n{one.rule_id} {one.parameter} {one.tariff_class} {one.value!r}".encode())
        return Catalogue(rules, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Difference:
    """Three ways: the overlay's value, the file's when it was written (None: not recorded), and the file's now."""

    value: OverlayValue
    file: float

    @property
    def state(self) -> str:
        if self.value.value == self.file:
            return "as in the rule file"
        if self.value.was is not None and self.value.was != self.file:
            return "the rule file has changed"
        return "differs"


NO_OVERLAY = Overlay(None, {}, ())


def catalogue_here(overlay: Path | None) -> Catalogue:
    """The catalogue that ships, with the company's overlay if it has one.

    Raises:
        RuleError: a rule file or the overlay is wrong.
    """
    catalogue = load_catalogue()
    return read_overlay(overlay, catalogue).over(catalogue)


def read_overlay(path: Path | None, catalogue: Catalogue) -> Overlay:
    """
    Raises:
        RuleError: with file, line, field and the mend of the first fault.
    """
    if path is None:
        return NO_OVERLAY
    source = read_yaml(path, RuleError)
    for fault in overlay_faults(source, catalogue):
        raise RuleError(f"{source.place(fault.field)}: {fault.message}", mend=fault.mend)
    disabled = _selected(source.data.get("disable", []), catalogue)
    enabled = _selected(source.data.get("enable", []), catalogue)
    values = tuple(
        OverlayValue(rule_id, name, tariff_class, value, was, source.line(way))
        for rule_id, name, tariff_class, value, was, way in _values(source.data)
    )
    kept = {
        rule_id: selector
        for rule_id, selector in disabled.items()
        if rule_id not in enabled or (selector == rule_id and enabled[rule_id] != rule_id)
    }
    return Overlay(path, kept, values)


def differences(overlay: Overlay, catalogue: Catalogue) -> list[Difference]:
    """Each value of the overlay beside that of the rule file (not overlaid) for the same scope."""
    return [
        Difference(one, catalogue.rules[one.rule_id].parameters[one.parameter].value(one.tariff_class))
        for one in overlay.values
    ]


def groups_of(rule: Rule) -> set[str]:
    """By which words an overlay may select the rule, besides its id."""
    signals = all_signals()
    needs = {need for name in rule.signals for need in signals[name].needs}
    return {rule.family, rule.subject, rule.severity, *needs}


def overlay_faults(source: YamlFile, catalogue: Catalogue) -> Iterator[Fault]:
    """What is wrong with an overlay for that catalogue (not overlaid); where the form is wrong, only that."""
    data = {} if source.data is None else source.data
    formal = list(formal_faults(data, SCHEMA_FILE))
    if formal:
        yield from formal
        return
    known = {*catalogue.rules, *(group for rule in catalogue.rules.values() for group in groups_of(rule))}
    taken = _selected(data.get("disable", []), catalogue)
    for key in ("disable", "enable"):
        for i, selector in enumerate(data.get(key, [])):
            if selector not in known:
                message = f"there is no rule or group {selector!r}."
                yield Fault("overlay.selector", [key, i], message, near(selector, known))
            elif key == "enable" and selector in data.get("disable", []):
                message = f"{selector!r} is disabled too."
                yield Fault("overlay.selector", [key, i], message, "Keep one of the two.")
            elif key == "enable" and not _selected([selector], catalogue).keys() & taken.keys():
                message = f"{selector!r} enables nothing: `disable` takes none of it away."
                mend = "Remove it; how far a rule has come is set by `tarazu rules status`."
                yield Fault("overlay.selector", [key, i], message, mend)
    for rule_id, names in data.get("parameters", {}).items():
        if rule_id not in catalogue.rules:
            message = f"there is no rule {rule_id!r}."
            yield Fault("overlay.rule", ["parameters", rule_id], message, near(rule_id, catalogue.rules))
            continue
        rule = catalogue.rules[rule_id]
        for name in names:
            if name not in rule.parameters:
                message = f"rule {rule_id} has no parameter {name!r}."
                place: list[str | int] = ["parameters", rule_id, name]
                yield Fault("overlay.parameter", place, message, near(name, rule.parameters))
    for rule_id, name, tariff_class, value, _, way in _values(data):
        if rule_id in catalogue.rules and name in catalogue.rules[rule_id].parameters:
            yield from _value_faults(catalogue.rules[rule_id], name, tariff_class, value, way)


def _value_faults(
    rule: Rule, name: str, tariff_class: str | None, value: float, way: _Way
) -> Iterator[Fault]:
    parameter = rule.parameters[name]
    if not parameter.least <= value <= parameter.most:
        message = f"{value:g} is outside {parameter.least:g} … {parameter.most:g} ({parameter.unit})."
        yield Fault(
            "overlay.bounds", way, message, "Write a value inside these bounds; they stand in the rule file."
        )
    elif round(value, DECIMALS) != value:
        message = f"values are compared with {DECIMALS} decimals; {value} has more."
        yield Fault("overlay.precision", way, message, "Round it.")
    if tariff_class is not None and rule.subject != "usage_point":
        message = f"{rule.id} judges a {rule.subject}, which has no tariff class."
        yield Fault("overlay.class", way, message, "Give one value for all.")


def _values(data: dict[str, Any]) -> Iterator[tuple[str, str, str | None, float, float | None, _Way]]:
    """Rule, parameter, tariff class, value, what the file said, and the way to the value."""
    for rule_id, names in data.get("parameters", {}).items():
        for name, given in names.items():
            way: _Way = ("parameters", rule_id, name)
            override = given if isinstance(given, dict) else {"value": given}
            if "value" in override:
                yield rule_id, name, None, override["value"], override.get("was"), way
            for tariff_class, one in override.get("by_tariff_class", {}).items():
                of_class = one if isinstance(one, dict) else {"value": one}
                of_way = (*way, "by_tariff_class", tariff_class)
                yield rule_id, name, tariff_class, of_class["value"], of_class.get("was"), of_way


def _selected(selectors: Sequence[str], catalogue: Catalogue) -> dict[str, str]:
    """Rule → the selector that means it; its id comes before a group."""
    selected: dict[str, str] = {}
    for rule in catalogue.rules.values():
        groups = groups_of(rule)
        for selector in selectors:
            if selector == rule.id or (selector in groups and rule.id not in selected):
                selected[rule.id] = selector
    return selected


def _with(parameter: Parameter, one: OverlayValue) -> Parameter:
    overlaid = parameter.overlaid | {one.tariff_class}
    if one.tariff_class is None:
        return replace(parameter, default=one.value, overlaid=overlaid)
    by_class = {**parameter.by_tariff_class, one.tariff_class: one.value}
    return replace(parameter, by_tariff_class=by_class, overlaid=overlaid)
