"""Spreadsheets. A row's number is the sheet's; a column in which all cells are dates keeps them as dates."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import python_calamine

from etl.reasons import Reason
from etl.sources.base import CHUNK_ROWS, BrokenRow, Chunk, distinct_names
from tarazu.errors import SourceError


class XlsxSource:
    def __init__(self, path: Path, *, sheet: str | None = None) -> None:
        self._path = path
        try:
            self._book = python_calamine.CalamineWorkbook.from_path(str(path))
        except (python_calamine.CalamineError, OSError) as error:
            raise SourceError(
                f"{path}: this spreadsheet cannot be read: {error}. Nothing of it was imported.",
                mend="Open it in a spreadsheet program and save it as XLSX again.",
            ) from error
        names = self._book.sheet_names
        if sheet is not None and sheet not in names:
            raise SourceError(
                f"{path}: there is no sheet {sheet!r}.",
                mend=f"Its sheets are {', '.join(names)}; mend the mapping.",
            )
        self._sheet = self._book.get_sheet_by_name(sheet if sheet is not None else names[0])
        self._rows: Iterator[tuple[int, list[Any]]] = enumerate(
            self._sheet.to_python(skip_empty_area=False), start=1
        )
        header = next((row for _, row in self._rows if any(cell not in ("", None) for cell in row)), None)
        if header is None:
            raise SourceError(f"{path}: the sheet {self._sheet.name!r} is empty.", mend="Export it again.")
        while header and header[-1] in ("", None):
            header.pop()
        self.columns = distinct_names([_text(cell) or "" for cell in header])

    @property
    def name(self) -> str:
        return self._path.name

    def close(self) -> None:
        self._book.close()

    def chunks(self) -> Iterator[Chunk]:
        total = max(self._sheet.total_height, 1)
        width = len(self.columns)
        while taken := list(itertools.islice(self._rows, CHUNK_ROWS)):
            filled = [(number, row) for number, row in taken if any(cell not in ("", None) for cell in row)]
            broken = [
                BrokenRow(number, Reason.COLUMN_COUNT, " | ".join(_text(cell) or "" for cell in row))
                for number, row in filled
                if any(cell not in ("", None) for cell in row[width:])
            ]
            wrong = {row.number for row in broken}
            good = [(number, row) for number, row in filled if number not in wrong]
            columns = {
                name: _column([row[place] if place < len(row) else None for _, row in good])
                for place, name in enumerate(self.columns)
            }
            yield Chunk(
                pl.DataFrame(columns),
                pl.Series([number for number, _ in good], dtype=pl.Int64),
                broken,
                taken[-1][0] / total,
            )


def _column(cells: list[Any]) -> pl.Series:
    present = [cell for cell in cells if cell not in ("", None)]
    if present and all(isinstance(cell, dt.date) for cell in present):  # a datetime is a date
        instants = [_instant(cell) if cell not in ("", None) else None for cell in cells]
        series = pl.Series(instants, dtype=pl.Datetime("us"))
        whole_days = bool((series.dt.time() == dt.time()).all())
        return series.dt.date() if whole_days else series
    return pl.Series([_text(cell) for cell in cells], dtype=pl.String)


def _instant(cell: dt.date) -> dt.datetime:
    return cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time())


def _text(cell: Any) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
