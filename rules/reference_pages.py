"""The reference pages of rules and signals, made from their declarations.

`python -m rules.reference_pages docs/reference` writes them; a test compares what is committed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rules.conditions import OPERATORS, Condition
from rules.loader import load_catalogue
from rules.narrative import format_value
from rules.signals import all_signals

if TYPE_CHECKING:
    from rules.rule import Catalogue, Parameter, Rule

_MADE = (
    "<!-- Made from the declarations by `python -m rules.reference_pages docs/reference`; do not edit. -->"
)
_FAMILIES = {"theft": "Theft and metering", "billing": "Billing", "reading": "Reading", "debt": "Debt"}
_SUBJECTS = {
    "usage_point": "Usage points",
    "transformer": "Transformers",
    "customer": "Customers",
    "reading_agent": "Reading agents",
}


def render_rules(catalogue: Catalogue) -> str:
    """`rules.md`: each rule with its conditions, parameters and what to do."""
    lines = [
        "# Rules",
        "",
        _MADE,
        "",
        (
            "A rule fires where all of *when* holds and nothing of *unless* does. `$name` is a parameter; its "
            "default, bounds and source stand in the table. Signals are explained in [signals.md](signals.md)."
        ),
        "",
        "| rule | title | عنوان | subject | severity | status |",
        "|---|---|---|---|---|---|",
    ]
    rules = list(catalogue.rules.values())
    lines += [
        _row(
            f"[{rule.id}](#{rule.id.lower()})",
            rule.title.en,
            rule.title.fa,
            rule.subject,
            rule.severity,
            rule.status,
        )
        for rule in rules
    ]
    for family, title in _FAMILIES.items():
        of_family = [rule for rule in rules if rule.family == family]
        if of_family:
            lines += ["", f"## {title}"]
        for rule in of_family:
            lines += ["", *_rule(rule)]
    return "\n".join(lines) + "\n"


def render_signals() -> str:
    """`signals.md`: each signal with its fields, formula and when it is absent."""
    lines = [
        "# Signals",
        "",
        _MADE,
        "",
        (
            "A signal is a fact about one subject, computed for all subjects at once. A condition on an absent "
            "signal never holds. Values are compared after rounding to four decimals; dates are days."
        ),
    ]
    for subject, title in _SUBJECTS.items():
        lines += ["", f"## {title}"]
        for signal in sorted(all_signals().values(), key=lambda signal: signal.name):
            if signal.subject != subject:
                continue
            lines += [
                "",
                f"### {signal.name}",
                "",
                f"{_sentence(signal.title_en)} — {signal.title_fa}",
                "",
                f"- Formula: {signal.formula}",
                f"- Missing data: {signal.missing}",
                f"- Source: {signal.source}",
                f"- Needs: {', '.join(signal.needs) or 'the customer register'}",
            ]
            if signal.fields:
                lines += ["", "| field | unit | meaning | معنی |", "|---|---|---|---|"]
                lines += [
                    _row(f"`{name}`", field.unit, field.en, field.fa) for name, field in signal.fields.items()
                ]
    return "\n".join(lines) + "\n"


def write_pages(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "rules.md").write_text(render_rules(load_catalogue()), encoding="utf-8")
    (directory / "signals.md").write_text(render_signals(), encoding="utf-8")


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.id}"
    yield ""
    yield f"**{rule.title.en}** — {rule.title.fa}"
    yield ""
    yield f"Version {rule.version}, {rule.status}, severity {rule.severity}, confidence {rule.confidence:g}."
    yield ""
    yield "When all of these hold:"
    yield ""
    yield from _conditions(rule.when)
    if rule.unless:
        yield ""
        yield "Unless one of these holds:"
        yield ""
        yield from _conditions(rule.unless)
    if rule.explained_by:
        yield ""
        yield "Kept, but carried by the case of the reading agent, where all of these hold:"
        yield ""
        yield from _conditions(rule.explained_by)
    yield ""
    if rule.parameters:
        yield "| parameter | default | bounds | source |"
        yield "|---|---|---|---|"
        for parameter in rule.parameters.values():
            yield _parameter(parameter)
        yield ""
    yield f"- Finding: {_code(rule.narrative.en)}"
    yield f"- یافته: {_code(rule.narrative.fa)}"
    if rule.declared_exceptions is not None:
        yield f"- May be excepted by: {', '.join(rule.exceptable_by) or 'nothing'}"
    yield f"- First action: {rule.action.en} — {rule.action.fa}"
    yield f"- Innocent causes: {'; '.join(cause.en for cause in rule.innocent_causes)}"
    yield f"- علت‌های بی‌گناه: {'؛ '.join(cause.fa for cause in rule.innocent_causes)}"
    yield f"- At risk: `{rule.at_risk.signal}.{rule.at_risk.field}` ({_unit_of_risk(rule)})"
    yield f"- Source: {rule.source}"


def _conditions(conditions: Iterable[Condition]) -> Iterator[str]:
    signals = all_signals()
    for condition in conditions:
        signal = signals[condition.signal]
        link = f"[`{condition.dotted}`](signals.md#{condition.signal})"
        if condition.field is None or condition.op is None:
            yield f"- {link}: {signal.title_en}"
            continue
        field = signal.fields[condition.field]
        value = (
            f"`${condition.value}`"
            if isinstance(condition.value, str)
            else format_value(condition.threshold({}), field.unit, "en", exact=True)
        )
        yield f"- {link} {OPERATORS[condition.op].en} {value}: {field.en}"


def _parameter(parameter: Parameter) -> str:
    def said(value: float) -> str:
        return format_value(value, parameter.unit, "en", exact=True)

    default = said(parameter.default)
    if parameter.by_tariff_class:
        default += "; " + ", ".join(f"{name} {said(v)}" for name, v in parameter.by_tariff_class.items())
    bounds = f"{said(parameter.least)} to {said(parameter.most)}"
    return _row(f"`${parameter.name}`", default, bounds, parameter.source)


def _unit_of_risk(rule: Rule) -> str:
    return "rial" if rule.at_risk.unit == "money_rial" else "kWh, at the energy price of the tariff class"


def _code(narrative: str) -> str:
    """Placeholders stand out, and braces are safe from any template."""
    return narrative.replace("{", "`").replace("}", "`")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
