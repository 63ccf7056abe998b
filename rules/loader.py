"""Read rule files: first against the published schema, then against the declared signals."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from rules.conditions import Condition
from rules.rule import AtRisk, Catalogue, Parameter, Rule, Text
from rules.signals import Signal, all_signals
from rules.versions import locked_version, read_lock
from tarazu.errors import RuleError
from tarazu.yaml_file import YamlFile, read_yaml

CATALOGUE_DIRECTORY = Path(__file__).parent / "catalogue"
SCHEMA_FILE = CATALOGUE_DIRECTORY / "rule.schema.json"
_TEST_SUFFIX = ".test.yaml"


def rule_files(directory: Path) -> list[Path]:
    """Rule files by name: `T02.yaml`, not its tests and not the site's values."""
    return sorted(
        path
        for path in directory.glob("*.yaml")
        if not path.name.endswith(_TEST_SUFFIX) and path.name != "site.yaml"
    )


def load_catalogue(directory: Path = CATALOGUE_DIRECTORY) -> Catalogue:
    """All rules of a folder.

    Raises:
        RuleError: a file is wrong, an id stands in two files, or the lock does not know the content of a rule.
    """
    lock = read_lock(directory)
    rules: dict[str, Rule] = {}
    for path in rule_files(directory):
        rule = load_rule(path, lock)
        if rule.id in rules:
            raise RuleError(f"{path}:1: the id {rule.id} stands in another file too.", mend="Ids are unique.")
        rules[rule.id] = rule
    digest = hashlib.sha256("\n".join(f"{r.id} {r.content_hash}" for r in rules.values()).encode())
    return Catalogue(dict(sorted(rules.items())), digest.hexdigest())


def load_rule(path: Path, lock: dict[str, dict[str, Any]] | None = None) -> Rule:
    """One rule file; its version is 0 where no lock is given.

    Raises:
        RuleError: with file, line, field and the mend of the first fault.
    """
    source = read_yaml(path, RuleError)
    faults = list(_faults(source))
    if faults:
        field, message, mend = faults[0]
        raise RuleError(f"{source.place(field)}: {message}", mend=mend)
    data = source.data
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
        severity=data["severity"],
        confidence=float(data["confidence"]),
        at_risk=_at_risk(data["at_risk"]),
        version=0 if lock is None else locked_version(lock, data["id"], content_hash, path),
        content_hash=content_hash,
        definition=data,
    )


def content_hash_of(data: dict[str, Any]) -> str:
    """Hash of what the rule says; comments and layout do not count."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@lru_cache(maxsize=1)
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


Fault = tuple[Sequence[str | int], str, str | None]


def _faults(source: YamlFile) -> Iterator[Fault]:
    """All faults of a file: field, what is wrong, how to mend it. Those of form first; without form no more."""
    formal = sorted(_validator().iter_errors(source.data), key=lambda e: [str(p) for p in e.absolute_path])
    if formal:
        for error in formal:
            yield (
                list(error.absolute_path),
                f"{error.message}.",
                _formal_mend(error.validator, error.validator_value),
            )
        return
    data = source.data
    if source.path.stem != data["id"]:
        yield ["id"], f"the file is called {source.path.name}.", f"Call it {data['id']}.yaml, or mend the id."
    signals = all_signals()
    for part in ("when", "unless"):
        for i, condition in enumerate(data[part]):
            yield from _condition_faults([part, i], condition, data, signals)
    if not any("field" in condition for condition in data["when"]):
        yield ["when"], "no condition compares a number.", "Add a field, an operator and a value."
    for unit, dotted in data["at_risk"].items():
        yield from _reference_faults(["at_risk", unit], dotted, data, signals)
    for language in ("fa", "en"):
        for reference in placeholders(data["narrative"][language]):
            field = ["narrative", language]
            if reference.startswith("$"):
                if reference[1:] not in data["parameters"]:
                    yield (
                        field,
                        f"{{{reference}}} is no parameter of this rule.",
                        _near(reference[1:], data["parameters"]),
                    )
            else:
                yield from _reference_faults(field, reference, data, signals)
    for name, parameter in data["parameters"].items():
        values = {"default": parameter["default"], **parameter.get("by_tariff_class", {})}
        for key, value in values.items():
            if not parameter["min"] <= value <= parameter["max"]:
                yield (
                    ["parameters", name, key],
                    f"{value} is outside {parameter['min']} … {parameter['max']}.",
                    "Mend the value or its bounds.",
                )


def _condition_faults(
    field: list[str | int], condition: dict[str, Any], data: dict[str, Any], signals: dict[str, Signal]
) -> Iterator[Fault]:
    name = condition["signal"]
    if name not in signals:
        yield [*field, "signal"], f"there is no signal {name!r}.", _near(name, signals)
        return
    signal = signals[name]
    if signal.subject != data["subject"]:
        yield (
            [*field, "signal"],
            f"{name!r} is a signal of a {signal.subject}, the rule's subject is a {data['subject']}.",
            None,
        )
    if "field" not in condition:
        return
    if condition["field"] not in signal.fields:
        yield (
            [*field, "field"],
            f"{name!r} has no field {condition['field']!r}.",
            _near(condition["field"], signal.fields),
        )
        return
    value = condition["value"]
    if not isinstance(value, str):
        return
    parameter = data["parameters"].get(value[1:])
    if parameter is None:
        yield (
            [*field, "value"],
            f"{value} is no parameter of this rule.",
            _near(value[1:], data["parameters"]),
        )
    elif parameter["unit"] != signal.fields[condition["field"]].unit:
        yield (
            [*field, "value"],
            f"{value} is in {parameter['unit']}, {name}.{condition['field']} in {signal.fields[condition['field']].unit}.",
            "Use one unit.",
        )


def _reference_faults(
    field: list[str], dotted: str, data: dict[str, Any], signals: dict[str, Signal]
) -> Iterator[Fault]:
    """A `signal.field` in a text or estimator must belong to a signal that the rule requires in `when`."""
    name, _, key = dotted.partition(".")
    required = {condition["signal"] for condition in data["when"]}
    if name not in required:
        yield field, f"{dotted!r} is not of a signal in `when`, so it may be absent.", _near(name, required)
    elif name in signals and key not in signals[name].fields:
        yield field, f"{name!r} has no field {key!r}.", _near(key, signals[name].fields)


def placeholders(text: str) -> list[str]:
    """`signal.field` and `$parameter` of a narrative, in order."""
    return [part.partition("}")[0] for part in text.split("{")[1:]]


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."


def _formal_mend(validator: str, value: Any) -> str | None:
    if validator == "required":
        return f"A rule needs: {', '.join(value)}."
    if validator == "additionalProperties":
        return "Remove it, or see rule.schema.json for the names that are known."
    return None


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
