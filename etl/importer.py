"""An import: files of a source system through a mapping into the graph."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from etl.connection import ImportConnection
from etl.file_import import FileImport
from etl.files import FoundFile, find_files
from etl.mapping import ImportMapping
from etl.mapping_file import load_mapping
from etl.memory import peak_rss_mb
from etl.progress import ImportProgress, NoProgress
from etl.report import FileResult, ImportSummary
from etl.spool import PREFIX, Spool, remove_left_behind
from etl.staging import drop_left_behind
from tarazu.database.engine import create_engine
from tarazu.database.faults import classify, database_faults
from tarazu.database.locks import advisory_lock
from tarazu.errors import DatabaseUnavailableError, InputError, StorageError, TarazuError
from tarazu.folders import private_folder
from tarazu.models import ImportRun
from tarazu.models.enums import RunState
from tarazu.settings import Settings

LOCK_NAME = "import"


async def run_import(
    settings: Settings,
    mapping_name_or_path: str | Path,
    paths: Sequence[str | Path],
    *,
    progress: ImportProgress | None = None,
) -> ImportSummary:
    """Import all files under `paths` that the mapping knows, in the mapping's order.

    Each file is one transaction: all of it is merged or nothing. A file that cannot be read is noted in
    `failed_files` of the summary, and the others go on. What a killed run left behind is cleared away first, and
    the same files again end in the same content.

    Raises MappingError, InputError (nothing to import), BusyError (another import runs), and
    DatabaseUnavailableError or StorageError when the database or its disk goes away on the way.
    """
    began = time.monotonic()
    mapping = load_mapping(mapping_name_or_path)
    found = find_files(mapping, paths)
    engine = create_engine(settings, application_name="tarazu import", pool_size=2)
    try:
        with database_faults():
            async with advisory_lock(engine, LOCK_NAME):
                return await _Run(settings, engine, mapping, found, progress or NoProgress(), began).run()
    finally:
        await engine.dispose()


class _Run:
    def __init__(
        self,
        settings: Settings,
        engine: AsyncEngine,
        mapping: ImportMapping,
        found: list[FoundFile],
        progress: ImportProgress,
        began: float,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._mapping = mapping
        self._found = found
        self._progress = progress
        self._began = began

    async def run(self) -> ImportSummary:
        run_id = await self._open()
        summary = ImportSummary(run_id, self._mapping.name)
        try:
            await asyncio.to_thread(self._import_all, summary)
        except BaseException as error:
            await self._try_to_close(summary, RunState.FAILED, error)
            raise
        await self._close(summary, RunState(summary.state))
        return summary

    async def _open(self) -> int:
        """Mark dead runs as failed, and begin this one."""
        async with self._engine.begin() as connection:
            await connection.execute(
                sa.update(ImportRun)
                .where(ImportRun.state == RunState.RUNNING)
                .values(state=RunState.FAILED, finished_at=sa.func.now())
            )
            sources = [file.shown for file in self._found]
            run_id = await connection.scalar(
                sa.insert(ImportRun)
                .values(mapping=self._mapping.name, sources=sources)
                .returning(ImportRun.id)
            )
        assert isinstance(run_id, int)
        return run_id

    async def _close(self, summary: ImportSummary, state: RunState) -> None:
        summary.seconds = time.monotonic() - self._began
        summary.peak_rss_mb = peak_rss_mb()
        async with self._engine.begin() as connection:
            await connection.execute(
                sa.update(ImportRun)
                .where(ImportRun.id == summary.run_id)
                .values(state=state, finished_at=dt.datetime.now(dt.UTC), summary=summary.to_json())
            )

    async def _try_to_close(self, summary: ImportSummary, state: RunState, error: BaseException) -> None:
        try:
            await self._close(summary, state)
        except Exception as second:  # noqa: BLE001  # the database is what failed; the next run marks this one
            error.add_note(f"The run could not be marked as failed: {second}")

    def _import_all(self, summary: ImportSummary) -> None:
        with ImportConnection(self._settings) as connection:
            drop_left_behind(connection)
            runs = private_folder(self._settings.runs_directory)
            remove_left_behind(runs)
            file_import = FileImport(connection, summary.run_id, self._mapping, self._found, self._progress)
            for found in self._found:
                spool = Spool(runs / f"{PREFIX}{summary.run_id}")
                try:
                    self._import_one(file_import, found, spool, summary)
                finally:
                    spool.remove()

    def _import_one(
        self, file_import: FileImport, found: FoundFile, spool: Spool, summary: ImportSummary
    ) -> None:
        began = time.monotonic()
        self._progress.file_started(found.shown)
        ended = partial(FileResult, found.shown, found.file.name if found.file is not None else None)
        if found.file is None or found.error is not None:
            error: TarazuError = found.error or InputError(f"{found.path} is no file of the mapping.")
            summary.files.append(ended(0, 0.0, error))
            self._progress.file_ended(found.shown, 0, str(error))
            return
        try:
            outcome = file_import.run(found.file, found.path, spool)
        except Exception as raised:
            failure = raised if isinstance(raised, TarazuError) else classify(raised)
            if failure is None:
                raise
            summary.files.append(ended(0, time.monotonic() - began, failure))
            self._progress.file_ended(found.shown, 0, str(failure))
            if isinstance(failure, DatabaseUnavailableError | StorageError):
                # The next file would meet the same fate.
                raise failure from raised
            return
        for name, counts in outcome.entities.items():
            summary.add(name, counts)
        summary.files.append(ended(outcome.rows, time.monotonic() - began))
        self._progress.file_ended(found.shown, outcome.rows, None)
