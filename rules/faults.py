"""What can be wrong with one rule file by itself: first its form (the published schema), then what it refers to."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from rules.rule import EXCEPTABLE_BY
from rules.signals import Signal, all_signals

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from tarazu.yaml_file import YamlFile

SCHEMA_FILE = Path(__file__).parent / "catalogue" / "rule.schema.json"
FORM = "form"


@dataclass(frozen=True, slots=True)
class Fault:
    """`field` is the way to the value (`("when", 0, "op")`), `mend` says what to write instead."""

    code: str
    field: Sequence[str | int]
    message: str
    mend: str | None = None


def faults_of(source: YamlFile) -> Iterator[Fault]:
    """All faults of a rule file; where the form is wrong, only those of form."""
    formal = list(formal_faults(source.data, SCHEMA_FILE))
    if formal:
        yield from formal
        return
    data = source.data
    if source.path.stem != data["id"]:
        yield Fault(
            "id",
            ["id"],
            f"the file is called {source.path.name}.",
            f"Call it {data['id']}.yaml, or mend the id.",
        )
    signals = all_signals()
    for part in ("when", "unless", "explained_by"):
        for i, condition in enumerate(data.get(part, [])):
            yield from _condition_faults([part, i], condition, data, signals)
    explaining = {condition["signal"] for condition in data.get("explained_by", [])}
    if len(explaining) > 1 or any(
        name in signals and not {"agent", "since", "until"} <= signals[name].fields.keys()
        for name in explaining
    ):
        message = "what explains a finding is one signal that names an `agent`, and when."
        yield Fault("explained_by", ["explained_by"], message, "Use doubtful_readings.")
    if not any("field" in condition for condition in data["when"]):
        yield Fault(
            "condition", ["when"], "no condition compares a number.", "Add a field, an operator and a value."
        )
    for unit, dotted in data["at_risk"].items():
        yield from _reference_faults(["at_risk", unit], dotted, data, signals)
    for language in ("fa", "en"):
        for reference in placeholders(data["narrative"][language]):
            field = ["narrative", language]
            if not reference.startswith("$"):
                yield from _reference_faults(field, reference, data, signals)
            elif reference[1:] not in data["parameters"]:
                message = f"{{{reference}}} is no parameter of this rule."
                yield Fault("parameter", field, message, near(reference[1:], data["parameters"]))
    possible = EXCEPTABLE_BY[data["subject"]]
    for i, kind in enumerate(data.get("exceptable_by", [])):
        if kind not in possible:
            message = f"a {data['subject']} cannot be excepted by {kind!r}."
            yield Fault("exceptable", ["exceptable_by", i], message, f"Possible: {', '.join(possible)}.")
    for name, parameter in data["parameters"].items():
        yield from _bound_faults(name, parameter)


def formal_faults(data: Any, schema_file: Path) -> Iterator[Fault]:
    """Where `data` is not of the schema, in the order of the places."""
    errors = sorted(
        _validator(schema_file).iter_errors(data),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    for error in errors:
        place = list(error.absolute_path)
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            # One fault a name, at the line of the name.
            known = error.schema.get("properties", {})
            for name in sorted(error.instance.keys() - known.keys(), key=str):
                yield Fault(FORM, [*place, name], f"{name!r} is not known here.", near(str(name), known))
        else:
            yield Fault(FORM, place, f"{_in_words(error)}.", _formal_mend(error))


def placeholders(text: str) -> list[str]:
    """`signal.field` and `$parameter` of a narrative, in order."""
    return [part.partition("}")[0] for part in text.split("{")[1:]]


def near(name: str, known: Iterable[str]) -> str:
    """A mend for a name that is not among the known ones."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(sorted(known))}."


def _condition_faults(
    field: list[str | int], condition: dict[str, Any], data: dict[str, Any], signals: dict[str, Signal]
) -> Iterator[Fault]:
    name = condition["signal"]
    if name not in signals:
        yield Fault("signal", [*field, "signal"], f"there is no signal {name!r}.", near(name, signals))
        return
    signal = signals[name]
    if signal.subject != data["subject"]:
        yield Fault(
            "subject",
            [*field, "signal"],
            f"{name!r} is a signal of a {signal.subject}, the rule's subject is a {data['subject']}.",
            "Use a signal of that subject, or write a rule of its own for this one.",
        )
    if "field" not in condition:
        return
    if condition["field"] not in signal.fields:
        yield Fault(
            "field",
            [*field, "field"],
            f"{name!r} has no field {condition['field']!r}.",
            near(condition["field"], signal.fields),
        )
        return
    unit = signal.fields[condition["field"]].unit
    if unit == "code":
        message = f"{name}.{condition['field']} is a text that is shown and never compared."
        yield Fault("unit", [*field, "field"], message, "Compare a number of the signal.")
        return
    value = condition["value"]
    if not isinstance(value, str):
        return
    parameter = data["parameters"].get(value[1:])
    if parameter is None:
        yield Fault(
            "parameter",
            [*field, "value"],
            f"{value} is no parameter of this rule.",
            near(value[1:], data["parameters"]),
        )
    elif parameter["unit"] != unit:
        yield Fault(
            "unit",
            [*field, "value"],
            f"{value} is in {parameter['unit']}, {name}.{condition['field']} in {unit}.",
            f"Give {value[1:]} in {unit}.",
        )


def _reference_faults(
    field: list[str], dotted: str, data: dict[str, Any], signals: dict[str, Signal]
) -> Iterator[Fault]:
    """A `signal.field` in a text or estimator must belong to a signal that the rule requires in `when`."""
    name, _, key = dotted.partition(".")
    required = {condition["signal"] for condition in data["when"]}
    if name not in required:
        message = f"{dotted!r} is not of a signal in `when`, so it may be absent."
        yield Fault("reference", field, message, near(name, required))
    elif name in signals and key not in signals[name].fields:
        yield Fault("field", field, f"{name!r} has no field {key!r}.", near(key, signals[name].fields))


def _bound_faults(name: str, parameter: dict[str, Any]) -> Iterator[Fault]:
    least, most = parameter["min"], parameter["max"]
    values = [(["default"], parameter["default"])]
    values += [
        (["by_tariff_class", key], value) for key, value in parameter.get("by_tariff_class", {}).items()
    ]
    for way, value in values:
        if not least <= value <= most:
            yield Fault(
                "bounds",
                ["parameters", name, *way],
                f"{value} is outside {least} … {most}.",
                "Mend the value or its bounds.",
            )


@lru_cache(maxsize=4)
def _validator(schema_file: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_file.read_text(encoding="utf-8")))


def _in_words(error: ValidationError) -> str:
    """The package's sentence, but without the whole value where it does not say more."""
    if error.validator == "dependentRequired":
        return "`field`, `op` and `value` stand together"
    if error.validator == "minItems":
        return "at least one is needed"
    return str(error.message)


def _formal_mend(error: ValidationError) -> str | None:
    value: Any = error.validator_value
    if error.validator == "required":
        return f"Needed: {', '.join(value)}."
    if error.validator == "enum":
        return near(str(error.instance), [str(word) for word in value])
    return None
