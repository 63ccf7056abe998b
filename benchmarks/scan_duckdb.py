"""The scan of 600,000 usage points with 24 months each against DuckDB SQL that computes the same signals.

The first run also compares every field of every signal, outside of what is timed; each run compares the rules met.
The anchor and the scans run in processes of their own, so that the memory of one is not counted as another's.
CUSTOMERS sets another size, BENCH_HOME where the lake and its database are kept, FULL=1 adds twice the customers.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa
from sqlalchemy import text

from benchmarks import duckdb_anchor, signal_values, synthetic_lake
from benchmarks.report import Report
from etl.lake.files import read_bucket
from etl.lake.manifest import Manifest, require_manifest
from etl.scan.run import scan
from migrations.runner import upgrade
from rules.batch import PeerGroups, PointBatch, month_number
from rules.facts import compute
from rules.loader import load_catalogue
from rules.rule import Rule
from rules.screen import screen
from rules.signals.peer_level import merge_histograms, peer_groups, peer_histogram
from rules.site import Site, load_site
from tarazu.database import create_engine
from tarazu.database.embedded import EmbeddedServer
from tarazu.settings import Settings, get_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

NAME: Final = "scan_duckdb"
_CUSTOMERS: Final = int(os.environ.get("CUSTOMERS", "600000"))
_RUNS: Final = 3
_SIGNALS_BAR, _SCAN_BAR, _MEMORY_BAR_MB, _DOUBLE_BAR = 0.25, 0.6, 3072, 2.1
# Tables that a scan writes, and those that the synthetic utility's subjects are copied to.
_SCANNED: Final = 'finding, "case", scan_run'
_SUBJECTS: Final = "district, distribution_transformer, customer, usage_point"


def run(report: Report) -> None:
    settings = _settings(_CUSTOMERS)
    server = EmbeddedServer(settings)
    was_running = server.is_running()
    server.start()
    try:
        _apart(_prepare, _CUSTOMERS)
        size = f"{_CUSTOMERS:,} customers"
        anchors, signals = [], []
        with _Signals(settings) as ours:
            for number in range(_RUNS):
                seconds, expected = _apart(_anchor, _CUSTOMERS, number == 0)
                anchors.append(seconds)
                seconds, met = ours.run()
                signals.append(seconds)
                _compare(expected, met)
                if number == 0:
                    ours.compare(_signals_file(settings))
        scans = [_apart(_scan, _CUSTOMERS) for _ in range(_RUNS)]
        anchor = statistics.median(anchors)
        _time(report, f"signals of {size}", statistics.median(signals), anchor, _SIGNALS_BAR)
        whole = statistics.median(seconds for seconds, _ in scans)
        _time(report, f"scan of {size}", whole, anchor, _SCAN_BAR)
        memory = max(megabytes for _, megabytes in scans)
        report.line(
            f"memory of the scan of {size}",
            memory,
            "MiB",
            None,
            None,
            f"<= {_MEMORY_BAR_MB}",
            memory <= _MEMORY_BAR_MB,
        )
    finally:
        if not was_running:
            server.stop()
    if os.environ.get("FULL") == "1":
        _double(report, whole)


def _double(report: Report, single: float) -> None:
    customers = 2 * _CUSTOMERS
    server = EmbeddedServer(_settings(customers))
    was_running = server.is_running()
    server.start()
    try:
        _apart(_prepare, customers)
        seconds = statistics.median(_apart(_scan, customers)[0] for _ in range(_RUNS))
    finally:
        if not was_running:
            server.stop()
    _time(report, f"scan of {customers:,} customers", seconds, single, _DOUBLE_BAR)


def _time(report: Report, name: str, seconds: float, anchor: float, bar: float) -> None:
    report.line(name, seconds, "s", anchor, seconds / anchor, f"<= {bar}", seconds / anchor <= bar)


def _settings(customers: int) -> Settings:
    # Neither a database nor a scheduler of the environment: the tables are emptied.
    home = Path(os.environ.get("BENCH_HOME") or Path(tempfile.gettempdir()) / "tarazu-bench")
    return get_settings(
        home=home / f"bench-{customers}",
        panel_months=duckdb_anchor.PANEL_MONTHS,
        database_url=None,
        dask_scheduler=None,
    )


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _prepare(customers: int) -> None:
    """The lake of that size with its subjects in the database, and its long form, unless they are there."""
    settings = _settings(customers)
    asyncio.run(upgrade(settings))
    if not asyncio.run(_is_built(settings, customers)):
        print(f"building the lake of {customers:,} customers…", file=sys.stderr)
        asyncio.run(_execute(settings, f"TRUNCATE {_SUBJECTS} RESTART IDENTITY CASCADE"))
        synthetic_lake.build(settings, customers, months=settings.panel_months)
    manifest = require_manifest(settings.lake_directory)
    folder = _long_form(settings)
    mark, generation = folder / "generation", f"{manifest.generation}-{duckdb_anchor.LONG_FORM}"
    if not mark.exists() or mark.read_text() != generation:
        duckdb_anchor.write_long_form(settings.lake_directory, manifest, folder)
        mark.write_text(generation)


def _long_form(settings: Settings) -> Path:
    return settings.home / "long"


def _signals_file(settings: Settings) -> Path:
    return settings.home / "signals.arrow"


async def _is_built(settings: Settings, customers: int) -> bool:
    mark = settings.lake_directory / "bench.json"
    if not mark.exists() or json.loads(mark.read_text())["customers"] != customers:
        return False
    points = require_manifest(settings.lake_directory).points
    return bool(await _execute(settings, "SELECT count(*) FROM usage_point") == points)


async def _execute(settings: Settings, statement: str) -> Any:
    engine = create_engine(settings, application_name="tarazu benchmark", pool_size=1)
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        value = result.scalar() if result.returns_rows else None
    await engine.dispose()
    return value


class _Day:
    """What a scan of the lake's last day is told."""

    def __init__(self, manifest: Manifest) -> None:
        self.as_of = dt.date.fromisoformat(manifest.last_day)
        self.last_month = month_number(self.as_of - dt.timedelta(days=1))
        self.site: Site = load_site(self.as_of)

    def read(self, folder: Path, bucket_last_month: int, *, only_debts: bool = False) -> PointBatch:
        return read_bucket(
            folder,
            last_month=self.last_month,
            bucket_last_month=bucket_last_month,
            as_of=self.as_of,
            site=self.site,
            only_debts=only_debts,
        )


