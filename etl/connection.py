"""The importer's connection: ADBC, which moves whole tables by COPY, driven by SQLAlchemy statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

import adbc_driver_postgresql.dbapi as adbc
import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tarazu.database.faults import database_faults
from tarazu.database.urls import libpq_uri
from tarazu.errors import OperationalError
from tarazu.settings import Settings

Statement: TypeAlias = str | sa.Executable | sa.schema.ExecutableDDLElement

STAGING: Final = "staging"

# Without a parameter style that gives % a meaning: the statements carry their values.
_DIALECT: Final = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap


class ImportConnection:
    """One connection, used by one thread at a time. Faults of the database come as operational errors."""

    def __init__(self, settings: Settings) -> None:
        self._open = ExitStack()
        with database_faults():
            self._connection = self._open.enter_context(adbc.connect(libpq_uri(settings)))
            self._cursor = self._open.enter_context(self._connection.cursor())
        for setting in (
            "application_name = 'tarazu import'",
            "timezone = 'UTC'",
            "jit = off",
            # Merges join and group whole files; the default of 4 MB would send them to disk.
            "work_mem = '128MB'",
            "temp_buffers = '64MB'",
            # The server's process of a killed import ends in the middle of a long statement, not after it.
            "client_connection_check_interval = '1s'",
        ):
            self.execute(f"SET {setting}")
        self.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            with database_faults():
                self._open.close()
            return
        try:
            self._open.close()
        except Exception:  # noqa: BLE001  # closing a broken connection must not hide why it broke
            return

    def execute(self, statement: Statement) -> int:
        """Run a statement; the number of rows that it changed or made."""
        with database_faults():
            self._cursor.execute(compiled(statement))
            return int(self._cursor.rowcount)

    def fetch(self, statement: Statement) -> pl.DataFrame:
        with database_faults():
            self._cursor.execute(compiled(statement))
            frame = pl.from_arrow(self._cursor.fetch_arrow_table())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def scalar(self, statement: Statement) -> Any:
        return self.fetch(statement).item()

    def append(self, table: sa.Table, rows: pl.DataFrame) -> None:
        """COPY `rows` into a table of the staging schema."""
        with database_faults():
            self._cursor.adbc_ingest(table.name, rows.to_arrow(), mode="append", db_schema_name=table.schema)

    def commit(self) -> None:
        with database_faults():
            self._connection.commit()

    def lock(self, tables: Iterable[sa.Table]) -> None:
        """Keep other writers out of `tables` until the transaction ends; readers go on."""
        names = ", ".join(dict.fromkeys(f'"{table.name}"' for table in tables))
        self.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")

    def abandon(self, clean_up: Callable[[], None]) -> None:
        """Undo the transaction and `clean_up`, as far as the connection still carries that."""
        try:
            self.rollback()
            clean_up()
            self.commit()
        except OperationalError:
            return  # the next run clears away what this one leaves

    def rollback(self) -> None:
        with database_faults():
            self._connection.rollback()


def compiled(statement: Statement) -> str:
    """The SQL text of a statement, values included."""
    if isinstance(statement, str):
        return statement
    options = {} if isinstance(statement, sa.schema.ExecutableDDLElement) else {"literal_binds": True}
    return str(statement.compile(dialect=_DIALECT, compile_kwargs=options))  # type: ignore[attr-defined]  # every executable compiles
