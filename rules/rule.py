"""A rule as data: what a file under `catalogue/` says, checked and typed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from rules.batch import TARIFF_CLASSES
from rules.conditions import Condition
from rules.signals.registry import SubjectKind

if TYPE_CHECKING:
    from rules.standing import RuleException

Status = Literal["draft", "shadow", "trial", "stable", "deprecated"]
# Statuses whose findings open cases, and those that are judged at all (see `rules.standing`).
ACTIVE: tuple[Status, ...] = ("trial", "stable")
JUDGED: tuple[Status, ...] = ("shadow", *ACTIVE)


# By what an office may except somebody: a kind of subject, or a class in a district.
ExceptionKind = Literal["point", "customer", "transformer", "agent", "class", "district", "class+district"]
EXCEPTABLE_BY: dict[SubjectKind, tuple[ExceptionKind, ...]] = {
    "usage_point": ("point", "customer", "transformer", "class", "district", "class+district"),
    "customer": ("customer", "district"),
    "transformer": ("transformer", "district"),
    "reading_agent": ("agent", "district"),
}


# A tariff class and the id of a district; None where it holds for all of them.
Scope = tuple[str | None, int | None]


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages."""

    en: str
    fa: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A threshold with its unit, bounds and source; `by_tariff_class` overrides the default for a class.

    What a company has set (`rules.parameter_settings`) stands in the same two places; what it has set for a district
    in `by_district`: district id → tariff class, or None for all of them → value. `set_for` names the scopes (tariff
    class, district id) whose value is a company's, `overlaid` the classes (None: all) whose value its overlay gives.
    """

    name: str
    unit: str
    default: float
    least: float
    most: float
    source: str
    by_tariff_class: dict[str, float]
    by_district: dict[int, dict[str | None, float]] = field(default_factory=dict)
    set_for: frozenset[Scope] = frozenset()
    overlaid: frozenset[str | None] = frozenset()

    def scope(self, tariff_class: str | None, district_id: int | None = None) -> Scope:
        """Where the value for such a subject stands: a district comes before a class, both before either."""
        own = self.by_district.get(district_id, {}) if district_id is not None else {}
        for of_class in (tariff_class, None):
            if of_class in own:
                return of_class, district_id
        return (tariff_class if tariff_class in self.by_tariff_class else None), None

    def value(self, tariff_class: str | None, district_id: int | None = None) -> float:
        of_class, of_district = self.scope(tariff_class, district_id)
        if of_district is not None:
            return self.by_district[of_district][of_class]
        return self.default if of_class is None else self.by_tariff_class[of_class]


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
    declared_exceptions: tuple[ExceptionKind, ...] | None = None  # None: the author says nothing of it
    # What a company has set (`rules.standing`): since when the status holds, how far a trial goes, who is excepted.
    status_since: dt.date | None = None
    trial_district: int | None = None
    most_findings: int | None = None
    exceptions: tuple[RuleException, ...] = ()
    # Where all hold, the finding is kept, and the case of the signal's `agent` carries it.
    explained_by: tuple[Condition, ...] = ()

    @property
    def exceptable_by(self) -> tuple[ExceptionKind, ...]:
        """By what somebody may be excepted: as the author says, else by whatever the subject has."""
        declared = self.declared_exceptions
        return EXCEPTABLE_BY[self.subject] if declared is None else declared

    @property
    def when_signals(self) -> tuple[str, ...]:
        """Signals of `when`, once each, in the order of the file."""
        return tuple(dict.fromkeys(condition.signal for condition in self.when))

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(
                [
                    *self.when_signals,
                    *(c.signal for c in (*self.unless, *self.explained_by)),
                    self.at_risk.signal,
                ]
            )
        )

    def conditions(self) -> Iterator[Condition]:
        yield from self.when
        yield from self.unless

    def parameter_values(self, tariff_class: str | None, district_id: int | None = None) -> dict[str, float]:
        """The parameters in force for a subject of that class in that district."""
        return {
            name: parameter.value(tariff_class, district_id) for name, parameter in self.parameters.items()
        }

    @property
    def districts(self) -> frozenset[int]:
        """Districts that have a value of their own."""
        return frozenset(district for p in self.parameters.values() for district in p.by_district)

    @property
    def thresholds(self) -> tuple[tuple[str, float, tuple[tuple[str, float], ...]], ...]:
        """The values in force outside of districts, for a key: the content hash says nothing of them."""
        return tuple((p.name, p.default, tuple(p.by_tariff_class.items())) for p in self.parameters.values())

    def of_district(self, district_id: int) -> Rule:
        """The rule as it stands in that district, where no district has a value of its own any more."""
        if district_id not in self.districts:
            return self
        parameters = {
            name: replace(
                parameter,
                default=parameter.value(None, district_id),
                by_tariff_class={
                    tariff_class: parameter.value(tariff_class, district_id)
                    for tariff_class in TARIFF_CLASSES
                    if parameter.value(tariff_class, district_id) != parameter.value(None, district_id)
                },
                by_district={},
            )
            for name, parameter in self.parameters.items()
        }
        return replace(self, parameters=parameters)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All rules by id, in the order of their ids, and a hash over them all."""

    rules: dict[str, Rule]
    hash: str

    def active(self, subject: SubjectKind) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.subject == subject and rule.status in ACTIVE]

    def judged(self, subject: SubjectKind) -> list[Rule]:
        """The active rules, and those that are only counted."""
        return [rule for rule in self.rules.values() if rule.subject == subject and rule.status in JUDGED]

    @property
    def varies_by_tariff_class(self) -> bool:
        return any(p.by_tariff_class for rule in self.rules.values() for p in rule.parameters.values())


def variants(rules: list[Rule]) -> tuple[str | None, ...]:
    """Tariff classes for which thresholds have to be resolved apart; (None,) where one set serves all."""
    if any(p.by_tariff_class for rule in rules for p in rule.parameters.values()):
        return TARIFF_CLASSES
    return (None,)
