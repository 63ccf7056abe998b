"""A scan whose driver or workers die finds the same, once, when it is run again; a bucket that kills is named."""

from __future__ import annotations

import signal

import pyarrow.parquet as pq
import pytest

from etl.lake.manifest import require_manifest
from etl.scan.run import scan
from rules.loader import load_catalogue

SCAN = """
import asyncio
from etl.scan.run import scan
from rules.loader import load_catalogue
from tarazu.settings import get_settings
asyncio.run(scan(get_settings(), load_catalogue()))
"""

# All columns but the numbers of cases and runs and the times.
CASES = (
    "SELECT id::text, family, subject_kind, subject_key, usage_point_id, customer_id, transformer_id, district_id,"
    " state, severity, confidence, energy_at_risk_kwh, money_at_risk_rial, priority, opened_on, closed_at, version"
    ' FROM "case" ORDER BY id'
)
FINDINGS = (
    "SELECT id::text, case_id::text, rule_id, rule_version, severity, confidence, energy_at_risk_kwh,"
    " money_at_risk_rial, evidence_from, evidence_to, invoice_id, parameters::text, evidence::text, sentence_fa,"
    " sentence_en FROM finding ORDER BY id"
)
STATES = "SELECT state FROM scan_run ORDER BY id"


@pytest.fixture
def before_scan(before_scan):
    """With workers of its own, which read what is set for a test."""
    return before_scan.model_copy(update={"dask_scheduler": None})


@pytest.fixture
def content_of(sql_for):
    return lambda settings: (sql_for(settings)(CASES), sql_for(settings)(FINDINGS))


@pytest.fixture
def undisturbed(scanned, content_of):
    content = content_of(scanned[0])
    assert all(len(rows) > 30 for rows in content)
    return content


def assert_only_whole_results(settings):
    for path in settings.runs_directory.glob("*/[!.]*"):
        assert path.suffix == ".parquet"
        pq.read_table(path)


def assert_nothing_remains(settings, sql):
    assert list(settings.runs_directory.iterdir()) == []
    assert sql("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []


async def test_a_scan_killed_at_any_moment_stores_all_or_nothing_and_the_next_one_goes_on(
    before_scan, sql_for, run_killed, content_of, undisturbed
):
    """Killed at one moment after the other, each run going on from what the one before has left."""
    settings, sql = before_scan.model_copy(update={"dask_workers": 1}), sql_for(before_scan)
    for moment in (
        *("scan.evaluated", "scan.staged", "scan.opened", "scan.findings", "scan.merged"),
        "scan.committed",
    ):
        assert run_killed(settings, SCAN, kill_at=moment) == -signal.SIGKILL, moment
        expected = undisturbed if moment == "scan.committed" else ([], [])
        assert content_of(settings) == expected, moment
        assert_only_whole_results(settings)

    again = await scan(settings, load_catalogue())

    assert content_of(settings) == undisturbed
    assert (again.findings, again.findings_new) == (len(undisturbed[1]), 0)
    assert sql(STATES) == [*[("failed",)] * 6, ("succeeded",)]
    assert_nothing_remains(settings, sql)


async def test_a_scan_killed_before_it_stored_anything_is_ended_by_the_next_one(
    before_scan, sql_for, run_killed, content_of, undisturbed
):
    settings, sql = before_scan.model_copy(update={"dask_workers": 1}), sql_for(before_scan)
    assert run_killed(settings, SCAN, kill_at="scan.findings") == -signal.SIGKILL
    again = await scan(settings, load_catalogue())

    assert again.findings == again.findings_new == len(undisturbed[1])
    assert content_of(settings) == undisturbed
    assert sql(STATES) == [("failed",), ("succeeded",)]
    assert_nothing_remains(settings, sql)


@pytest.mark.parametrize("moment", ["scan.bucket!KILL", "scan.found!SEGV"])
async def test_a_worker_that_dies_once_changes_nothing(
    before_scan, sql_for, content_of, undisturbed, monkeypatch, tmp_path, moment
):
    died = tmp_path / "died"
    monkeypatch.setenv("TARAZU_KILL_AT", moment)
    monkeypatch.setenv("TARAZU_KILL_ONCE", str(died))
    summary = await scan(before_scan, load_catalogue())

    assert died.exists()
    assert (summary.failed_buckets, summary.by_reference) == ([], [])
    assert content_of(before_scan) == undisturbed
    assert sql_for(before_scan)(STATES) == [("succeeded",)]
    assert_nothing_remains(before_scan, sql_for(before_scan))


async def test_where_the_engine_always_dies_the_reference_evaluator_finds_the_same(
    before_scan, sql_for, content_of, undisturbed, monkeypatch
):
    monkeypatch.setenv("TARAZU_KILL_AT", "scan.bucket-2.engine!SEGV")
    summary = await scan(before_scan, load_catalogue())

    # Tasks that shared workers with the culprit may have been handed to the reference evaluator too.
    assert 2 in summary.by_reference
    assert summary.failed_buckets == []
    assert content_of(before_scan) == undisturbed
    assert sql_for(before_scan)(STATES) == [("succeeded",)]
    assert_nothing_remains(before_scan, sql_for(before_scan))


async def test_a_bucket_that_always_kills_is_named_and_the_rest_is_done(
    before_scan, sql_for, content_of, undisturbed, monkeypatch
):
    sql = sql_for(before_scan)
    cases, findings = undisturbed
    lost = {key for (key,) in sql("SELECT subscription_no FROM usage_point WHERE bucket_class % 4 = 2")}
    lost_cases = {case[0] for case in cases if case[2] == "usage_point" and case[3] in lost}
    assert lost_cases
    monkeypatch.setenv("TARAZU_KILL_AT", "scan.bucket-2")
    summary = await scan(before_scan, load_catalogue())

    assert summary.failed_buckets == [2]
    assert content_of(before_scan) == (
        [case for case in cases if case[0] not in lost_cases],
        [finding for finding in findings if finding[1] not in lost_cases],
    )
    assert sql(STATES) == [("partial",)]

    monkeypatch.delenv("TARAZU_KILL_AT")
    again = await scan(before_scan, load_catalogue())
    assert again.failed_buckets == []
    assert (
        summary.subjects == again.subjects - require_manifest(before_scan.lake_directory).bucket["2"].points
    )
    assert content_of(before_scan) == undisturbed
    assert sql(STATES) == [("partial",), ("succeeded",)]


async def test_subjects_that_span_buckets_and_always_kill_are_named_too(
    before_scan, sql_for, content_of, undisturbed, monkeypatch
):
    cases, _ = undisturbed
    monkeypatch.setenv("TARAZU_KILL_AT", "scan.transformer")
    summary = await scan(before_scan, load_catalogue())

    assert (summary.failed_buckets, summary.failed_subjects) == ([], ["transformer"])
    assert content_of(before_scan)[0] == [case for case in cases if case[2] != "transformer"]
    assert sql_for(before_scan)(STATES) == [("partial",)]
