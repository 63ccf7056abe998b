"""`tarazu import`, `snapshot`, `scan`, `synth`: from files to cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarazu.cli.context import Json, reporting, run, settings_with_database
from tarazu.cli.output import Steps, err, out, print_json, table
from tarazu.errors import InputError

if TYPE_CHECKING:
    from etl.progress import ImportProgress
    from etl.report import ImportSummary


def import_(
    mapping: Annotated[str, typer.Argument(help="Name of a mapping that ships, or path of a mapping file.")],
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders, or a database URL for mappings of queries.")
    ],
    as_json: Json = False,
) -> None:
    """Import files by a mapping. Bad rows go to quarantine, the good rest is loaded; the same file twice adds nothing."""
    from etl.arrivals.queue import enqueue_evaluation
    from etl.importer import run_import

    with reporting(as_json=as_json):
        settings = settings_with_database()
        with import_progress() as progress:
            summary = run(run_import(settings, mapping, paths, progress=progress))
        run(enqueue_evaluation(settings))
        if as_json:
            print_json(summary.to_json())
        else:
            print_import(summary)
        if summary.exit_code:
            raise typer.Exit(summary.exit_code)


@contextmanager
def import_progress() -> Iterator[ImportProgress]:
    """A bar on a terminal, lines elsewhere; both on standard error."""
    from etl.progress import BarProgress, LineProgress

    if err.is_terminal:
        with BarProgress(err) as bar:
            yield bar
    else:
        yield LineProgress()


def print_import(summary: ImportSummary) -> None:
    names = ("rows in", "loaded", "unchanged", "quarantined")
    shown = table("Imported", "entity", *names, numbers=names)
    for entity, counts in [*summary.entities.items(), ("total", summary.total)]:
        if entity == "total":
            shown.add_section()
        numbers = (counts.rows_in, counts.loaded, counts.unchanged, counts.quarantined)
        shown.add_row(entity, *(f"{number:,}" for number in numbers))
    out.print(shown)
    for reason, count in sorted(summary.total.reasons.items()):
        out.print(f"  quarantined {count:,}: {reason}", markup=False)
    for failed in summary.failed_files:
        out.print(f"  FAILED {failed.file}: {failed.error}", markup=False, soft_wrap=True)
    out.print(f"{summary.seconds:.1f} s, peak memory {summary.peak_rss_mb} MB")


def snapshot(as_json: Json = False) -> None:
    """Bring the lake that scans read up to date with the database; only what changed is written."""
    from etl.lake.snapshot import snapshot as take

    with reporting(as_json=as_json):
        settings = settings_with_database()
        with Steps() as steps:
            summary = take(settings, steps)
        if as_json:
            print_json(summary.to_json())
        else:
            out.print(
                f"lake {summary.generation}: {summary.points:,} points, {summary.bills:,} bills, "
                f"{summary.events:,} events up to {summary.last_day}; {summary.rebuilt} of {summary.buckets} "
                f"buckets rebuilt in {summary.seconds} s, peak memory {summary.peak_rss_mb} MB"
            )


def scan(
    as_of: Annotated[
        str | None, typer.Option(help="Day to judge as of, YYYY-MM-DD; default: the last day billed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Scan the lake with all active rules and open cases. A second scan of the same data changes nothing."""
    from etl.scan.run import scan as run_scan
    from rules.overlay import catalogue_here

    with reporting(as_json=as_json):
        day = _day(as_of)
        settings = settings_with_database()
        catalogue = catalogue_here(settings.rules_overlay)
        with Steps() as steps:
            summary = run(run_scan(settings, catalogue, as_of=day, progress=steps))
        if as_json:
            print_json(summary.to_json())
        else:
            shown = table(f"Scan as of {summary.as_of}", "rule", "findings", numbers=("findings",))
            for rule_id, count in summary.by_rule.items():
                shown.add_row(rule_id, f"{count:,}")
            out.print(shown)
            for rule_id, why in summary.not_evaluated.items():
                out.print(f"  {rule_id} not evaluated: {why}", markup=False)
            for rule_id, counted in summary.shadow.items():
                out.print(f"  {rule_id} in shadow: {counted['findings']:,} findings, nothing opened")
            for rule_id, count in summary.held_back.items():
                out.print(f"  {rule_id} on trial: {count:,} findings beyond its number held back")
            if summary.excepted:
                each = ", ".join(f"{name}: {count:,}" for name, count in summary.excepted.items())
                out.print(f"  {sum(summary.excepted.values()):,} findings excepted ({each})", markup=False)
            for expired in summary.expired_exceptions:
                out.print(f"  exception expired: {expired}", markup=False)
            out.print(
                f"{summary.subjects:,} subjects, {summary.screened:,} screened, {summary.findings:,} findings; "
                f"{summary.cases_opened:,} cases opened, {summary.cases_updated:,} updated; {summary.seconds} s, "
                f"peak memory {summary.peak_rss_mb} MB"
            )
            for number in summary.by_reference:
                out.print(f"  bucket {number}: the rule engine died; the reference evaluator judged it")
            for number in summary.failed_buckets:
                out.print(f"  bucket {number} FAILED: its workers died; run the scan again")
            for kind in summary.failed_subjects:
                out.print(f"  {kind}s FAILED: their workers died; run the scan again")
        if summary.failed_buckets or summary.failed_subjects:
            raise typer.Exit(1)


def _day(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of {text!r} is no day.", mend="Write it as YYYY-MM-DD.") from None


def synth(
    folder: Annotated[Path, typer.Argument(help="Folder to write the files into.")],
    customers: Annotated[int, typer.Option(min=200, help="How many customers.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same files.")] = 1,
    months: Annotated[int, typer.Option(min=24, max=120, help="Months of history.")] = 24,
    faults: Annotated[int, typer.Option(min=0, help="Rows to spoil, to see the quarantine.")] = 0,
) -> None:
    """Write a synthetic utility as the CSV files a billing system would export, with the truth of what was planted."""
    from etl.synth import write_utility

    with reporting():
        with Steps() as steps:
            summary = write_utility(
                folder, customers=customers, seed=seed, months=months, faults=faults, progress=steps
            )
        out.print(summary.sentence(), markup=False)
