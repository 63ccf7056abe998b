"""Delimited text of any size and encoding, plain or gzip, in blocks of constant memory."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import iransystem
import polars as pl

from etl.sources.base import Chunk, distinct_names
from etl.sources.records import last_record_end, parse
from tarazu.errors import SourceError

_BLOCK_BYTES: Final = 16 << 20
# A record that does not end within this is a quote that was never closed.
_RECORD_BYTES: Final = 4 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"
_IRAN_SYSTEM: Final = "iransystem"

assert iransystem.__name__ == _IRAN_SYSTEM  # importing it registers the codec


class DelimitedSource:
    """Rows of a text file. Lines end with LF or CR LF, a byte-order mark is skipped, blank lines are ignored.

    Numbers of rows are the lines on which they begin, the header's included. In the Iran System code page texts
    stand in visual order, so that a whole line must not be turned: it is split first and decoded field by field.
    """

    def __init__(self, path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> None:
        self._path = path
        self._delimiter = delimiter
        self._by_field = encoding.lower().replace("_", "") == _IRAN_SYSTEM
        self._encoding = "latin-1" if self._by_field else self._known(encoding)
        self._size = max(path.stat().st_size, 1)
        self._raw: IO[bytes] = path.open("rb")
        self._file: IO[bytes] = self._raw
        self._carry, self._line = b"", 1
        try:
            if self._raw.read(2) == _GZIP_MAGIC:
                self._file = io.BufferedReader(gzip.GzipFile(fileobj=self._raw))
            self._raw.seek(0)
            self._blocks = self._utf8_blocks()
            self.columns = self._header()
        except BaseException:
            self.close()  # nobody else can: there is no source yet
            raise

    @property
    def name(self) -> str:
        return self._path.name

    def close(self) -> None:
        self._raw.close()

    def _known(self, encoding: str) -> str:
        try:
            name = codecs.lookup(encoding).name
        except LookupError as error:
            raise SourceError(
                f"{self._path}: there is no encoding {encoding!r}.", mend="Correct `encoding` in the mapping."
            ) from error
        return "utf-8" if name in {"utf-8-sig", "ascii"} else name

    def _utf8_blocks(self) -> Iterator[bytes]:
        decoder = None if self._encoding == "utf-8" else codecs.getincrementaldecoder(self._encoding)()
        first = True
        while True:
            try:
                data = self._file.read(_BLOCK_BYTES)
                block = decoder.decode(data, final=not data).encode() if decoder is not None else data
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise SourceError(
                    f"{self._path}: the gzip file is damaged or cut off: {error}. Nothing of it was imported.",
                    mend="Copy it again from its source.",
                ) from error
            except UnicodeDecodeError as error:
                raise self._wrong_encoding(None) from error
            if first:
                block = block.removeprefix(codecs.BOM_UTF8)
                first = False
            if block:
                yield block
            if not data:
                return

    def _wrong_encoding(self, line: int | None) -> SourceError:
        place = f"{self._path}" if line is None else f"{self._path}:{line}"
        return SourceError(
            f"{place}: this is not {self._encoding} text. Nothing of the file was imported.",
            mend="Set `encoding` in the mapping (windows-1256 is common), or save the file as UTF-8.",
        )

    def _header(self) -> list[str]:
        for block in self._blocks:
            self._carry += block
            lines = self._carry.split(b"\n", maxsplit=100)
            skipped = next((n for n, line in enumerate(lines[:-1]) if line.strip()), None)
            if skipped is not None:
                self._line += skipped + 1
                self._carry = self._carry[sum(len(line) + 1 for line in lines[: skipped + 1]) :]
                return self._names(lines[skipped])
        if not self._carry.strip():
            raise SourceError(
                f"{self._path}: the file is empty; not even a header is in it.", mend="Export it again."
            )
        header, self._carry = self._carry.strip(), b""
        return self._names(header)

    def _names(self, header: bytes) -> list[str]:
        try:
            fields = next(csv.reader([header.decode().rstrip("\r")], delimiter=self._delimiter))
        except UnicodeDecodeError as error:
            raise self._wrong_encoding(1) from error
        return distinct_names([_from_iran_system(field) if self._by_field else field for field in fields])

    def chunks(self) -> Iterator[Chunk]:
        for block in self._blocks:
            self._carry += block
            end = last_record_end(self._carry)
            if end == 0 and len(self._carry) > _RECORD_BYTES:
                end = self._carry.rfind(b"\n") + 1
            if end:
                complete, self._carry = self._carry[:end], self._carry[end:]
                yield self._chunk(complete)
        if self._carry.strip():
            rest = self._carry if self._carry.endswith(b"\n") else self._carry + b"\n"
            self._carry = b""
            yield self._chunk(rest)

    def _chunk(self, block: bytes) -> Chunk:
        try:
            parsed = parse(block, self.columns, self._delimiter, self._line)
        except UnicodeDecodeError as error:
            raise self._wrong_encoding(self._line + block[: error.start].count(b"\n")) from error
        self._line += block.count(b"\n")
        rows = (
            parsed.rows.select(_decoded(column) for column in parsed.rows) if self._by_field else parsed.rows
        )
        return Chunk(rows, parsed.numbers, parsed.broken, min(self._raw.tell() / self._size, 1.0))


def _from_iran_system(field: str) -> str:
    return field.encode("latin-1").decode(_IRAN_SYSTEM)


def _decoded(column: pl.Series) -> pl.Series:
    """Texts of the code page, which came as Latin-1: one call for each distinct text."""
    distinct = column.drop_nulls().unique().to_list()
    return column.replace_strict(
        distinct, [_from_iran_system(field) for field in distinct], default=None, return_dtype=pl.String
    )
