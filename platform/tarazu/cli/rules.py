"""`tarazu rules …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tarazu.cli.context import reporting
from tarazu.cli.output import out

app = typer.Typer(help="The rule catalogue: test, lint, lock, and ask why a rule is silent.", no_args_is_help=True)

Catalogue = Annotated[Path | None, typer.Option("--catalogue", help="Folder of rules; default: the catalogue that ships.")]


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
