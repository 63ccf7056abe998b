"""`tarazu api …`: what the API may be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tarazu.cli.context import reporting
from tarazu.cli.output import err
from tarazu.errors import InputError
from tarazu.security.permissions import Role

app = typer.Typer(help="The API: which documents may run.", no_args_is_help=True)


# A command of its own name (`api trust`) needs a group, also while it is the only one.
@app.callback()
def group() -> None:
    pass


@app.command()
def trust(
    files: Annotated[list[Path], typer.Argument(help="Files with GraphQL documents (.graphql).")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The manifest to write, for TARAZU_TRUSTED_DOCUMENTS.")
    ] = Path("trusted-documents.json"),
    role: Annotated[
        list[Role] | None, typer.Option(help="Only for this role; may be given several times.")
    ] = None,
) -> None:
    """Write a manifest of documents, each checked against the schema and the limits."""
    from graphql_api.documents import Documents
    from graphql_api.limits.trusted import write_manifest
    from graphql_api.schema import schema

    with reporting():
        texts = {str(file): _read(file) for file in files}
        documents = Documents(schema._schema)  # noqa: SLF001  # the only way to the schema of graphql-core
        manifest = write_manifest(documents, texts, role or None)
        try:
            output.write_bytes(manifest)
        except OSError as error:
            raise InputError(f"{output}: cannot be written: {error.strerror}.") from error
        err.print(f"{len(texts)} documents in {output}", markup=False)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read.", mend="Give a file of GraphQL in UTF-8.") from error
