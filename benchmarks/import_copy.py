"""The whole import (read, convert, stage, merge, commit) against PostgreSQL's COPY of the same rows.

The anchor gets the rows as the import left them, ids and foreign keys resolved, in CSV files in the order of the
tables: nothing is left to do for it but to parse and to store. Both write into a database of its own that
`tarazu db upgrade` made, so that keys, constraints, indexes and triggers are the same.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import asyncpg
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.report import Report
from etl.entities import Entity, entities
from etl.importer import run_import
from etl.synth import write_utility
from migrations.runner import upgrade
from tarazu.database.embedded import EmbeddedServer
from tarazu.database.urls import asyncpg_dsn, sqlalchemy_url
from tarazu.settings import Settings

# 40,000 customers have about half a million invoices in 24 months.
_CUSTOMERS: Final = int(os.environ.get("CUSTOMERS", "40000"))
_BAR: Final = 0.5
_IMPORTED, _COPIED = "benchmark_imported", "benchmark_copied"


def run(report: Report) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tarazu-benchmark-"))
    folder.chmod(0o711)  # the server may run as another user and has to pass through
    server = EmbeddedServer(Settings(home=folder / "home", embedded_directory=folder / "postgres")).start()
    try:
        asyncio.run(_run(report, server, folder))
    finally:
        server.stop()
        shutil.rmtree(folder)


async def _run(report: Report, server: EmbeddedServer, folder: Path) -> None:
    source = folder / "source"
    write_utility(source, customers=_CUSTOMERS, seed=7)
    imported = await _database(server, folder, _IMPORTED)
    copied = await _database(server, folder, _COPIED)

    summary = await run_import(imported, "billing_fa", [source])
    assert summary.total.quarantined == 0, summary.total.reasons
    (folder / "copy").mkdir()
    rows = await _dump(imported, folder / "copy")
    assert sum(rows.values()) == summary.total.loaded, (rows, summary.total)
    seconds = await _copy(copied, folder / "copy", rows)

    total = sum(rows.values())
    ratio = seconds / summary.seconds
    report.line(
        f"import of {rows['invoice']:,} invoices with all else",
        total / summary.seconds,
        "rows/s",
        total / seconds,
        ratio,
        f">= {_BAR}",
        ratio >= _BAR,
    )
    report.line("memory of the import", summary.peak_rss_mb, "MB")
    again = await run_import(imported, "billing_fa", [source])
    assert again.total.loaded == 0
    report.line("the same files again, nothing new", again.total.rows_in / again.seconds, "rows/s")


async def _database(server: EmbeddedServer, folder: Path, name: str) -> Settings:
    server.ensure_database(name)
    settings = Settings(home=folder / name, database_url=SecretStr(server.uri(name)))
    await upgrade(settings)
    return settings


async def _dump(settings: Settings, folder: Path) -> dict[str, int]:
    """Every table as a CSV file, and how many rows each has."""
    rows = {}
    connection = await asyncpg.connect(asyncpg_dsn(settings))
    try:
        for entity in entities().values():
            status = await connection.copy_from_table(
                entity.name, columns=_columns(entity), output=folder / entity.name, format="csv"
            )
            rows[entity.name] = int(status.split()[-1])
    finally:
        await connection.close()
    return rows


async def _copy(settings: Settings, folder: Path, rows: dict[str, int]) -> float:
    """COPY the files into the empty tables, in one transaction; seconds until it is committed."""
    connection = await asyncpg.connect(asyncpg_dsn(settings))
    try:
        began = time.monotonic()
        async with connection.transaction():
            for entity in entities().values():
                await connection.copy_to_table(
                    entity.name, columns=_columns(entity), source=folder / entity.name, format="csv"
                )
        seconds = time.monotonic() - began
    finally:
        await connection.close()
    engine = create_async_engine(sqlalchemy_url(settings))
    async with engine.connect() as session:
        for entity in entities().values():
            count = await session.scalar(sa.select(sa.func.count()).select_from(entity.table))
            assert count == rows[entity.name], entity.name
    await engine.dispose()
    return seconds


def _columns(entity: Entity) -> list[str]:
    return [column.name for column in entity.table.columns if column.computed is None]


if __name__ == "__main__":
    run(Report())
