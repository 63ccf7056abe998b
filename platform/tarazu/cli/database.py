"""`tarazu db …` and `tarazu doctor`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import typer

from tarazu.cli.context import Json, open_sessions, reporting, run, settings_with_database
from tarazu.cli.output import out, print_json, table
from tarazu.database import EmbeddedServer
from tarazu.doctor import Status, diagnose
from tarazu.errors import InputError
from tarazu.receivables.repository import UnexplainedReceivable, unexplained_receivables
from tarazu.settings import Settings, get_settings

app = typer.Typer(
    help="The database: start and stop the embedded one, bring the schema up to date.", no_args_is_help=True
)


def _embedded(settings: Settings) -> EmbeddedServer:
    if not settings.uses_embedded_database:
        raise InputError(
            "TARAZU_DATABASE_URL is set, so the database is not ours to start or stop.",
            mend="Unset it, or use its own tools.",
        )
    return EmbeddedServer(settings)


@app.command()
def start() -> None:
    """Start the embedded PostgreSQL (other commands do so by themselves)."""
    with reporting():
        server = _embedded(get_settings()).start()
        out.print(f"the embedded database runs in {server.layout.data}", markup=False)


@app.command()
def stop() -> None:
    """Stop the embedded PostgreSQL."""
    with reporting():
        _embedded(get_settings()).stop()
        out.print("the embedded database is stopped")


@app.command()
def status() -> None:
    """Say whether the embedded PostgreSQL takes connections (exit code 1 if not)."""
    with reporting():
        running = _embedded(get_settings()).is_running()
        out.print("running" if running else "not running")
        raise typer.Exit(0 if running else 1)


@app.command()
def upgrade() -> None:
    """Migrate the database to this version's schema."""
    from migrations.runner import current_revision
    from migrations.runner import upgrade as migrate

    with reporting():
        settings = settings_with_database()

        async def work() -> tuple[str | None, str | None]:
            before = await current_revision(settings)
            await migrate(settings)
            return before, await current_revision(settings)

        before, after = run(work())
        out.print(f"schema {after}" + ("" if before == after else f" (was {before or 'empty'})"))


@app.command()
def check(as_json: Json = False) -> None:
    """Check that what was paid of each invoice is the sum of its payments (exit code 1 if not). Reads all of them."""
    with reporting(as_json=as_json):
        settings = settings_with_database()

        async def work() -> list[UnexplainedReceivable]:
            async with open_sessions(settings, "check") as sessions, sessions.read() as session:
                return await unexplained_receivables(session)

        found = run(work())
        if as_json:
            print_json({"receivables": [asdict(each) for each in found]})
        for each in found if not as_json else ():
            out.print(
                f"invoice {each.invoice_id}: {each.paid_rial:,} rial paid, {each.allocated_rial:,} by its payments",
                markup=False,
            )
        if not as_json:
            out.print("every invoice agrees with its payments" if not found else "at most 100 are shown")
        raise typer.Exit(1 if found else 0)


def doctor(as_json: Json = False) -> None:
    """Say what is configured, reachable and migrated, and how to mend what is not."""
    from migrations.runner import head_revision

    with reporting(as_json=as_json):
        checks = asyncio.run(diagnose(get_settings(), expected_revision=head_revision()))
        if as_json:
            rows: list[dict[str, Any]] = [
                {"name": c.name, "status": c.status.value, "detail": c.detail, "mend": c.mend} for c in checks
            ]
            print_json({"checks": rows})
        else:
            shown = table("Tarazu doctor", "check", "status", "detail", "mend")
            colours = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}
            for check in (each for each in checks if not each.is_default):
                colour = colours[check.status]
                shown.add_row(
                    check.name, f"[{colour}]{check.status.value}[/{colour}]", check.detail, check.mend or ""
                )
            out.print(shown)
            unset = sum(check.is_default for check in checks)
            out.print(
                f"{unset} settings have their default: `tarazu doctor --json` lists them.", markup=False
            )
        if any(check.status is Status.FAIL for check in checks):
            raise typer.Exit(1)
