"""One file: read, convert and stage it in chunks, then merge all of it in one transaction, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl
import sqlalchemy as sa

from etl.background import Writer, background_writer, read_ahead
from etl.connection import ImportConnection
from etl.extract import Extractor
from etl.files import FoundFile
from etl.joins import JoinedFile
from etl.mapping import FileMapping, ImportMapping
from etl.merge import EntityMerge
from etl.plan import EntityPlan, FilePlan, plan_file
from etl.progress import ImportProgress
from etl.quarantine import Quarantine
from etl.report import Counts
from etl.sources import Chunk, Source, open_source
from etl.spool import Spool
from etl.staging import Staging
from tarazu.moments import reach

# Planner statistics that are wrong by more rows than this make the next reader slow.
_ANALYZE_ROWS = 10_000
# Tables that triggers fill along with an entity's.
_KEPT_BESIDE = {"invoice": "receivable", "payment_allocation": "receivable"}


@dataclass
class FileOutcome:
    """`rows` read; counts an entity, in the order of the mapping's plan."""

    rows: int = 0
    entities: dict[str, Counts] = field(default_factory=dict)

    def counts(self, entity: str) -> Counts:
        return self.entities.setdefault(entity, Counts())


class FileImport:
    """Imports one file through a connection that nothing else uses meanwhile."""

    def __init__(
        self,
        connection: ImportConnection,
        run_id: int,
        mapping: ImportMapping,
        found: Sequence[FoundFile],
        progress: ImportProgress,
    ) -> None:
        self._connection = connection
        self._run_id = run_id
        self._mapping = mapping
        self._found = found
        self._progress = progress

    def run(self, file: FileMapping, path: str, spool: Spool) -> FileOutcome:
        """Raises SourceError and operational errors; then nothing of the file is in the database."""
        source = open_source(file, path)
        try:
            joined = JoinedFile(file, self._found) if file.join is not None else None
            columns = [*source.columns, *(joined.columns if joined is not None else ())]
            plan = plan_file(file, source.name, columns)
            staging = Staging(self._connection, self._run_id, plan)
            staging.create()
            try:
                return self._stage_and_merge(plan, source, joined, staging, spool)
            except BaseException:
                self._connection.abandon(staging.drop)
                raise
        finally:
            source.close()

    def _stage_and_merge(
        self, plan: FilePlan, source: Source, joined: JoinedFile | None, staging: Staging, spool: Spool
    ) -> FileOutcome:
        extractor = Extractor(plan.entities)
        quarantine = Quarantine(self._connection, staging.quarantine)
        outcome = FileOutcome()
        for entity in plan.entities:
            outcome.counts(entity.entity.name)
        with background_writer() as writer:
            for chunk in read_ahead(_beside(source.chunks(), joined)):
                self._stage(plan, chunk, extractor, staging, quarantine, spool, writer, outcome)
                self._progress.advanced(outcome.rows, chunk.fraction)
                reach("import.chunk")
            writer.finish()
        staging.analyze()
        reach("import.staged")
        self._merge(plan, source.name, extractor, staging, quarantine, spool, outcome)
        return outcome

    def _stage(
        self,
        plan: FilePlan,
        chunk: Chunk,
        extractor: Extractor,
        staging: Staging,
        quarantine: Quarantine,
        spool: Spool,
        writer: Writer,
        outcome: FileOutcome,
    ) -> None:
        outcome.rows += chunk.rows.height + len(chunk.broken)
        writer.submit(partial(spool.add, chunk))
        if chunk.broken:
            first = plan.entities[0].entity.name if not plan.file.entities else plan.file.entities[0].entity
            counts = outcome.counts(first)
            counts.rows_in += len(chunk.broken)
            counts.reasons.update(row.reason.value for row in chunk.broken)
            writer.submit(partial(quarantine.add, quarantine.of_broken(chunk, first)))
        if chunk.rows.height == 0:
            return
        for extracted in extractor.extract(chunk):
            counts = outcome.counts(extracted.plan.entity.name)
            counts.rows_in += extracted.rows_in
            if extracted.refused.height:
                counts.reasons.update(Counter(extracted.refused["reason"].to_list()))
                writer.submit(partial(quarantine.add, quarantine.of_chunk(chunk, extracted)))
            if extracted.rows.height:
                table = staging.tables[extracted.plan.position]
                writer.submit(partial(self._append, table, extracted.rows))

    def _append(self, table: sa.Table, rows: pl.DataFrame) -> None:
        self._connection.append(table, rows)
        self._connection.commit()

    def _merge(
        self,
        plan: FilePlan,
        file: str,
        extractor: Extractor,
        staging: Staging,
        quarantine: Quarantine,
        spool: Spool,
        outcome: FileOutcome,
    ) -> None:
        loaded: list[EntityPlan] = []
        self._connection.lock([entity.entity.table for entity in plan.entities])
        for entity in plan.entities:
            self._progress.merging(entity.entity.name)
            merged = EntityMerge(self._connection, entity, staging.tables[entity.position]).run()
            quarantine.add_merged(entity, merged, spool, extractor)
            counts = outcome.counts(entity.entity.name)
            counts.loaded += merged.loaded
            counts.reasons.update(merged.reasons)
            if merged.loaded > _ANALYZE_ROWS:
                loaded.append(entity)
        quarantine.move(self._run_id, self._mapping.name, file)
        reach("import.quarantined")
        staging.drop()
        reach("import.merged")
        self._connection.commit()
        reach("import.committed")
        names = [entity.entity.name for entity in loaded]
        for name in dict.fromkeys([*names, *(_KEPT_BESIDE[name] for name in names if name in _KEPT_BESIDE)]):
            self._connection.execute(f'ANALYZE "{name}"')
        self._connection.commit()


def _beside(chunks: Iterator[Chunk], joined: JoinedFile | None) -> Iterator[Chunk]:
    return chunks if joined is None else (joined.beside(chunk) for chunk in chunks)
