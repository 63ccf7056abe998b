"""A query on any database that SQLAlchemy reaches. PostgreSQL is read through ADBC, which needs no other driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import polars as pl
import sqlalchemy as sa

from etl.sources.base import CHUNK_ROWS, Chunk, distinct_names, row_numbers
from tarazu.errors import SourceError


class QuerySource:
    def __init__(self, url: str, query: str) -> None:
        self._open = ExitStack()
        try:
            parsed = sa.make_url(url)
            self.name = parsed.set(password=None, query={}).render_as_string(hide_password=True)
            self._batches: Iterator[pl.DataFrame]
            if parsed.get_backend_name() == "postgresql":
                self.columns, self._batches = self._from_postgresql(parsed, query)
            else:
                self.columns, self._batches = self._from_sqlalchemy(parsed, query)
        except sa.exc.ArgumentError as error:
            self.close()
            raise SourceError(
                "The URL of the source database cannot be read.",
                mend="Write dialect://user:password@host/database.",
            ) from error
        except (sa.exc.SQLAlchemyError, adbc_driver_manager.Error, ModuleNotFoundError) as error:
            self.close()
            raise self._failed(error) from error

    def close(self) -> None:
        self._open.close()

    def _failed(self, error: Exception) -> SourceError:
        # The first line only: drivers append the statement and its parameters.
        told = str(getattr(error, "orig", None) or error).splitlines()[0]
        return SourceError(
            f"{self.name}: the query failed: {told}.", mend="Mend `query` in the mapping or the URL."
        )

    def _from_postgresql(self, url: sa.URL, query: str) -> tuple[list[str], Iterator[pl.DataFrame]]:
        uri = url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = self._open.enter_context(adbc.connect(uri))
        cursor = self._open.enter_context(connection.cursor())
        cursor.execute(query)
        reader = cursor.fetch_record_batch()
        return list(reader.schema.names), (_frame(pl.from_arrow(batch)) for batch in reader if batch.num_rows)

    def _from_sqlalchemy(self, url: sa.URL, query: str) -> tuple[list[str], Iterator[pl.DataFrame]]:
        engine = sa.create_engine(url)
        self._open.callback(engine.dispose)
        connection = self._open.enter_context(engine.connect())
        result = connection.execution_options(stream_results=True).execute(sa.text(query))
        columns = distinct_names(list(result.keys()))
        return columns, (
            pl.DataFrame(
                [list(row) for row in part],
                schema=columns,
                orient="row",
                infer_schema_length=None,
                strict=False,
            )
            for part in result.partitions(CHUNK_ROWS)
        )

    def chunks(self) -> Iterator[Chunk]:
        done = 0
        while True:
            try:
                rows = next(self._batches, None)
            except (sa.exc.SQLAlchemyError, adbc_driver_manager.Error) as error:
                raise self._failed(error) from error
            if rows is None:
                return
            yield Chunk(rows, row_numbers(done + 1, rows.height))
            done += rows.height


def _frame(arrow: Any) -> pl.DataFrame:
    assert isinstance(arrow, pl.DataFrame)
    return arrow
