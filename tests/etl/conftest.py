"""A small synthetic utility in PostgreSQL, imported once and copied for each test, and work that can be killed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import dask
import polars as pl
import pytest
from adbc_driver_postgresql import dbapi
from distributed import LocalCluster

from etl.arrivals.worker import work
from etl.importer import run_import
from etl.lake.snapshot import snapshot
from etl.scan.run import ScanSummary, scan
from etl.synth import write_utility
from rules.loader import load_catalogue
from tarazu.database import EmbeddedServer, libpq_uri
from tarazu.models.enums import ScanKind
from tarazu.settings import Settings

ROOT = Path(__file__).parents[2]
# Few buckets and workers: the tests are about what happens, not how fast. The bills end in the past on any day.
SMALL: dict[str, Any] = {"lake_buckets": 4, "dask_workers": 2, "company_code": "999"}
UTILITY_END = dt.date(2025, 9, 23)

Sql = Callable[..., list[tuple[Any, ...]]]


def _run_sql(uri: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return list(cursor.fetchall()) if cursor.description else []


def _copy_database(server: EmbeddedServer, template: str, name: str) -> None:
    _run_sql(server.uri(), f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")


def _drop_database(server: EmbeddedServer, name: str) -> None:
    _run_sql(server.superuser_uri(), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def utility_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the utility; `truth.csv` says what was planted."""
    folder = tmp_path_factory.mktemp("utility")
    write_utility(folder, customers=200, seed=3, end=UTILITY_END)
    return folder


@pytest.fixture(scope="session")
def truth(utility_folder: Path) -> pl.DataFrame:
    return pl.read_csv(utility_folder / "truth.csv", infer_schema=False)


@pytest.fixture(scope="session")
async def utility_template(
    database_server: EmbeddedServer,
    template_database: str,
    settings_for: Callable[..., Settings],
    utility_folder: Path,
) -> AsyncIterator[str]:
    """The name of a database with the utility in it, to copy."""
    name = f"utility_{uuid.uuid4().hex}"
    _copy_database(database_server, template_database, name)
    imported = await run_import(settings_for(name), "billing_fa", [str(utility_folder)])
    assert imported.state == "succeeded"
    yield name
    _drop_database(database_server, name)


@pytest.fixture(scope="session")
def dask_scheduler() -> Iterator[str]:
    """Two workers for all scans that are about what is found, as on a company's cluster: starting them takes 2 s."""
    quiet = {
        "distributed.worker.daemon": True,
        "distributed.admin.system-monitor.gil.enabled": False,
        "distributed.scheduler.worker-ttl": None,
        "distributed.scheduler.no-workers-timeout": "300s",
    }
    with (
        dask.config.set(quiet),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            silence_logs=50,
            memory_limit=0,
        ) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def small_settings_for(
    settings_for: Callable[..., Settings], dask_scheduler: str
) -> Callable[[str], Settings]:
    return lambda database: settings_for(database, **SMALL, dask_scheduler=dask_scheduler)


@pytest.fixture(scope="session")
async def scanned(
    database_server: EmbeddedServer, utility_template: str, small_settings_for: Callable[[str], Settings]
) -> AsyncIterator[tuple[Settings, ScanSummary]]:
    """The utility with its lake and the cases of one undisturbed scan: to read and to copy, not to change."""
    name = f"scanned_{uuid.uuid4().hex}"
    _copy_database(database_server, utility_template, name)
    settings = small_settings_for(name)
    snapshot(settings)
    yield settings, await scan(settings, load_catalogue())
    _drop_database(database_server, name)
    shutil.rmtree(settings.home)


@pytest.fixture
def new_copy(
    database_server: EmbeddedServer, small_settings_for: Callable[[str], Settings]
) -> Iterator[Callable[[str], Settings]]:
    """Makes settings for a fresh copy of the database of that name."""
    made: list[tuple[str, Settings]] = []

    def make(template: str) -> Settings:
        name = f"test_{uuid.uuid4().hex}"
        _copy_database(database_server, template, name)
        made.append((name, small_settings_for(name)))
        return made[-1][1]

    yield make
    for name, settings in made:
        _drop_database(database_server, name)
        shutil.rmtree(settings.home, ignore_errors=True)


@pytest.fixture
def new_utility(new_copy: Callable[[str], Settings], utility_template: str) -> Callable[[], Settings]:
    """Makes settings for one more fresh copy of the utility, without a lake."""
    return lambda: new_copy(utility_template)


@pytest.fixture
def before_scan(new_utility: Callable[[], Settings], scanned: tuple[Settings, ScanSummary]) -> Settings:
    """A copy of the utility with its lake and without a scan."""
    settings = new_utility()
    shutil.copytree(scanned[0].lake_directory, settings.lake_directory)
    return settings


@pytest.fixture
async def judged(before_scan: Settings) -> Settings:
    """A utility whose cases are up to date, by a worker."""
    report = await work(before_scan, once=True)
    assert [summary.kind for summary in report.evaluations] == [ScanKind.ARRIVAL]
    return before_scan


@pytest.fixture
def after_scan(new_copy: Callable[[str], Settings], scanned: tuple[Settings, ScanSummary]) -> Settings:
    """A copy of `scanned` that a test may change."""
    settings = new_copy(scanned[0].home.name)
    shutil.copytree(scanned[0].lake_directory, settings.lake_directory)
    return settings


@pytest.fixture
def utility(new_utility: Callable[[], Settings]) -> Settings:
    return new_utility()


@pytest.fixture
def sql(utility: Settings) -> Sql:
    """Runs one statement on the utility's database, committed; returns its rows."""
    return sql_of(utility)


def sql_of(settings: Settings) -> Sql:
    return lambda statement, *parameters: _run_sql(libpq_uri(settings), statement, *parameters)


@pytest.fixture
def sql_for() -> Callable[[Settings], Sql]:
    return sql_of


@pytest.fixture(scope="session")
def processes() -> BaseContext:
    """Processes that start at once: each is forked from one that has imported the modules and done nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["etl.arrivals.worker", "etl.importer", "tarazu.settings"])
    return context


@pytest.fixture
def run_killed(processes: BaseContext) -> Callable[..., int]:
    """Runs Python code in a process of its own that dies at a named moment; returns its exit code."""

    def run(settings: Settings, code: str, kill_at: str) -> int:
        environment = {
            "TARAZU_HOME": str(settings.home),
            "TARAZU_DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
            **{f"TARAZU_{name.upper()}": str(getattr(settings, name)) for name in (*SMALL, "panel_months")},
            "TARAZU_KILL_AT": kill_at,
        }
        process = processes.Process(target=_execute, args=(code, environment))
        process.start()
        process.join(100)
        assert process.exitcode is not None
        assert process.exitcode <= 0, "it failed before it was killed: see the captured stderr"
        return process.exitcode

    return run


def _execute(code: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    exec(code, {"__name__": "__killed__"})
