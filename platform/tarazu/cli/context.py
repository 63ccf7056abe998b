"""What every command starts with: settings, a running embedded database, errors as messages and exit codes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, TypeVar

import typer

from tarazu.cli.output import err, print_error
from tarazu.database import Sessions, create_engine, database_faults, start_embedded_server
from tarazu.errors import TarazuError
from tarazu.settings import Settings, get_settings

T = TypeVar("T")

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")
]


@contextmanager
def reporting(*, as_json: bool = False) -> Iterator[None]:
    """Turn our errors into a message and an exit code: 2 for wrong input, 3 for operational faults."""
    try:
        yield
    except TarazuError as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        err.print("stopped; run the command again to go on")
        raise typer.Exit(130) from None


def settings_with_database() -> Settings:
    """The settings, with the embedded server started where it is the database."""
    settings = get_settings()
    with database_faults():
        start_embedded_server(settings)
    return settings


@asynccontextmanager
async def open_sessions(settings: Settings, command: str) -> AsyncIterator[Sessions]:
    """Sessions on one connection, which PostgreSQL shows under the name of the command."""
    engine = create_engine(settings, application_name=f"tarazu {command}", pool_size=1)
    try:
        yield Sessions(engine)
    finally:
        await engine.dispose()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run async work; faults of the database become our errors."""

    async def inside() -> T:
        with database_faults():
            return await work

    return asyncio.run(inside())


def is_serving_wanted() -> bool:
    return os.environ.get("SERVE", "1") != "0"


__all__ = ["Json", "is_serving_wanted", "open_sessions", "reporting", "run", "settings_with_database"]
