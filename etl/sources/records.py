"""Delimited text split into records, whole blocks at a time: where records end, and which are broken.

Polars parses quickly but forgives: a row too long is cut, a row too short filled up. A billing file must not lose
a value that way, so the delimiters of every record are counted first, with array operations.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from etl.reasons import Reason
from etl.sources.base import BrokenRow

_QUOTE: Final = ord('"')
_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")
# A quoted text over more lines than this is a quote that somebody forgot to close.
_MAX_LINES: Final = 100


@dataclass(frozen=True, slots=True)
class Block:
    """Parsed records, the line each begins on, and those that are broken."""

    rows: pl.DataFrame
    numbers: pl.Series
    broken: list[BrokenRow]


def last_record_end(block: bytes) -> int:
    """The position after the last newline that ends a record; 0 where there is none."""
    if b'"' not in block:
        return block.rfind(b"\n") + 1
    array = np.frombuffer(block, dtype=np.uint8)
    newlines = np.flatnonzero(array == _NEWLINE)
    outside = newlines[np.searchsorted(np.flatnonzero(array == _QUOTE), newlines) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def parse(block: bytes, columns: list[str], delimiter: str, first_line: int) -> Block:
    """The records of `block` (UTF-8, which ends with a newline), whose first line is `first_line`.

    Blank lines are no records. Raises UnicodeDecodeError where the block is not UTF-8.
    """
    array = np.frombuffer(block, dtype=np.uint8)
    newlines = np.flatnonzero(array == _NEWLINE)
    delimiters = np.flatnonzero(array == ord(delimiter))
    ends, line_of_start = newlines, None
    if b'"' in block:
        quotes = np.flatnonzero(array == _QUOTE)
        if not _well_quoted(array, quotes, ord(delimiter)):
            return _one_by_one(block, columns, delimiter, first_line)
        ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
        starts = np.concatenate(([0], ends[:-1] + 1))
        line_of_start = np.searchsorted(newlines, starts)
    starts = np.concatenate(([0], ends[:-1] + 1))
    numbers = first_line + (np.arange(len(ends)) if line_of_start is None else line_of_start)
    found = np.diff(np.searchsorted(delimiters, ends), prepend=0)
    lengths = ends - starts
    blank = (lengths == 0) | ((lengths == 1) & (array[starts] == _RETURN))
    wrong = (found != len(columns) - 1) & ~blank
    broken = []
    for index in np.flatnonzero(wrong):
        text = block[starts[index] : ends[index]].decode().rstrip("\r")
        if text.strip():
            broken.append(BrokenRow(int(numbers[index]), Reason.COLUMN_COUNT, text))
    good = ~(blank | wrong)
    if not good.all():
        block = array[np.repeat(good, lengths + 1)].tobytes()
        numbers = numbers[good]
    rows = _read(block, columns, delimiter) if len(numbers) else _nothing(columns)
    if rows is None or rows.height != len(numbers):
        block.decode()  # says where, if it is not UTF-8
        raise AssertionError(f"{len(numbers)} records became {0 if rows is None else rows.height} rows.")
    return Block(rows, pl.Series(numbers, dtype=pl.Int64), broken)


def _read(block: bytes, columns: list[str], delimiter: str) -> pl.DataFrame | None:
    try:
        return pl.read_csv(
            io.BytesIO(block),
            has_header=False,
            new_columns=columns,
            separator=delimiter,
            infer_schema=False,
            schema_overrides=[pl.String] * len(columns),
            raise_if_empty=False,
        )
    except pl.exceptions.ComputeError:
        return None


def _nothing(columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _well_quoted(array: Any, quotes: Any, delimiter: int) -> bool:
    """Whether every quote opens a field, closes it, or is one of a doubled pair."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = array[opening - 1]
    opens = (opening == 0) | (before == delimiter) | (before == _NEWLINE) | (before == _QUOTE)
    after = array[np.minimum(closing + 1, len(array) - 1)]
    closes = (after == delimiter) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
    return bool(opens.all() and closes.all())


def _one_by_one(block: bytes, columns: list[str], delimiter: str, first_line: int) -> Block:
    """The slow way, for a block in which a quote stands where none belongs: its rows are refused, not its
    neighbours.
    """
    lines = block.decode().split("\n")[:-1]
    records: list[list[str]] = []
    numbers: list[int] = []
    broken: list[BrokenRow] = []
    position = 0
    while position < len(lines):
        if not lines[position].strip():
            position += 1
            continue
        number = first_line + position
        taken = [f"{line}\n" for line in lines[position : position + _MAX_LINES]]
        reader = csv.reader(taken, delimiter=delimiter, strict=True)
        try:
            record = next(reader)
        except csv.Error:
            broken.append(BrokenRow(number, Reason.MALFORMED_QUOTES, lines[position].rstrip("\r")))
            position += 1
            continue
        text = "\n".join(lines[position : position + reader.line_num]).rstrip("\r")
        if len(record) == len(columns):
            records.append(record)
            numbers.append(number)
        else:
            broken.append(BrokenRow(number, Reason.COLUMN_COUNT, text))
        position += reader.line_num
    schema = dict.fromkeys(columns, pl.String)
    rows = pl.DataFrame(records, schema=schema, orient="row") if records else _nothing(columns)
    return Block(rows, pl.Series(numbers, dtype=pl.Int64), broken)
