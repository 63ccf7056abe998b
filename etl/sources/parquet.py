"""Parquet, one batch of rows at a time; columns keep their types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from etl.sources.base import CHUNK_ROWS, Chunk, row_numbers
from tarazu.errors import SourceError


class ParquetSource:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        self.columns: list[str] = list(self._file.schema_arrow.names)

    @property
    def name(self) -> str:
        return self._path.name

    def close(self) -> None:
        self._file.close()

    def _damaged(self, error: Exception) -> SourceError:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        return SourceError(
            f"{self._path}: this Parquet file is damaged or cut off: {told}. Nothing of it was imported.",
            mend="Copy it again from its source.",
        )

    def chunks(self) -> Iterator[Chunk]:
        total = max(self._file.metadata.num_rows, 1)
        done = 0
        batches = self._file.iter_batches(batch_size=CHUNK_ROWS)
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise self._damaged(error) from error
            if batch is None:
                return
            rows = pl.from_arrow(batch)
            assert isinstance(rows, pl.DataFrame)
            yield Chunk(rows, row_numbers(done + 1, rows.height), [], (done + rows.height) / total)
            done += rows.height
