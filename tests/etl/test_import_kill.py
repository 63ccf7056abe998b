"""An import killed at any moment and run again ends in the content of an import that nobody disturbed."""

from __future__ import annotations

import asyncio
import random
import signal
import time
import uuid

import adbc_driver_postgresql.dbapi as adbc
import polars as pl
import pytest

from etl.content_hash import content_hash
from etl.importer import run_import
from etl.synth import write_utility
from tarazu.database import create_engine
from tarazu.errors import BusyError

FAULTS = 8
# The moment, and how many files (chunks, for the first) reach it before the one that dies there.
NAMED = [
    f"import.{moment}:{file}"
    for moment, files in {
        "chunk": (1, 8, 9),
        "staged": (1, 3, 9),
        "quarantined": (1, 8, 9, 10),
        "merged": (2, 8, 10),
        "committed": (1, 8, 9),
    }.items()
    for file in files
]
RANDOM = range(9)
SECONDS_TO_NOTICE = 10

IMPORT = """
import asyncio, os
os.environ["TARAZU_KILL_AT"] = kill_at
from etl.importer import run_import
from tarazu.settings import Settings
asyncio.run(run_import(Settings(home=home, database_url=url), "billing_fa", [folder]))
"""


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """The files of a utility with few bills, for speed; some rows will be refused."""
    folder = tmp_path_factory.mktemp("spoilt")
    write_utility(folder, customers=200, seed=5)
    for name in ("invoices.csv", "payments.csv"):
        rows = pl.read_csv(folder / name, infer_schema=False)
        few = rows.filter(pl.col("شماره اشتراک") < "20000040")
        assert 100 < few.height < rows.height
        wrong = few.head(FAULTS).with_columns(pl.lit("۹").alias("شماره اشتراک"))
        pl.concat([few, wrong]).write_csv(folder / name)
    return folder


@pytest.fixture(scope="module")
def start(processes, spoilt):
    """Starts an import in a process of its own, which kills itself at a named moment if one is given."""

    def run(settings, kill_at=""):
        url = settings.database_url.get_secret_value()
        names = {"kill_at": kill_at, "home": settings.home, "url": url, "folder": str(spoilt)}
        process = processes.Process(target=exec, args=(IMPORT, names))
        process.start()
        return process

    return run


@pytest.fixture(scope="module")
async def undisturbed(database_server, template_database, settings_for, start):
    """The content after an import that nobody disturbs, and how many seconds its process took."""

    def administer(uri, statement):
        with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    name = f"undisturbed_{uuid.uuid4().hex}"
    administer(
        database_server.uri(), f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy"
    )
    began = time.monotonic()
    process = start(settings_for(name))
    process.join()
    seconds = time.monotonic() - began
    assert process.exitcode == 0
    content = await hashes(settings_for(name))
    administer(database_server.superuser_uri(), f"DROP DATABASE {name} WITH (FORCE)")
    return content, seconds


async def hashes(settings):
    engine = create_engine(settings)
    try:
        return await content_hash(engine)
    finally:
        await engine.dispose()


async def run_again(settings, folder):
    """The server's process of a killed client holds the lock until it notices: the command may have to be repeated."""
    until = time.monotonic() + SECONDS_TO_NOTICE
    while True:
        try:
            return await run_import(settings, "billing_fa", [folder])
        except BusyError:
            assert time.monotonic() < until, "the lock of the killed import stays"
            await asyncio.sleep(0.1)


async def assert_ends_undisturbed(settings, sql, folder, content):
    summary = await run_again(settings, folder)
    assert summary.state == "succeeded"
    assert summary.total.quarantined >= FAULTS
    assert await hashes(settings) == content
    assert sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'") == [(0,)]
    assert not list(settings.runs_directory.glob("import-*"))
    states = sql("SELECT state FROM import_run ORDER BY id")
    assert states[-1] == ("succeeded",)
    assert ("running",) not in states


@pytest.mark.parametrize("moment", NAMED)
async def test_killed_at_a_named_moment(database, sql_for, start, spoilt, undisturbed, moment):
    process = start(database, moment)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    await assert_ends_undisturbed(database, sql_for(database), spoilt, undisturbed[0])


@pytest.mark.parametrize("seed", RANDOM)
async def test_killed_at_a_random_time(database, sql_for, start, spoilt, undisturbed, seed):
    content, seconds = undisturbed
    # Each in its own part of the import, lest all fall into the longest step.
    delay = seconds * random.Random(seed).uniform(seed, seed + 1) / len(RANDOM)
    process = start(database)
    process.join(delay)
    process.kill()
    process.join()
    assert process.exitcode in {-signal.SIGKILL, 0}  # 0: this time the import was quicker
    await assert_ends_undisturbed(database, sql_for(database), spoilt, content)
