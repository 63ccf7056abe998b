"""`tarazu worker`: evaluates what arrives, in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tarazu.cli.context import Json, reporting, run, settings_with_database
from tarazu.cli.output import out, print_json

if TYPE_CHECKING:
    from etl.arrivals.queue import QueueStatus
    from etl.scan.run import ScanSummary
    from tarazu.settings import Settings


def worker(
    once: Annotated[
        bool, typer.Option("--once", help="Evaluate what has arrived until now, then end.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Show what waits, runs and failed; evaluate nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Evaluate imports, readings, events, invoices and payments as they arrive, until Ctrl-C or SIGTERM."""
    with reporting(as_json=as_json):
        settings = settings_with_database()
        if status:
            _show(run(_status(settings)), as_json=as_json)
            return
        from etl.arrivals.worker import work

        report = run(work(settings, once=once, tell=_silence if as_json else _tell))
        if as_json:
            print_json(report.to_json())


async def _status(settings: Settings) -> QueueStatus:
    from etl.arrivals.queue import open_queue

    async with open_queue(settings, "tarazu worker status") as queue:
        return await queue.status()


def _show(status: QueueStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(status.to_json())
        return
    since = f" since {status.waiting_since}" if status.waiting_since else ""
    out.print(f"{status.waiting} waiting{since}, {status.running} running", markup=False)
    if status.failed_attempts:
        out.print(f"failed {status.failed_attempts} times: {status.last_error}", markup=False)
        if status.next_attempt_at:
            out.print(f"  tried again at {status.next_attempt_at}", markup=False)
    if status.last_run is None:
        out.print("nothing was evaluated on arrival yet")
        return
    last = status.last_run
    out.print(f"last evaluation: run {last['id']}, {last['state']}, began {last['started_at']}", markup=False)
    if last["error"]:
        out.print(f"  {last['error']}", markup=False)


def _silence(_summary: ScanSummary | None, _error: str | None) -> None:
    """With --json standard output holds one object, at the end."""


def _tell(summary: ScanSummary | None, error: str | None) -> None:
    if error is not None:
        out.print(f"FAILED, will be tried again: {error}", markup=False)
    elif summary is None:
        out.print("nothing has changed")
    else:
        out.print(
            f"run {summary.run_id} as of {summary.as_of}: {summary.buckets_evaluated} buckets evaluated, "
            f"{summary.buckets_standing} stand; {summary.cases_opened:,} cases opened, {summary.cases_updated:,} "
            f"updated; {summary.seconds} s",
            markup=False,
        )
