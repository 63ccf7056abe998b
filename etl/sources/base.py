"""What a source gives: its columns, and chunks of rows with their places in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import polars as pl

from etl.reasons import Reason

# Rows a chunk: large enough for columns to pay, small enough that memory does not follow the file's size.
CHUNK_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that could not be split into the columns of the header."""

    number: int
    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """`rows` by the source's own columns, `numbers` their places: the line of a text file or the row of a sheet,
    as an editor shows them, and the record (from 1) elsewhere. `fraction` of the source is read.
    """

    rows: pl.DataFrame
    numbers: pl.Series
    broken: list[BrokenRow] = field(default_factory=list)
    fraction: float | None = None


class Source(Protocol):
    """A source file, open. `chunks` can be read once and keeps one chunk in memory."""

    @property
    def name(self) -> str:
        """As messages and the quarantine name it: without folders, without passwords."""
        ...

    @property
    def columns(self) -> list[str]: ...

    def chunks(self) -> Iterator[Chunk]:
        """Raises SourceError where the rest cannot be read."""
        ...

    def close(self) -> None: ...


def distinct_names(header: list[str]) -> list[str]:
    """Column names with the second of a name called `name (2)`, an empty one by its place."""
    seen: dict[str, int] = {}
    names = []
    for place, raw in enumerate(header, start=1):
        name = raw.replace("\0", "").strip() or f"column {place}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def row_numbers(first: int, count: int) -> pl.Series:
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True)
