"""DBF files, which reading handhelds still write; texts in the Iran System code page where the mapping says so."""

from __future__ import annotations

import datetime as dt
import itertools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dbfread
import iransystem
import polars as pl

from etl.sources.base import CHUNK_ROWS, Chunk, row_numbers
from tarazu.errors import SourceError

assert iransystem.__name__ == "iransystem"  # importing it registers the codec


class DbfSource:
    """Records that are not marked as deleted. A row's number counts those, from 1."""

    def __init__(self, path: Path, *, encoding: str = "utf-8") -> None:
        self._path = path
        self._encoding = encoding
        try:
            self._table = dbfread.DBF(
                path, encoding=encoding, char_decode_errors="strict", ignore_missing_memofile=True
            )
        except (dbfread.DBFNotFound, struct.error, ValueError, LookupError, OSError) as error:
            raise self._damaged(error) from error
        self.columns = [field.name for field in self._table.fields]

    @property
    def name(self) -> str:
        return self._path.name

    def close(self) -> None:
        self._table.unload()

    def _damaged(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self._path}: this DBF file cannot be read: {str(error) or type(error).__name__}. "
            "Nothing of it was imported.",
            mend="Copy it again from its source.",
        )

    def chunks(self) -> Iterator[Chunk]:
        promised = self._table.header.numrecords
        header_bytes, record_bytes = self._table.header.headerlen, self._table.header.recordlen
        if self._path.stat().st_size < header_bytes + promised * record_bytes:
            raise self._damaged(
                ValueError(f"its header promises {promised} records and it is cut off before")
            )
        records, done = iter(self._table), 0
        while True:
            try:
                taken = list(itertools.islice(records, CHUNK_ROWS))
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{self._path}, after record {done}: this is not {self._encoding} text. "
                    "Nothing of the file was imported.",
                    mend="Set `encoding` in the mapping; handhelds often write iransystem.",
                ) from error
            except (struct.error, ValueError) as error:
                raise self._damaged(error) from error
            if not taken:
                return
            rows = pl.DataFrame({name: _column([record[name] for record in taken]) for name in self.columns})
            yield Chunk(
                rows, row_numbers(done + 1, rows.height), [], min((done + rows.height) / promised, 1.0)
            )
            done += rows.height


def _column(values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds:
        return pl.Series(values, dtype=pl.Float64 if float in kinds else pl.Int64, strict=False)
    if kinds == {dt.date}:
        return pl.Series(values, dtype=pl.Date)
    if kinds == {bool}:
        return pl.Series(values, dtype=pl.Boolean)
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