def _rules() -> list[Rule]:
    return [rule for rule in load_catalogue().active("usage_point") if rule.id in duckdb_anchor.RULES]


def _anchor(customers: int, keep: bool) -> tuple[float, dict[str, Ints]]:
    """`keep`: leave its signals in a file."""
    settings = _settings(customers)
    day = _Day(require_manifest(settings.lake_directory))
    seconds, met, signals = duckdb_anchor.run_anchor(
        _long_form(settings), _rules(), day.as_of, day.last_month, day.site, with_signals=keep
    )
    if signals is not None:
        with (
            pa.OSFile(str(_signals_file(settings)), "wb") as file,
            pa.ipc.new_file(file, signals.schema) as out,
        ):
            out.write_table(signals.combine_chunks())
    return seconds, met


def _scan(customers: int) -> tuple[float, int]:
    """(seconds, MiB) of a scan that finds no earlier cases."""
    settings, catalogue = _settings(customers), load_catalogue()
    asyncio.run(_execute(settings, f"TRUNCATE {_SCANNED} RESTART IDENTITY CASCADE"))
    began = time.monotonic()
    summary = asyncio.run(scan(settings, catalogue))
    seconds = time.monotonic() - began
    assert not summary.failed_buckets
    assert not summary.by_reference
    assert summary.cases_opened > 0
    return seconds, summary.peak_rss_mb


class _Signals:
    """Both passes of a scan up to the screen, in as many processes as the anchor has threads."""

    def __init__(self, settings: Settings) -> None:
        manifest = require_manifest(settings.lake_directory)
        day, lake = _Day(manifest), settings.lake_directory
        self._tasks = [(day, lake / bucket.folder, bucket.last_month) for bucket in manifest.bucket.values()]
        self._rules = _rules()
        self._pool = multiprocessing.get_context("spawn").Pool(duckdb_anchor.THREADS)
        self._peers: PeerGroups | None = None

    def __enter__(self) -> Self:
        # Twice as many tasks as processes: all of them have started and imported what they need.
        self._pool.map(_histogram, self._tasks[: 2 * duckdb_anchor.THREADS], chunksize=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()
        self._pool.join()

    def run(self) -> tuple[float, dict[str, Ints]]:
        began = time.monotonic()
        peers = self._peers = peer_groups(
            *merge_histograms(self._pool.map(_histogram, self._tasks, chunksize=1))
        )
        jobs = [(*task, peers, self._rules) for task in self._tasks]
        parts = self._pool.map(_meet, jobs, chunksize=1)
        seconds = time.monotonic() - began
        return seconds, {
            rule.id: np.sort(np.concatenate([part[i] for part in parts]))
            for i, rule in enumerate(self._rules)
        }

    def compare(self, expected: Path) -> None:
        """All signals of all points with the anchor's, with the peers of the last run."""
        jobs = [(*task, self._peers, self._rules, expected) for task in self._tasks]
        found = [line for lines in self._pool.map(_differ, jobs, chunksize=1) for line in lines]
        if found:
            shown = "\n".join(found[:50])
            raise AssertionError(f"the kernels' signals are not DuckDB's, by bucket:\n{shown}")


def _histogram(task: tuple[_Day, Path, int]) -> tuple[Ints, Ints]:
    day, folder, last_month = task
    return peer_histogram(day.read(folder, last_month, only_debts=True))


def _meet(task: tuple[_Day, Path, int, PeerGroups, list[Rule]]) -> list[Ints]:
    day, folder, last_month, peers, rules = task
    batch = replace(day.read(folder, last_month), peers=peers)
    candidates = screen(compute(batch, rules), rules)
    ids = batch.usage_point_id[candidates.rows]
    return [ids[met] for met in candidates.by_rule]


def _differ(task: tuple[_Day, Path, int, PeerGroups | None, list[Rule], Path]) -> list[str]:
    day, folder, last_month, peers, rules, expected = task
    batch = replace(day.read(folder, last_month), peers=peers)
    with pa.memory_map(str(expected)) as file:
        return signal_values.differences(compute(batch, rules), pa.ipc.open_file(file).read_all())


def _compare(expected: dict[str, Ints], met: dict[str, Ints]) -> None:
    """Both must say the same: a benchmark of two different answers measures nothing."""
    wrong = {
        rule: (np.setdiff1d(ids, met[rule]).tolist()[:5], np.setdiff1d(met[rule], ids).tolist()[:5])
        for rule, ids in expected.items()
        if not np.array_equal(ids, met[rule])
    }
    if wrong:
        raise AssertionError(f"rule → points that only DuckDB, only the screen says: {wrong}")
