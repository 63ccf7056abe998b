"""The baseline of the innocent: clean customers as data, on whom no rule may fire but by a reasoned exception."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rules.facts import compute
from rules.faults import Fault, formal_faults, near
from rules.loader import INNOCENTS_NAME, load_catalogue
from rules.rule import ACTIVE
from rules.screen import fires_for
from rules.testing.given import batch_of
from rules.testing.scenario import given_faults, laid_over, plain
from tarazu.errors import RuleError
from tarazu.yaml_file import YamlFile, read_yaml

if TYPE_CHECKING:
    from rules.signals.registry import SubjectKind

SCHEMA_FILE = Path(__file__).parents[1] / "catalogue" / "innocents.schema.json"


@dataclass(frozen=True, slots=True)
class Innocent:
    """A clean subject; `excepted` names rules that fire on it all the same, with the reason."""

    name: str
    line: int
    subject: SubjectKind
    given: dict[str, Any]
    excepted: dict[str, str]


@dataclass(frozen=True, slots=True)
class InnocentResult:
    """`accused` fire though nothing excepts them; `stale` are excepted and do not fire."""

    name: str
    place: str
    judged: int
    excepted: dict[str, str]
    accused: tuple[str, ...]
    stale: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.accused and not self.stale


def run_innocents(directory: Path) -> list[InnocentResult]:
    """One result a subject of the catalogue's `innocents.yaml`, judged by all rules on trial and stable.

    Raises:
        RuleError: the file or a rule is wrong, or a subject cannot be built.
    """
    catalogue = load_catalogue(directory)
    path = directory / INNOCENTS_NAME
    results = []
    for innocent in read_innocents(path):
        rules = [
            rule
            for rule in catalogue.rules.values()
            if rule.subject == innocent.subject and rule.status in ACTIVE
        ]
        place = f"{path}:{innocent.line}"
        try:
            batch = batch_of(innocent.subject, innocent.given)
        except ValueError as error:
            raise RuleError(f"{place}: {innocent.name}: {error}.") from error
        table = compute(batch, rules)
        fired = [rule.id for rule in rules if fires_for(table, rule)[0]]
        results.append(
            InnocentResult(
                innocent.name,
                place,
                len(rules),
                innocent.excepted,
                tuple(rule_id for rule_id in fired if rule_id not in innocent.excepted),
                tuple(rule_id for rule_id in innocent.excepted if rule_id not in fired),
            )
        )
    return results


def read_innocents(path: Path) -> list[Innocent]:
    """
    Raises:
        RuleError: with file, line, field and the mend of the first fault.
    """
    source = read_yaml(path, RuleError)
    for fault in _faults(source):
        raise RuleError(f"{source.place(fault.field)}: {fault.message}", mend=fault.mend)
    innocents: dict[str, Innocent] = {}
    for i, one in enumerate(plain(source.data)["innocents"]):
        base = innocents[one["like"]].given if "like" in one else {}
        innocents[one["name"]] = Innocent(
            one["name"],
            source.line(["innocents", i]),
            one["subject"],
            laid_over(base, one["given"]),
            one.get("excepted", {}),
        )
    return list(innocents.values())


def _faults(source: YamlFile) -> Iterator[Fault]:
    data = plain(source.data)
    formal = list(formal_faults(data, SCHEMA_FILE))
    if formal:
        yield from formal
        return
    names: list[str] = []
    for i, one in enumerate(data["innocents"]):
        if one["name"] in names:
            message = f"the name {one['name']!r} is given twice."
            yield Fault("innocent.name", ["innocents", i, "name"], message, "Give each a name of its own.")
        if "like" in one and one["like"] not in names:
            message = f"there is no earlier {one['like']!r}."
            yield Fault("innocent.like", ["innocents", i, "like"], message, near(one["like"], names))
        names.append(one["name"])
        yield from given_faults(one["given"], ["innocents", i, "given"])
