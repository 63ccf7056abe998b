"""How far an import is: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from typing import Any, Final, Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_LINE_SECONDS: Final = 5.0


class ImportProgress(Protocol):
    """Told by the importer; calls come from one thread at a time."""

    def file_started(self, name: str) -> None: ...
    def advanced(self, rows: int, fraction: float | None) -> None:
        """`rows` of the file are read in all, which is `fraction` of it where that is known."""

    def merging(self, entity: str) -> None: ...
    def file_ended(self, name: str, rows: int, error: str | None) -> None: ...


class NoProgress:
    """For callers that want silence."""

    def file_started(self, name: str) -> None: ...
    def advanced(self, rows: int, fraction: float | None) -> None: ...
    def merging(self, entity: str) -> None: ...
    def file_ended(self, name: str, rows: int, error: str | None) -> None: ...


class LineProgress:
    """A line when a file begins and ends, and every few seconds between."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._began = self._last = time.monotonic()
        self._name = ""

    def file_started(self, name: str) -> None:
        self._name = name
        self._began = self._last = time.monotonic()
        self._say(f"{name}: reading")

    def advanced(self, rows: int, fraction: float | None) -> None:
        now = time.monotonic()
        if now - self._last < _LINE_SECONDS:
            return
        self._last = now
        elapsed = now - self._began
        parts = [f"{self._name}: {rows:,} rows", f"{rows / elapsed:,.0f} rows/s"]
        if fraction:
            parts.append(f"{elapsed / fraction - elapsed:,.0f} s remaining")
        self._say(", ".join(parts))

    def merging(self, entity: str) -> None:
        self._say(f"{self._name}: merging {entity}")

    def file_ended(self, name: str, rows: int, error: str | None) -> None:
        elapsed = time.monotonic() - self._began
        self._say(f"{name}: failed: {error}" if error else f"{name}: {rows:,} rows in {elapsed:,.1f} s")

    def _say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class BarProgress:
    """A bar with rows, rate and remaining time; a context manager, so that the cursor comes back."""

    def __init__(self, console: Console | None = None) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rows]} rows"),
            TextColumn("{task.fields[rate]} rows/s"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
        )
        self._task: TaskID | None = None
        self._began = time.monotonic()
        self._name = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def file_started(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._task = self._bar.add_task(f"{name}: reading", total=1.0, rows="0", rate="0")

    def advanced(self, rows: int, fraction: float | None) -> None:
        elapsed = max(time.monotonic() - self._began, 1e-9)
        self._update(completed=fraction or 0.0, rows=f"{rows:,}", rate=f"{rows / elapsed:,.0f}")

    def merging(self, entity: str) -> None:
        self._update(completed=1.0, description=f"{self._name}: merging {entity}")

    def file_ended(self, name: str, rows: int, error: str | None) -> None:
        self._update(completed=1.0, description=f"{name}: {'failed' if error else 'done'}", rows=f"{rows:,}")

    def _update(self, *, completed: float, description: str | None = None, **fields: Any) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=completed, description=description, **fields)
