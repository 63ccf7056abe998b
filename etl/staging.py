"""Staging tables: UNLOGGED, one an entity of the file being read, dropped when it is merged."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, DropTable

from etl.connection import STAGING, ImportConnection
from etl.extract import COPIES, ORDINAL
from etl.plan import EntityPlan, FilePlan

_PREFIX: Final = "import_"

_SQL_TYPES: Final[dict[type[pl.DataType], type[sa.types.TypeEngine[Any]] | sa.types.TypeEngine[Any]]] = {
    pl.String: sa.Text,
    pl.Int16: sa.SmallInteger,
    pl.Int32: sa.Integer,
    pl.Int64: sa.BigInteger,
    pl.Float64: sa.Double,
    pl.Boolean: sa.Boolean,
    pl.Date: sa.Date,
    pl.Datetime: sa.DateTime(timezone=True),
}


class Staging:
    """The staging tables of one file."""

    def __init__(self, connection: ImportConnection, run_id: int, plan: FilePlan) -> None:
        self._connection = connection
        self._joined = {
            entity.position: sorted({ORDINAL, *entity.joined_columns}) for entity in plan.entities
        }
        metadata = sa.MetaData(schema=STAGING)
        self.tables = {
            entity.position: _table(
                metadata, f"{_PREFIX}{run_id}_{entity.position}_{entity.entity.name}", entity
            )
            for entity in plan.entities
        }
        self.quarantine = sa.Table(
            f"{_PREFIX}{run_id}_quarantine",
            metadata,
            sa.Column("row_number", sa.BigInteger),
            sa.Column("entity", sa.Text),
            sa.Column("column", sa.Text),
            sa.Column("reason", sa.Text),
            sa.Column("value", sa.Text),
            sa.Column("raw", sa.Text),
            prefixes=["UNLOGGED"],
        )

    def create(self) -> None:
        for table in self._all():
            self._connection.execute(CreateTable(table))
        self._connection.commit()

    def analyze(self) -> None:
        """Statistics of the columns that the merge joins and groups by."""
        for position, table in self.tables.items():
            names = ", ".join(f'"{name}"' for name in self._joined[position])
            self._connection.execute(f'ANALYZE "{STAGING}"."{table.name}" ({names})')
        self._connection.commit()

    def drop(self) -> None:
        for table in self._all():
            self._connection.execute(DropTable(table, if_exists=True))

    def _all(self) -> list[sa.Table]:
        return [*self.tables.values(), self.quarantine]


def _table(metadata: sa.MetaData, name: str, plan: EntityPlan) -> sa.Table:
    return sa.Table(
        name[:63],
        metadata,
        sa.Column(ORDINAL, sa.BigInteger, autoincrement=False),
        sa.Column(COPIES, sa.Integer),
        *(sa.Column(column.name, _SQL_TYPES[type(column.dtype)]) for column in plan.staged),
        prefixes=["UNLOGGED"],
    )


def drop_left_behind(connection: ImportConnection) -> None:
    """Drop the staging tables of imports that were killed; only for whoever holds the import lock."""
    tables = connection.fetch(
        f"SELECT tablename FROM pg_tables WHERE schemaname = '{STAGING}' AND tablename LIKE 'import\\_%'"  # a constant
    )
    for name in tables["tablename"]:
        connection.execute(f'DROP TABLE "{STAGING}"."{name}"')
    connection.commit()
