"""`tarazu rules …`."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tarazu.cli import rule_parameters, rule_proof
from tarazu.cli.context import Json, reporting
from tarazu.cli.output import out, print_json
from tarazu.errors import InputError, NotFoundError
from tarazu.settings import get_settings

app = typer.Typer(
    help="The rule catalogue: see, tune, simulate, test, lint, lock, and ask why a rule is silent.",
    no_args_is_help=True,
)
for _name, _command in {**rule_parameters.COMMANDS, **rule_proof.COMMANDS}.items():
    app.command(_name)(_command)

Catalogue = Annotated[
    Path | None, typer.Option("--catalogue", help="Folder of rules; default: the catalogue that ships.")
]


@app.command()
def lock(catalogue: Catalogue = None) -> None:
    """Write the versions of changed rules into rules.lock."""
    from rules.loader import CATALOGUE_DIRECTORY, load_rule, rule_files
    from rules.versions import raise_versions, read_lock, write_lock

    with reporting():
        folder = catalogue or CATALOGUE_DIRECTORY
        old = read_lock(folder)
        hashes = {rule.id: rule.content_hash for rule in map(load_rule, rule_files(folder))}
        new = raise_versions(old, hashes)
        write_lock(folder, new)
        for rule_id, entry in new.items():
            if entry != old.get(rule_id):
                out.print(f"{rule_id} is now version {entry['version']}")


@app.command()
def lint(catalogue: Catalogue = None, as_json: Json = False) -> None:
    """Check all rule files; every fault with file, line, field and the mend. Exit code 1 where there are errors."""
    from rules.lint import lint as lint_catalogue
    from rules.loader import CATALOGUE_DIRECTORY

    with reporting(as_json=as_json):
        found = lint_catalogue(catalogue or CATALOGUE_DIRECTORY)
        if as_json:
            print_json({"findings": [{**asdict(finding), "file": str(finding.file)} for finding in found]})
        else:
            for finding in found:
                out.print(str(finding), markup=False, soft_wrap=True)
            out.print(f"{len(found)} findings")
        if any(finding.level == "error" for finding in found):
            raise typer.Exit(1)


@app.command("test")
def run_scenarios(
    ids: Annotated[list[str] | None, typer.Argument(help="Rules to test; default: all.")] = None,
    catalogue: Catalogue = None,
    as_json: Json = False,
) -> None:
    """Run the scenarios beside the rules on both evaluators. Exit code 1 where one fails."""
    from rules.loader import CATALOGUE_DIRECTORY
    from rules.testing.runner import run_tests

    with reporting(as_json=as_json):
        results = run_tests(catalogue or CATALOGUE_DIRECTORY, ids or None)
        failed = [result for result in results if not result.passed]
        if as_json:
            print_json({"scenarios": [{**asdict(result), "passed": result.passed} for result in results]})
        else:
            for result in failed:
                out.print(f"{result.place}: {result.rule_id} {result.scenario}", markup=False, soft_wrap=True)
                for problem in result.problems:
                    out.print(f"  {problem}", markup=False, soft_wrap=True)
            rules = len({result.rule_id for result in results})
            out.print(f"{rules} rules, {len(results) - len(failed)} scenarios passed, {len(failed)} failed")
        if failed:
            raise typer.Exit(1)


@app.command()
def why(
    rule_id: Annotated[str, typer.Argument(help="The rule, such as T02.")],
    point: Annotated[str, typer.Option(help="Subscription number of the usage point.")],
    language: Annotated[str, typer.Option(help="en or fa.")] = "en",
    as_json: Json = False,
) -> None:
    """Say why a rule fires or is silent for a usage point: each condition with value, threshold and counterfactual."""
    from etl.scan.lookup import find_point
    from rules.batch import EPOCH
    from rules.facts import compute
    from rules.loader import load_catalogue
    from rules.why import render_why, why_json
    from rules.why import why as explain

    with reporting(as_json=as_json):
        rules = load_catalogue().rules
        if rule_id not in rules:
            raise NotFoundError(f"There is no rule {rule_id}.", mend=f"Known: {', '.join(rules)}.")
        if rules[rule_id].subject != "usage_point":
            raise InputError(f"{rule_id} judges a {rules[rule_id].subject}, not a usage point.")
        if language not in ("en", "fa"):
            raise InputError(f"There is no language {language!r}.", mend="Give en or fa.")
        batch, row = find_point(get_settings(), point)
        rule = rule_parameters.catalogue_on(EPOCH + dt.timedelta(days=batch.as_of)).rules[rule_id]
        explained = explain(compute(batch, [rule]), row, rule)
        if as_json:
            print_json(why_json(explained))
        else:
            out.print(render_why(explained, "fa" if language == "fa" else "en"), markup=False, soft_wrap=True)
