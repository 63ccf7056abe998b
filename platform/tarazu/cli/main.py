"""The `tarazu` command."""

from __future__ import annotations

import typer

from tarazu.cli import (
    access,
    agents,
    api,
    audit,
    cases,
    database,
    demo,
    person,
    pipeline,
    ranking,
    rules,
    serve,
    worker,
)

app = typer.Typer(
    name="tarazu",
    help="Finds where delivered, billed and paid do not balance, says why, and follows each finding until it is settled.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("import")(pipeline.import_)
app.command()(pipeline.snapshot)
app.command()(pipeline.scan)
app.command()(worker.worker)
app.command()(pipeline.synth)
app.command()(ranking.train)
app.command()(ranking.rank)
app.command()(ranking.backtest)
app.command()(cases.explain)
app.command()(agents.agents)
app.command()(demo.demo)
app.command()(serve.serve)
app.command()(database.doctor)
app.add_typer(database.app, name="db")
app.add_typer(rules.app, name="rules")
app.add_typer(ranking.models, name="model")
app.add_typer(api.app, name="api")
app.add_typer(access.tokens, name="token")
app.add_typer(access.users, name="user")
app.add_typer(audit.app, name="audit")
app.add_typer(person.app, name="person")


def main() -> None:
    app()
