"""What commands print: one JSON object on standard output with `--json`, else words; progress and errors on
standard error, so that a pipe gets results only.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Self

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from tarazu.errors import TarazuError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

# A log file gets a line this often; a terminal is redrawn by rich.
_PLAIN_SECONDS = 5.0


def print_json(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def print_error(error: TarazuError, *, as_json: bool) -> None:
    if as_json:
        print_json({"error": {"code": error.code, "message": error.message, "mend": error.mend}})
    err.print(f"[red]error[/red] ({error.code}): ", end="", soft_wrap=True)
    err.print(str(error), markup=False, soft_wrap=True)


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


class Steps:
    """Progress of long work: rows, rate and remaining time on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        if err.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=err,
                transient=True,
            )
        self._tasks: dict[str, Any] = {}
        self._started: dict[str, float] = {}
        self._printed: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """`total` 0: not known."""
        now = time.monotonic()
        started = self._started.setdefault(what, now)
        rate = f"{done / (now - started):,.0f}/s" if now - started > 0.5 else ""
        if self._bar:
            if what not in self._tasks:
                self._tasks[what] = self._bar.add_task(what, total=total or None, rate="")
            self._bar.update(self._tasks[what], completed=done, total=total or None, rate=rate)
            return
        finished = bool(total) and done >= total
        if finished or now - self._printed.get(what, started) >= _PLAIN_SECONDS:
            self._printed[what] = now
            of = f" of {total:,}" if total else ""
            left = (
                f", {(total - done) * (now - started) / done:.0f} s left"
                if total and done and not finished
                else ""
            )
            err.print(f"{what}: {done:,}{of} {rate}{left}".rstrip(), markup=False)
