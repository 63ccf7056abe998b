"""Read rule files: first against the published schema, then against the declared signals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rules.conditions import Condition
from rules.faults import faults_of
from rules.rule import AtRisk, Catalogue, Parameter, Rule, Text
from rules.versions import locked_version, read_lock
from tarazu.errors import RuleError
from tarazu.yaml_file import read_yaml

CATALOGUE_DIRECTORY = Path(__file__).parent / "catalogue"
TEST_SUFFIX = ".test.yaml"
INNOCENTS_NAME = "innocents.yaml"
# Files of a catalogue that are no rules.
_OTHERS = ("site.yaml", INNOCENTS_NAME)


def rule_files(directory: Path) -> list[Path]:
    """Rule files by name: `T02.yaml`, not its tests, the site's values or the innocents."""
    return sorted(
        path
        for path in directory.glob("*.yaml")
        if not path.name.endswith(TEST_SUFFIX) and path.name not in _OTHERS
    )


def load_catalogue(directory: Path = CATALOGUE_DIRECTORY) -> Catalogue:
    """All rules of a folder.

    Raises:
        RuleError: a file is wrong, or the lock does not know the content of a rule.
    """
    lock = read_lock(directory)
    # An id is the file's name, so no two rules share one.
    rules = {path.stem: load_rule(path, lock) for path in rule_files(directory)}
    digest = hashlib.sha256("\n".join(f"{r.id} {r.content_hash}" for r in rules.values()).encode())
    return Catalogue(dict(sorted(rules.items())), digest.hexdigest())


def load_rule(path: Path, lock: dict[str, dict[str, Any]] | None = None) -> Rule:
    """One rule file; its version is 0 where no lock is given.

    Raises:
        RuleError: with file, line, field and the mend of the first fault.
    """
    source = read_yaml(path, RuleError)
    for fault in faults_of(source):
        raise RuleError(f"{source.place(fault.field)}: {fault.message}", mend=fault.mend)
    return rule_from(source.data, path, lock)


def rule_from(data: dict[str, Any], path: Path, lock: dict[str, dict[str, Any]] | None = None) -> Rule:
    """The rule that a file without faults says."""
    content_hash = content_hash_of(data)
    return Rule(
        id=data["id"],
        family=data["family"],
        subject=data["subject"],
        status=data["status"],
        title=Text(**data["title"]),
        narrative=Text(**data["narrative"]),
        action=Text(**data["action"]),
        innocent_causes=tuple(Text(**cause) for cause in data["innocent_causes"]),
        source=data["source"],
        parameters={name: _parameter(name, given) for name, given in data["parameters"].items()},
        when=tuple(_condition(given) for given in data["when"]),
        unless=tuple(_condition(given) for given in data["unless"]),
        explained_by=tuple(_condition(given) for given in data.get("explained_by", [])),
        severity=data["severity"],
        confidence=float(data["confidence"]),
        at_risk=_at_risk(data["at_risk"]),
        version=0 if lock is None else locked_version(lock, data["id"], content_hash, path),
        content_hash=content_hash,
        definition=data,
        declared_exceptions=tuple(data["exceptable_by"]) if "exceptable_by" in data else None,
    )


def content_hash_of(data: dict[str, Any]) -> str:
    """Hash of what the rule says; comments and layout do not count."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _parameter(name: str, given: dict[str, Any]) -> Parameter:
    return Parameter(
        name,
        given["unit"],
        given["default"],
        given["min"],
        given["max"],
        given["source"],
        dict(given.get("by_tariff_class", {})),
    )


def _condition(given: dict[str, Any]) -> Condition:
    value = given.get("value")
    if isinstance(value, str):
        value = value.removeprefix("$")
    return Condition(given["signal"], given.get("field"), given.get("op"), value)


def _at_risk(given: dict[str, str]) -> AtRisk:
    ((unit, dotted),) = given.items()
    signal, _, field = dotted.partition(".")
    assert unit in ("energy_kwh", "money_rial")
    return AtRisk("energy_kwh" if unit == "energy_kwh" else "money_rial", signal, field)
