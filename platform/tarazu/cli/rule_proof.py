"""`tarazu rules coverage|innocent`: what the scenarios prove, and whether rules leave clean customers alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarazu.cli.context import Json, reporting
from tarazu.cli.output import out, print_json

if TYPE_CHECKING:
    from rules.testing.coverage import RuleCoverage

Ids = Annotated[list[str] | None, typer.Argument(help="Rules to look at; default: all.")]
Catalogue = Annotated[
    Path | None, typer.Option("--catalogue", help="Folder of rules; default: the catalogue that ships.")
]


def coverage(
    ids: Ids = None,
    catalogue: Catalogue = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 where a fault in a rule file would go unnoticed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say which conditions no scenario turns, and which small faults in a rule file no scenario would notice."""
    from rules.loader import CATALOGUE_DIRECTORY
    from rules.testing.coverage import coverage as coverage_of

    with reporting(as_json=as_json):
        rules = coverage_of(catalogue or CATALOGUE_DIRECTORY, ids or None)
        if as_json:
            print_json({"rules": [coverage_json(rule) for rule in rules]})
        else:
            for rule in rules:
                _tell(rule)
            mutants = sum(rule.mutants for rule in rules)
            survivors = sum(len(rule.survivors) for rule in rules)
            left = sum(len(rule.open_survivors) for rule in rules)
            out.print(
                f"{len(rules)} rules, {sum(rule.scenarios for rule in rules)} scenarios: of {mutants} mutants "
                f"{mutants - survivors} killed, {survivors - left} declared, {left} survive"
            )
        if strict and not all(rule.whole for rule in rules):
            raise typer.Exit(1)


def innocent(catalogue: Catalogue = None, as_json: Json = False) -> None:
    """Judge the catalogue's clean customers by all rules on trial and stable. Exit code 1 where one is accused."""
    from rules.loader import CATALOGUE_DIRECTORY
    from rules.testing.innocent import run_innocents

    with reporting(as_json=as_json):
        results = run_innocents(catalogue or CATALOGUE_DIRECTORY)
        failed = [result for result in results if not result.passed]
        if as_json:
            print_json({"innocents": [{**asdict(result), "passed": result.passed} for result in results]})
        else:
            for result in failed:
                said = [f"{rule_id} fires" for rule_id in result.accused]
                said += [f"{rule_id} is excepted and does not fire" for rule_id in result.stale]
                out.print(f"{result.place}: {result.name}: {', '.join(said)}", markup=False, soft_wrap=True)
            excepted = sum(len(result.excepted) for result in results)
            out.print(
                f"{len(results)} innocents, {len(failed)} not left alone, {excepted} exceptions with a reason"
            )
        if failed:
            raise typer.Exit(1)


def coverage_json(rule: RuleCoverage) -> dict[str, Any]:
    """Plain data; files as text."""
    return {
        "id": rule.rule_id,
        "file": str(rule.file),
        "scenarios": rule.scenarios,
        "conditions": [asdict(condition) for condition in rule.conditions],
        "gaps": rule.gaps,
        "mutants": rule.mutants,
        "killed": rule.mutants - len(rule.survivors),
        "survivors": [{**asdict(one), "file": str(one.file)} for one in rule.survivors],
        "stale": list(rule.stale),
    }


def _tell(rule: RuleCoverage) -> None:
    for gap in rule.gaps:
        out.print(gap, markup=False, soft_wrap=True)
    for one in rule.open_survivors:
        out.print(
            f"{one.file}:{one.line}: {rule.rule_id}: no scenario notices `{one.name}`; write {one.killer}",
            markup=False,
            soft_wrap=True,
        )
    for name in rule.stale:
        out.print(
            f"{rule.file}: {rule.rule_id}: `{name}` is declared as surviving, but is killed or is none",
            markup=False,
            soft_wrap=True,
        )


COMMANDS: dict[str, Callable[..., None]] = {"coverage": coverage, "innocent": innocent}
