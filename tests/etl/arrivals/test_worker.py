"""A worker that is killed at any moment, told to stop, or held up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from etl.arrivals.queue import enqueue_evaluation, open_queue
from etl.arrivals.worker import work
from etl.scan.run import scan
from rules.loader import load_catalogue
from tarazu.database import advisory_lock, create_engine
from tarazu.errors import BusyError

ROOT = Path(__file__).parents[3]
WORK_ONCE = """
import asyncio
from etl.arrivals.worker import work
from tarazu.settings import get_settings
asyncio.run(work(get_settings(), once=True))
"""
WORK = WORK_ONCE.replace(", once=True", "")

CASES = (
    "SELECT id::text, subject_kind, subject_key, family, state, version, severity, confidence, energy_at_risk_kwh,"
    ' money_at_risk_rial, priority, opened_on::text FROM "case" ORDER BY id'
)
FINDINGS = (
    "SELECT id::text, case_id::text, rule_id, evidence::text, sentence_fa, sentence_en, ended_scan_run_id IS NULL"
    " FROM finding ORDER BY id"
)
JOBS = "SELECT status::text FROM arrivals.pgqueuer"
MOMENTS = (
    *("arrival.picked", "arrival.begun", "snapshot.read", "snapshot.built", "snapshot.published"),
    *("arrival.snapshot", "scan.staged", "scan.opened", "scan.findings", "scan.merged", "scan.committed"),
    "arrival.evaluated",
)


@asynccontextmanager
async def held(settings, name):
    """The lock of another process."""
    engine = create_engine(settings, pool_size=1)
    async with advisory_lock(engine, name):
        yield
    await engine.dispose()


def content_of(sql):
    return sql(CASES), sql(FINDINGS)


async def test_a_worker_killed_at_each_moment_ends_where_an_undisturbed_one_does(
    before_scan, sql_for, run_killed, scanned
):
    """Killed at one moment after the other, each run going on from what the one before has left."""
    settings, sql = before_scan.model_copy(update={"dask_workers": 1}), sql_for(before_scan)
    for moment in MOMENTS:
        # All buckets are to be built again, so that every moment of a snapshot is reached.
        sql("UPDATE usage_point SET district_id = district_id")
        assert run_killed(settings, WORK_ONCE, kill_at=moment) == -signal.SIGKILL, moment
        assert sql(JOBS) == [("picked",)], moment

    report = await work(settings, once=True)

    assert report.failures == []
    assert sql(JOBS) == []
    assert content_of(sql) == content_of(sql_for(scanned[0]))
    assert sql("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []
    before = content_of(sql)
    summary = await scan(settings, load_catalogue())
    assert (summary.cases_opened, summary.cases_updated, summary.findings_new) == (0, 0, 0)
    assert content_of(sql) == before


async def test_many_requests_are_one_job_and_one_that_comes_while_it_runs_is_another(database):
    for _ in range(5):
        await enqueue_evaluation(database)
    async with open_queue(database, "test") as queue:
        (row,) = await queue.queries.driver.fetch("SELECT id FROM arrivals.pgqueuer")
        await queue.give_key_away(row["id"])
        for _ in range(5):
            await queue.enqueue()
        status = await queue.status()
    assert (status.waiting, status.running, status.failed_attempts) == (2, 0, 0)


async def test_a_scan_that_holds_the_lock_is_waited_for_and_the_failure_is_told(before_scan, sql_for):
    async with held(before_scan, "scan"):
        with pytest.raises(BusyError, match="scan is already running"):
            await work(before_scan, once=True)
    async with open_queue(before_scan, "test") as queue:
        status = await queue.status()
    assert (status.waiting, status.failed_attempts) == (1, 1)
    assert status.last_error is not None
    assert "scan is already running" in status.last_error

    report = await work(before_scan, once=True)
    assert len(report.evaluations) == 1
    assert sql_for(before_scan)(JOBS) == []


async def test_an_evaluation_that_fails_is_told_in_the_row_of_its_run(before_scan, sql_for, monkeypatch):
    async def fail(*_: object) -> None:
        raise RuntimeError("the disk is full of sand")

    monkeypatch.setattr("etl.scan.run._Scan._run", fail)
    with pytest.raises(RuntimeError, match="sand"):
        await work(before_scan, once=True)
    assert sql_for(before_scan)("SELECT kind, state, summary ->> 'error' FROM scan_run") == [
        ("arrival", "failed", "the disk is full of sand")
    ]


async def test_two_workers_do_not_work_on_one_database(database):
    async with held(database, "worker"):
        with pytest.raises(BusyError, match="worker is already running"):
            await work(database, once=True)


def test_a_running_worker_evaluates_what_is_written_and_ends_at_sigterm(before_scan, sql_for):
    sql = sql_for(before_scan)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "platform"))),
        "TARAZU_HOME": str(before_scan.home),
        "TARAZU_DATABASE_URL": before_scan.database_url.get_secret_value(),
        "TARAZU_LAKE_BUCKETS": "4",
        "TARAZU_DASK_WORKERS": "1",
        "TARAZU_COMPANY_CODE": "999",
        "TARAZU_ARRIVAL_DELAY_SECONDS": "0",
    }
    with subprocess.Popen(
        [sys.executable, "-c", WORK], env=environment, cwd=ROOT, stderr=subprocess.PIPE
    ) as worker:
        try:
            wait_for(sql, 1)
            sql("UPDATE invoice SET consumption_kwh = 0 WHERE id = (SELECT max(id) FROM invoice)")
            wait_for(sql, 2)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(60) == 0, worker.stderr.read() if worker.stderr else ""
        finally:
            worker.kill()
    assert sql("SELECT DISTINCT kind, state FROM scan_run") == [("arrival", "succeeded")]
    assert sql(JOBS) == []


def wait_for(sql, runs):
    until = time.monotonic() + 90
    while sql("SELECT count(*) FROM scan_run WHERE state = 'succeeded'")[0][0] < runs:
        assert time.monotonic() < until, sql("SELECT kind, state, summary FROM scan_run")
        time.sleep(0.2)


async def test_the_tables_of_the_queue_are_those_that_the_installed_release_expects(database):
    async with open_queue(database, "test") as queue:
        plan = await queue.queries.plan_upgrade()
    assert list(plan.statements) == []


def test_the_process_of_the_api_holds_no_consumer_of_the_queue():
    code = (
        "import sys, tarazu.app, graphql_api.schema\n"
        "held = [name for name in sys.modules if name.startswith(('pgqueuer', 'etl.arrivals'))]\n"
        "assert not held, held\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "platform")))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
