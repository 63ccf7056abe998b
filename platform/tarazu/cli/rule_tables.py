"""Versions of parameters, simulations and statistics of rules, as tables for people and as plain data for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tarazu.cli.output import out, print_json, table
from tarazu.rule_parameters.repository import ParameterVersion
from tarazu.rule_parameters.statistics import RuleStatistics

if TYPE_CHECKING:
    from rules.overlay import Difference, Overlay
    from rules.rule import Parameter


def value_of(
    versions: Sequence[ParameterVersion], name: str, tariff_class: str | None, district: str | None
) -> float | None:
    wanted = (name, tariff_class, district)
    found = [v.value for v in versions if (v.parameter, v.tariff_class, v.district_code) == wanted]
    return found[0] if found else None


def scope_words(version: ParameterVersion) -> str:
    district = f"district {version.district_code}" if version.district_code else ""
    return " in ".join(part for part in (version.tariff_class, district) if part) or "all"


def tell_versions(versions: Sequence[ParameterVersion], *, as_json: bool) -> None:
    if as_json:
        print_json({"versions": [version_json(version) for version in versions]})
        return
    for version in versions:
        value = "what the rule file says" if version.value is None else f"{version.value:g}"
        state = f"waits for another person: tarazu rules approve {version.id}"
        out.print(
            f"{version.rule_id} {version.parameter} for {scope_words(version)}: {value}, version {version.version}, "
            f"{state if version.state == 'pending' else version.state} (id {version.id})",
            markup=False,
            soft_wrap=True,
        )


def print_versions(title: str, versions: Sequence[ParameterVersion]) -> None:
    if not versions:
        return
    shown = table(title, "id", "rule", "parameter", "for", "version", "value", "from", "state", "why")
    for version in versions:
        shown.add_row(
            str(version.id),
            version.rule_id,
            version.parameter,
            scope_words(version),
            str(version.version),
            "file" if version.value is None else f"{version.value:g}",
            version.valid_from.isoformat(),
            version.state,
            f"{version.reason} ({version.set_by}, {version.set_at:%Y-%m-%d})",
        )
    out.print(shown)


def print_simulation(answer: dict[str, Any]) -> None:
    now, then = answer["now"], answer["then"]
    shown = table(
        f"{answer['rule']} as of {answer['as_of']}", "", "in force", "tried", numbers=("in force", "tried")
    )
    for name in ("findings", "cases", "money_at_risk_rial"):
        shown.add_row(name.replace("_", " "), f"{now[name]:,}", f"{then[name]:,}")
    for row in answer["by_district"]:
        shown.add_row(
            f"findings in {row['district']}", f"{row['findings_now']:,}", f"{row['findings_then']:,}"
        )
    out.print(shown)
    for name in ("gained", "lost"):
        side = answer[name]
        known = ", ".join(f"{count} {outcome}" for outcome, count in side["outcomes"].items())
        out.print(
            f"{name}: {side['findings']:,} findings; inspected of them: {known or 'none'}", markup=False
        )
    overlap = ", ".join(f"{rule_id} {count:,}" for rule_id, count in answer["overlap"].items())
    out.print(f"also found by other rules of the family: {overlap or 'none'}", markup=False)
    for example in answer["examples"]:
        out.print(
            f"  {example['subject']}: {example['sentence_en']}\n    {example['sentence_fa']}",
            markup=False,
            soft_wrap=True,
        )


def print_statistics(rows: Sequence[RuleStatistics]) -> None:
    numbers = ("findings", "cases", "inspected", "confirmed", "clean", "no access", "precision")
    shown = table("What became of findings", "rule", "district", *numbers, numbers=numbers)
    for row in rows:
        interval = row.precision_interval
        precision = (
            ""
            if interval is None
            else f"{100 * (row.precision or 0):.0f} % ({100 * interval[0]:.0f}–{100 * interval[1]:.0f})"
        )
        shown.add_row(
            row.rule_id,
            row.district_code or "",
            f"{row.findings:,}",
            f"{row.cases:,}",
            f"{row.inspected:,}",
            f"{row.confirmed:,}",
            f"{row.clean:,}",
            f"{row.no_access:,}",
            precision,
        )
    out.print(shown)


def print_overlay(overlay: Overlay, rows: Sequence[Difference]) -> None:
    """The three ways of each value: the overlay's, the file's when it was written, the file's now."""
    if overlay.path is None:
        return
    title = f"Overlay {overlay.path}"
    shown = table(title, "rule", "parameter", "for", "overlay", "was", "file", "line", "")
    for row in rows:
        one = row.value
        shown.add_row(
            one.rule_id,
            one.parameter,
            one.tariff_class or "all",
            f"{one.value:g}",
            "not recorded" if one.was is None else f"{one.was:g}",
            f"{row.file:g}",
            str(one.line),
            row.state,
        )
    out.print(shown)
    for rule_id, selector in overlay.disabled.items():
        out.print(f"{rule_id} disabled" + (f" ({selector})" if selector != rule_id else ""), markup=False)


def difference_json(row: Difference) -> dict[str, Any]:
    return {**asdict(row.value), "file": row.file, "state": row.state}


def parameter_json(
    parameter: Parameter, here: Parameter, in_force: Sequence[ParameterVersion]
) -> dict[str, Any]:
    """`parameter` as the rule file has it, `here` with the overlay; `value` is what holds for all."""
    everywhere = value_of(in_force, parameter.name, None, None)
    overlaid = [*filter(None, here.overlaid)]
    return {
        "origin": "set" if everywhere is not None else "overlay" if None in here.overlaid else "file",
        "overlay": {
            "value": here.default if None in here.overlaid else None,
            "by_tariff_class": {name: here.by_tariff_class[name] for name in sorted(overlaid)},
        },
        "name": parameter.name,
        "unit": parameter.unit,
        "default": parameter.default,
        "min": parameter.least,
        "max": parameter.most,
        "source": parameter.source,
        "by_tariff_class": parameter.by_tariff_class,
        "value": here.default if everywhere is None else everywhere,
        "set": [version_json(version) for version in in_force if version.parameter == parameter.name],
    }


def version_json(version: ParameterVersion) -> dict[str, Any]:
    return {**version._asdict(), "state": version.state}
