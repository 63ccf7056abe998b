"""The catalogue as a company runs it: what it has set for a parameter lies over the rule file's value.

A rule file is never written: a new version of the catalogue brings new defaults, and what was set still holds. A more
particular value comes first: district and class, district, class (set, then the file's), all (set, then the file's).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rules.batch import TARIFF_CLASSES
from rules.rule import Catalogue, Parameter, Rule, Scope
from tarazu.errors import InputError, NotFoundError, RuleError


@dataclass(frozen=True, slots=True)
class ParameterSetting:
    """A value in force for a scope; `district_id` None: all districts, `tariff_class` None: all classes."""

    rule_id: str
    parameter: str
    tariff_class: str | None
    district_id: int | None
    value: float

    @property
    def scope(self) -> Scope:
        return self.tariff_class, self.district_id


def with_settings(catalogue: Catalogue, settings: Iterable[ParameterSetting]) -> Catalogue:
    """The catalogue with the values set; one of a rule or parameter that is no more is left out.

    Raises:
        RuleError: a value is outside the bounds that the rule file has now.
    """
    by_rule: dict[str, list[ParameterSetting]] = {}
    for setting in settings:
        rule = catalogue.rules.get(setting.rule_id)
        if rule is not None and setting.parameter in rule.parameters:
            by_rule.setdefault(setting.rule_id, []).append(setting)
    if not by_rule:
        return catalogue
    rules = dict(catalogue.rules)
    digest = hashlib.sha256(catalogue.hash.encode())
    for rule_id, of_rule in sorted(by_rule.items()):
        rules[rule_id] = rule_with(rules[rule_id], of_rule)
        lines = sorted(f"{s.parameter} {s.tariff_class} {s.district_id} {s.value!r}" for s in of_rule)
        digest.update("\n".join(["", rule_id, *lines]).encode())
    return Catalogue(rules, digest.hexdigest())


def rule_with(rule: Rule, settings: Iterable[ParameterSetting]) -> Rule:
    """The rule with the values set.

    Raises:
        InputError: there is no such parameter or tariff class.
        RuleError: a value is outside the parameter's bounds.
    """
    parameters = dict(rule.parameters)
    for setting in settings:
        known = parameter_of(rule, setting.parameter)
        if setting.tariff_class is not None and setting.tariff_class not in TARIFF_CLASSES:
            raise InputError(
                f"There is no tariff class {setting.tariff_class!r}.",
                mend=f"Known: {', '.join(TARIFF_CLASSES)}.",
            )
        check_bounds(rule, known, setting.value)
        parameters[known.name] = _with(parameters[known.name], setting)
    return replace(rule, parameters=parameters)


def parameter_of(rule: Rule, name: str) -> Parameter:
    """
    Raises:
        NotFoundError: the rule has no such parameter.
    """
    if name not in rule.parameters:
        raise NotFoundError(
            f"Rule {rule.id} has no parameter {name!r}.",
            mend=f"Known: {', '.join(rule.parameters) or 'none'}.",
        )
    return rule.parameters[name]


def check_bounds(rule: Rule, parameter: Parameter, value: float) -> None:
    """
    Raises:
        RuleError: the value is outside of what the rule file allows, or no number.
    """
    if not parameter.least <= value <= parameter.most:
        raise RuleError(
            f"{rule.id} {parameter.name}: {value:g} is outside {parameter.least:g} … {parameter.most:g} "
            f"({parameter.unit}).",
            mend="Set a value inside these bounds; they stand in the rule file.",
        )


def _with(parameter: Parameter, setting: ParameterSetting) -> Parameter:
    tariff_class, district_id = setting.scope
    set_for = parameter.set_for | {setting.scope}
    if district_id is not None:
        own = parameter.by_district.get(district_id, {}) | {tariff_class: setting.value}
        return replace(parameter, by_district=parameter.by_district | {district_id: own}, set_for=set_for)
    if tariff_class is not None:
        by_class = parameter.by_tariff_class | {tariff_class: setting.value}
        return replace(parameter, by_tariff_class=by_class, set_for=set_for)
    return replace(parameter, default=setting.value, set_for=set_for)
