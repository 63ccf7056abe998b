"""Columns of a smaller file beside those of a larger one, by a column that both have."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from etl.convert import clean
from etl.files import FoundFile
from etl.mapping import FileMapping
from etl.sources import open_source
from etl.sources.base import Chunk
from tarazu.errors import SourceError

_KEY = "__join_key"


class JoinedFile:
    """The joined file in memory: of several rows of one key the first."""

    def __init__(self, file: FileMapping, found: Sequence[FoundFile]) -> None:
        assert file.join is not None
        self._join = file.join
        paths = [other for other in found if other.file is not None and other.file.name == file.join.file]
        if not paths:
            raise SourceError(
                f"The file {file.name} needs the file {file.join.file}, which is not among the given paths.",
                mend="Give both.",
            )
        parts: list[pl.DataFrame] = []
        for other in paths:
            assert other.file is not None
            source = open_source(other.file, other.path)
            try:
                if self._join.on not in source.columns:
                    raise SourceError(
                        f"{source.name} has no column {self._join.on!r} to join by.",
                        mend=f"Its columns are {', '.join(source.columns)}.",
                    )
                parts.extend(chunk.rows for chunk in source.chunks())
            finally:
                source.close()
        rows = pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame({self._join.on: []})
        prefixed = rows.rename({name: f"{self._join.file}.{name}" for name in rows.columns})
        key = clean(rows[self._join.on]).alias(_KEY)
        self._rows = prefixed.with_columns(key).unique(_KEY, keep="first", maintain_order=True)
        self.columns = prefixed.columns

    def beside(self, chunk: Chunk) -> Chunk:
        """The chunk with the joined columns; they are empty where the other file has no such row."""
        if self._join.on not in chunk.rows.columns:
            return chunk  # the plan says so, with the columns that are there
        rows = chunk.rows.with_columns(clean(chunk.rows[self._join.on]).alias(_KEY))
        joined = rows.join(self._rows, on=_KEY, how="left", maintain_order="left").drop(_KEY)
        return Chunk(joined, chunk.numbers, chunk.broken, chunk.fraction)
