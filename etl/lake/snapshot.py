"""From PostgreSQL to the lake: only the buckets in which something changed, each replaced in one step.

All queries run in one REPEATABLE READ transaction, so that the lake is the state of one moment. New buckets get new
folder names and the manifest names them last; a snapshot that is killed leaves the old lake whole, and its remains
are removed by the next one.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi

from etl.lake import tables
from etl.lake.facts import bucket_facts
from etl.lake.files import write_bucket
from etl.lake.manifest import FORMAT, Bucket, Manifest, generation_of, read_manifest, write_manifest
from etl.lake.partition import MOST_OPEN, partition, read_partition
from etl.lake.tables import BucketTables
from etl.lake.transformers import write_transformers
from etl.lake.visits import VISIT_MONTHS, VISITS_QUERY, write_visits
from etl.memory import peak_rss_mb
from rules.batch import month_number, month_start
from tarazu.database import database_faults, libpq_uri
from tarazu.errors import BusyError
from tarazu.folders import private_folder
from tarazu.moments import reach

if TYPE_CHECKING:
    from tarazu.settings import Settings

_LAST_DAY_QUERY = """
SELECT coalesce(
    (SELECT max(period_end) FROM invoice WHERE period_end <= current_date),
    -- The day after the newest, of which only a part may be there yet.
    (SELECT least((max(started_at) AT TIME ZONE 'UTC')::date + 1, current_date)
     FROM interval_reading WHERE started_at <= now())
)
"""

# (what, done, of how many); 0 where it is not known.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SnapshotSummary:
    buckets: int
    rebuilt: int
    points: int
    bills: int
    events: int
    generation: str
    last_day: str
    seconds: float
    peak_rss_mb: int

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def snapshot(settings: Settings, progress: Progress = lambda *_: None) -> SnapshotSummary:
    """Bring the lake up to date.

    Raises:
        BusyError: another snapshot is writing this lake.
        DatabaseUnavailableError, StorageError: as they say; the old lake is still there.
    """
    started = time.monotonic()
    lake = private_folder(settings.lake_directory)
    with (
        _only_writer(lake),
        database_faults(),
        dbapi.connect(libpq_uri(settings)) as connection,
        connection.cursor() as cursor,
    ):
        manifest, rebuilt = _Snapshot(settings, lake, cursor, progress).run()
    return SnapshotSummary(
        buckets=len(manifest.bucket),
        rebuilt=rebuilt,
        points=manifest.points,
        bills=sum(bucket.bills for bucket in manifest.bucket.values()),
        events=sum(bucket.events for bucket in manifest.bucket.values()),
        generation=manifest.generation,
        last_day=manifest.last_day,
        seconds=round(time.monotonic() - started, 2),
        peak_rss_mb=peak_rss_mb(),
    )


@contextmanager
def _only_writer(lake: Path) -> Iterator[None]:
    with (lake / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"Another snapshot is writing {lake}.", mend="Wait until it has ended.") from None
        yield


@contextmanager
def reading(lake: Path) -> Iterator[None]:
    """While it lasts, no snapshot removes files that an earlier manifest named."""
    with (lake / "readers").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def nobody_reads(lake: Path) -> Iterator[bool]:
    with (lake / "readers").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


class _Snapshot:
    def __init__(self, settings: Settings, lake: Path, cursor: Any, progress: Progress) -> None:
        self._settings = settings
        self._lake = lake
        self._cursor = cursor
        self._progress = progress
        self._buckets = settings.lake_buckets
        self._months = settings.panel_months

    def run(self) -> tuple[Manifest, int]:
        self._cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        old = read_manifest(self._lake)
        with nobody_reads(self._lake) as alone:
            if alone:
                _remove_remains(self._lake, old)
        versions = self._versions()
        kept = {
            number: bucket
            for number, bucket in (old.bucket if old else {}).items()
            if versions.get(int(number)) == bucket.version
        }
        changed = sorted(number for number in versions if str(number) not in kept)
        last_day = self._last_day()
        last_month = month_number(last_day - dt.timedelta(days=1))
        built: dict[str, Bucket] = {}
        for start in range(0, len(changed), MOST_OPEN):
            built |= self._rebuild(changed[start : start + MOST_OPEN], versions, last_day, last_month)
        transformers, has_energy = self._transformers(last_month)
        visits, visit_facts = self._visits(last_day)
        reach("snapshot.built")
        bucket = dict(sorted({**kept, **built}.items(), key=lambda item: int(item[0])))
        manifest = Manifest(
            buckets=self._buckets,
            panel_months=self._months,
            last_day=last_day.isoformat(),
            generation=generation_of(bucket, self._months, transformers, visits),
            bucket=bucket,
            transformers=transformers,
            has_transformer_energy=has_energy,
            visits=visits,
            visit_facts=visit_facts,
        )
        write_manifest(self._lake, manifest)
        reach("snapshot.published")
        return manifest, len(built)

    def _versions(self) -> dict[int, str]:
        """Bucket number → hash of the change versions of its classes, of the database and of the lake's shape.

        Every database counts its changes from one: a new one with as many changes must not pass for the old.
        The timeline changes when the server comes back from a backup. A lake of another shape shares no file
        with this one, so that it can be read until this one is whole.
        """
        self._cursor.execute(
            "SELECT system_identifier::text, timeline_id, (SELECT oid::int8 FROM pg_database"
            " WHERE datname = current_database()) FROM pg_control_system(), pg_control_checkpoint()"
        )
        origin = repr((*self._cursor.fetchone(), self._buckets, self._months, FORMAT)).encode()
        self._cursor.execute("SELECT bucket_class, version FROM lake_change ORDER BY bucket_class")
        hashes: dict[int, Any] = {}
        for bucket_class, version in self._cursor.fetchall():
            digest = hashes.setdefault(bucket_class % self._buckets, hashlib.sha256(origin))
            digest.update(f"{bucket_class}:{version};".encode())
        return {number: digest.hexdigest()[:16] for number, digest in hashes.items()}

    def _last_day(self) -> dt.date:
        """The day up to which bills are known, or readings by interval where nothing was billed; a date in the future
        is an error of the source, not knowledge.
        """
        self._cursor.execute(_LAST_DAY_QUERY)
        (day,) = self._cursor.fetchone()
        return day if isinstance(day, dt.date) else dt.datetime.now(tz=dt.UTC).date()

    def _rebuild(
        self, numbers: list[int], versions: dict[int, str], last_day: dt.date, last_month: int
    ) -> dict[str, Bucket]:
        work = self._lake / ".work"
        shutil.rmtree(work, ignore_errors=True)
        everything = len(numbers) == len(versions)
        listed = ", ".join(map(str, numbers))
        classes = "true" if everything else f"p.bucket_class % {self._buckets} IN ({listed})"
        panel_start = dt.date(1970, 1, 1) + dt.timedelta(days=month_start(last_month - self._months + 1))
        queries = {
            "points": (tables.POINTS_QUERY, tables.POINTS),
            "bills": (tables.BILLS_QUERY, tables.BILLS),
            "events": (tables.EVENTS_QUERY, tables.EVENTS),
            "inspections": (tables.INSPECTIONS_QUERY, tables.INSPECTIONS),
            "exports": (tables.EXPORTS_QUERY, tables.EXPORTS),
            "intervals": (tables.INTERVALS_QUERY, tables.INTERVALS),
        }
        intervals_start = last_day - dt.timedelta(days=tables.INTERVAL_DAYS)
        for name, (query, schema) in queries.items():
            filled = query.format(classes=classes, panel_start=panel_start, intervals_start=intervals_start)
            self._read(name, filled, schema, work / name)
        reach("snapshot.read")

        def build(number: int) -> tuple[str, Bucket]:
            parts = BucketTables(
                **{name: read_partition(work / name, number, schema) for name, (_, schema) in queries.items()}
            )
            folder = f"bucket-{number:04d}-{versions[number]}-{last_month}"
            write_bucket(self._lake / folder, parts, last_month=last_month, months=self._months)
            reach("snapshot.bucket")
            return str(number), Bucket(
                folder,
                last_month,
                len(parts.points),
                len(parts.bills),
                len(parts.events),
                versions[number],
                bucket_facts(parts),
            )

        built: dict[str, Bucket] = {}
        with ThreadPoolExecutor(self._settings.dask_workers) as pool:
            for done, (number, bucket) in enumerate(pool.map(build, numbers), 1):
                built[number] = bucket
                self._progress("buckets", done, len(numbers))
        shutil.rmtree(work)
        return built

    def _read(self, name: str, query: str, schema: pa.Schema, folder: Path) -> None:
        done = 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            self._progress(f"read {name}", done, 0)

        self._cursor.execute(query)
        partition(self._cursor.fetch_record_batch(), schema, folder, self._buckets, advance)

    def _transformers(self, last_month: int) -> tuple[str, bool]:
        """(file name, whether any transformer has readings). The name says the content."""
        self._cursor.execute(tables.TRANSFORMERS_QUERY)
        rows = self._cursor.fetch_arrow_table()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows.combine_chunks())
        digest = hashlib.sha256(str((last_month, self._months)).encode())
        digest.update(sink.getvalue())
        name = f"transformers-{digest.hexdigest()[:16]}.parquet"
        path = self._lake / name
        if not path.exists():
            write_transformers(path, rows, last_month=last_month, months=self._months)
        return name, rows.column("delivered_kwh").null_count < len(rows)

    def _visits(self, last_day: dt.date) -> tuple[str, list[str]]:
        """(file name, what the visits of reading agents say anything of)."""
        last_month = month_number(last_day - dt.timedelta(days=1))
        since = dt.date(1970, 1, 1) + dt.timedelta(days=month_start(last_month - VISIT_MONTHS + 1))
        self._cursor.execute(VISITS_QUERY.format(since=since, last_day=last_day))
        return write_visits(self._lake, self._cursor.fetch_record_batch())


def _remove_remains(lake: Path, manifest: Manifest | None) -> None:
    """Files that no manifest names: of a killed snapshot, or of the lake before this one."""
    named = (
        {bucket.folder for bucket in manifest.bucket.values()} | {manifest.transformers, manifest.visits}
        if manifest
        else set()
    )
    for path in lake.iterdir():
        is_bucket = path.name.startswith("bucket-") and path.name not in named
        if is_bucket or path.name.startswith((".bucket-", ".work")):
            shutil.rmtree(path)
        if path.name.startswith(("transformers-", "visits-", ".visits")) and path.name not in named:
            path.unlink()
