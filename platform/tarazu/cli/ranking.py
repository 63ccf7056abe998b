"""`tarazu train`, `rank`, `model …`, `backtest`: whom to visit first, and how well that works."""

from __future__ import annotations

import csv
import datetime as dt
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tarazu.cli.context import Json, reporting, run, settings_with_database
from tarazu.cli.output import Steps, out, print_json, table
from tarazu.database import Sessions, create_engine
from tarazu.errors import InputError

if TYPE_CHECKING:
    from etl.ranking.service import Ranking

models = typer.Typer(help="Versions of the ranking model.", no_args_is_help=True)


@asynccontextmanager
async def _sessions() -> AsyncIterator[Sessions]:
    engine = create_engine(settings_with_database(), application_name="tarazu model", pool_size=1)
    try:
        yield Sessions(engine)
    finally:
        await engine.dispose()


def train(
    promote: Annotated[
        bool, typer.Option(help="Put the model in force at once; else `tarazu model promote` does.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Train the ranking on all inspection outcomes. The same data give the same version, which is not saved twice."""
    from etl.ranking.service import train_model
    from rules.ranking.model import Parameters

    with reporting(as_json=as_json):
        settings = settings_with_database()
        with Steps() as steps:
            summary = run(train_model(settings, Parameters(), steps, promote=promote))
        if as_json:
            print_json(summary.to_json())
        elif summary.version is None:
            out.print(summary.message, markup=False, soft_wrap=True)
        else:
            state = "in force" if summary.is_active else "not in force"
            known = "new" if summary.is_new else "trained before"
            out.print(
                f"model {summary.version} ({known}, {state}): {summary.points:,} points, {summary.hits:,} losses"
            )
            for name, value in summary.metrics.items():
                out.print(f"  {name} {value:,.4g}")
            out.print(f"{summary.seconds:.1f} s, peak memory {summary.peak_rss_mb} MB")


def rank(
    capacity: Annotated[int, typer.Option(min=1, help="Visits that inspectors can make.")],
    district: Annotated[str | None, typer.Option(help="Code of the only district to visit.")] = None,
    random_share: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Share drawn by chance; default: TARAZU_RANKING_RANDOM_SHARE."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same points.")] = 0,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")] = False,
    as_json: Json = False,
) -> None:
    """Print whom to visit: by probability times recoverable money, best first, each with its reasons in words."""
    from etl.ranking.service import rank as run_rank

    with reporting(as_json=as_json):
        if as_csv and as_json:
            raise InputError("--csv and --json exclude each other.", mend="Give one of them.")
        ranking = run(
            run_rank(
                settings_with_database(),
                capacity=capacity,
                district=district,
                random_share=random_share,
                seed=seed,
            )
        )
        if as_json:
            print_json(ranking.to_json())
        elif as_csv:
            _print_csv(ranking)
        else:
            _print_ranking(ranking)


def _print_ranking(ranking: Ranking) -> None:
    if ranking.message:
        out.print(ranking.message, markup=False, soft_wrap=True)
    shown = table(
        f"{len(ranking.visits):,} of {ranking.eligible:,} points",
        "no", "customer", "point", "probability", "money, rial", "reasons",
        numbers=("no", "probability", "money, rial"),
    )  # fmt: skip
    for visit in ranking.visits:
        chance = "" if visit.probability is None else f"{visit.probability:.0%}"
        words = "\n".join(f"{reason.en}\n{reason.fa}" for reason in visit.reasons)
        shown.add_row(
            f"{visit.position}{' *' if visit.is_random else ''}",
            visit.customer_no,
            visit.subscription_no,
            chance,
            f"{visit.money_rial:,}",
            words,
        )
    out.print(shown)
    if any(visit.is_random for visit in ranking.visits):
        out.print("* drawn by chance")


def _print_csv(ranking: Ranking) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(
        ["position", "customer_no", "subscription_no", "district", "probability", "money_rial", "expected_rial",
         "is_random", "reasons_en", "reasons_fa"]
    )  # fmt: skip
    for visit in ranking.visits:
        writer.writerow(
            [
                visit.position,
                visit.customer_no,
                visit.subscription_no,
                visit.district,
                "" if visit.probability is None else f"{visit.probability:.6f}",
                visit.money_rial,
                visit.expected_rial,
                int(visit.is_random),
                " ".join(reason.en for reason in visit.reasons),
                " ".join(reason.fa for reason in visit.reasons),
            ]
        )


@models.command("list")
def list_models(as_json: Json = False) -> None:
    """All versions, the newest first, with what they were trained on and how good they were."""
    from etl.ranking import store

    async def read() -> list[dict[str, Any]]:
        async with _sessions() as sessions, sessions.read() as session:
            return await store.models(session)

    with reporting(as_json=as_json):
        rows = run(read())
        if as_json:
            print_json({"models": rows})
            return
        shown = table(
            "Ranking models", "version", "trained", "data", "points", "losses", "area", "precision", "in force",
            numbers=("points", "losses", "area", "precision"),
        )  # fmt: skip
        for row in rows:
            metrics = row["metrics"]
            shown.add_row(
                row["version"],
                f"{row['trained_at']:%Y-%m-%d %H:%M}",
                row["data_hash"],
                f"{row['points']:,}",
                f"{row['hits']:,}",
                f"{metrics['area']:.3f}",
                f"{metrics['average_precision']:.3f}",
                "yes" if row["is_active"] else "",
            )
        out.print(shown)


@models.command()
def promote(
    version: Annotated[str, typer.Argument(help="Version as `tarazu model list` shows it.")],
    as_json: Json = False,
) -> None:
    """Put a version in force."""
    from etl.ranking import store

    async def write() -> bool:
        async with _sessions() as sessions, sessions.write() as session:
            return await store.promote(session, version)

    with reporting(as_json=as_json):
        changed = run(write())
        if as_json:
            print_json({"version": version, "changed": changed})
        else:
            out.print(f"model {version} is in force" + ("" if changed else ", as it was"))


@models.command()
def rollback(as_json: Json = False) -> None:
    """Take back the version in force; the one before ranks again."""
    from etl.ranking import store

    async def write() -> tuple[str, str | None]:
        async with _sessions() as sessions, sessions.write() as session:
            return await store.roll_back(session)

    with reporting(as_json=as_json):
        taken, active = run(write())
        if as_json:
            print_json({"rolled_back": taken, "in_force": active})
        else:
            out.print(f"model {taken} was taken back; {active or 'the priority of the rules'} ranks now")


def backtest(
    report: Annotated[
        Path | None,
        typer.Option(help="Write the HTML report here; default: backtest.html in the home folder."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Use only what was known before this day, YYYY-MM-DD.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold the rules and the ranking against what inspections found, and write a report with plots."""
    from etl.ranking.backtest import run_backtest

    with reporting(as_json=as_json):
        day = _day(as_of)
        settings = settings_with_database()
        path = report or settings.home / "backtest.html"
        with Steps() as steps:
            result = run(run_backtest(settings, path, as_of=day, progress=steps))
        if as_json:
            print_json(result)
            return
        if result["message"]:
            out.print(result["message"], markup=False, soft_wrap=True)
        shown = table(
            f"Against {result['points']:,} outcomes, {result['hits']:,} losses",
            "what", "flagged", "hit rate", "95 %", "lift", "recall",
            numbers=("flagged", "hit rate", "lift", "recall"),
        )  # fmt: skip
        for row in [*result["ranking"], *result["rules"]]:
            shown.add_row(
                row["name"],
                f"{row['flagged']:,}",
                f"{row['hit_rate']:.1%}",
                f"{row['low']:.1%} to {row['high']:.1%}",
                f"{row['lift']:.1f}",
                f"{row['recall']:.1%}",
            )
        out.print(shown)
        out.print(f"report: {path}", markup=False, soft_wrap=True)


def _day(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of {text!r} is no day.", mend="Write it as YYYY-MM-DD.") from None
