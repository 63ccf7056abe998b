"""A rule as data: what a file under `catalogue/` says, checked and typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from rules.batch import TARIFF_CLASSES
from rules.conditions import Condition
from rules.signals.registry import SubjectKind

Status = Literal["draft", "shadow", "trial", "stable", "deprecated"]
# Statuses whose findings open cases in this version; the others are measured or kept for reference only.
ACTIVE: tuple[Status, ...] = ("trial", "stable")


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages."""

    en: str
    fa: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A threshold with its unit, bounds and source; `by_tariff_class` overrides the default for a class."""

    name: str
    unit: str
    default: float
    least: float
    most: float
    source: str
    by_tariff_class: dict[str, float]

    def value(self, tariff_class: str | None) -> float:
        return self.by_tariff_class.get(tariff_class, self.default) if tariff_class else self.default


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Which signal field says how much is at risk: energy, which is priced by tariff class, or money itself."""

    unit: Literal["energy_kwh", "money_rial"]
    signal: str
    field: str


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    family: str
    subject: SubjectKind
    status: Status
    title: Text
    narrative: Text
    action: Text
    innocent_causes: tuple[Text, ...]
    source: str
    parameters: dict[str, Parameter]
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    severity: str
    confidence: float
    at_risk: AtRisk
    version: int
    content_hash: str
    definition: dict[str, Any]  # the file's content, kept with every version

    @property
    def when_signals(self) -> tuple[str, ...]:
        """Signals of `when`, once each, in the order of the file."""
        return tuple(dict.fromkeys(condition.signal for condition in self.when))

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys([*self.when_signals, *(c.signal for c in self.unless), self.at_risk.signal])
        )

    def conditions(self) -> Iterator[Condition]:
        yield from self.when
        yield from self.unless

    def parameter_values(self, tariff_class: str | None) -> dict[str, float]:
        """The parameters in force for a subject of that class."""
        return {name: parameter.value(tariff_class) for name, parameter in self.parameters.items()}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All rules by id, in the order of their ids, and a hash over them all."""

    rules: dict[str, Rule]
    hash: str

    def active(self, subject: SubjectKind) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.subject == subject and rule.status in ACTIVE]

    @property
    def varies_by_tariff_class(self) -> bool:
        return any(p.by_tariff_class for rule in self.rules.values() for p in rule.parameters.values())


def variants(rules: list[Rule]) -> tuple[str | None, ...]:
    """Tariff classes for which thresholds have to be resolved apart; (None,) where one set serves all."""
    if any(p.by_tariff_class for rule in rules for p in rule.parameters.values()):
        return TARIFF_CLASSES
    return (None,)
