"""Where rows come from: one module a kind of source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from etl.mapping import FileMapping, Format
from etl.sources.base import BrokenRow, Chunk, Source
from tarazu.errors import SourceError

_BY_SUFFIX: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".parquet": "parquet",
    ".dbf": "dbf",
}


def open_source(file: FileMapping, path: str) -> Source:
    """The source at `path` (a URL for a query) as the mapping describes it.

    Raises SourceError where it is missing, empty or not what the mapping says.
    """
    if file.query is not None:
        from etl.sources.query import QuerySource

        return QuerySource(path, file.query)
    place = Path(path)
    try:
        return _open_file(file, place)
    except FileNotFoundError as error:
        raise SourceError(f"{place} does not exist.", mend="Correct the path.") from error
    except IsADirectoryError as error:
        raise SourceError(f"{place} is a folder.", mend="Name the file in it.") from error
    except PermissionError as error:
        raise SourceError(
            f"{place} may not be read.", mend="Give the user of Tarazu the right to."
        ) from error


def _open_file(file: FileMapping, path: Path) -> Source:
    kind = file.format or _by_name(path)
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty.", mend="Export it again.")
    if kind == "parquet":
        from etl.sources.parquet import ParquetSource

        return ParquetSource(path)
    if kind == "xlsx":
        from etl.sources.xlsx import XlsxSource

        return XlsxSource(path, sheet=file.sheet)
    if kind == "dbf":
        from etl.sources.dbf import DbfSource

        return DbfSource(path, encoding=file.encoding)
    from etl.sources.delimited import DelimitedSource

    encoding = "iransystem" if kind == "iransystem" else file.encoding
    return DelimitedSource(path, encoding=encoding, delimiter=file.delimiter)


def _by_name(path: Path) -> Format:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = _BY_SUFFIX.get(suffixes[-1] if suffixes else "")
    if kind is None:
        raise SourceError(
            f"{path}: its suffix does not say what it is.", mend="Set `format` for this file in the mapping."
        )
    return kind


__all__ = ["BrokenRow", "Chunk", "Source", "open_source"]
