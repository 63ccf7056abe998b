"""From a lake to cases: what is found, what is kept of it, and what a later scan does with it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import polars as pl
import pytest

from etl.importer import run_import
from etl.lake.manifest import require_manifest
from etl.lake.snapshot import snapshot
from etl.scan.run import not_evaluated, scan
from rules.loader import load_catalogue
from rules.signals import all_signals
from rules.site import load_site
from tarazu.database import advisory_lock, create_engine
from tarazu.errors import BusyError, NotFoundError

CASES = (
    "SELECT id::text, subject_kind, subject_key, family, state, version, priority, money_at_risk_rial,"
    ' confidence, severity FROM "case" ORDER BY id'
)
FINDINGS = (
    "SELECT f.id::text, f.case_id::text, f.rule_id, f.rule_version, f.parameters::text, f.evidence::text,"
    " f.sentence_fa, f.sentence_en, f.money_at_risk_rial, f.confidence, f.severity, c.subject_key, c.family"
    ' FROM finding f JOIN "case" c ON c.id = f.case_id ORDER BY f.id'
)
CASE = ("id", "kind", "key", "family", "state", "version", "priority", "money", "confidence", "severity")
FINDING = (
    *("id", "case", "rule", "rule_version", "parameters", "evidence", "fa", "en", "money", "confidence"),
    *("severity", "key", "family"),
)
RULES_OF_AGENTS = {rule.id for rule in load_catalogue().rules.values() if rule.subject == "reading_agent"}
# The billing export tells nothing of who read the meters, of revised and self-read bills, of steps of collection and
# of instalments, and no stepped tariff is configured.
NOT_IN_THE_EXPORT = RULES_OF_AGENTS | {"B05", "B07", "B08", "B11", "C03", "C06"}
SEVERITIES = ["low", "medium", "high", "critical"]


def cases_of(sql):
    return [dict(zip(CASE, row, strict=True)) for row in sql(CASES)]


def findings_of(sql):
    return [dict(zip(FINDING, row, strict=True)) for row in sql(FINDINGS)]


@pytest.fixture
def found(scanned, sql_for):
    """(summary, cases, findings) of the undisturbed scan."""
    settings, summary = scanned
    return summary, cases_of(sql_for(settings)), findings_of(sql_for(settings))


# Rules whose planted cases are exact by construction; the others look for a pattern in noisy use.
EXACT = (
    *("T04", "T05", "T06", "T07", "T08", "T12", "T14", "T18", "T19", "T20", "T22", "T23", "T27"),
    *("B01", "B02", "B03", "B04", "B06", "B09", "B10", "B12", "B15", "B17", "B18", "B19", "B20"),
    *("C01", "C02", "C07", "C08", "C09"),
)


@pytest.mark.parametrize("rule", EXACT)
def test_everything_planted_for_a_rule_is_found(truth, found, rule):
    _, _, findings = found
    planted = set(
        truth.filter(pl.col("rule_ids").str.split(" ").list.contains(rule))["subject_key"].to_list()
    )
    reported = {finding["key"] for finding in findings if finding["rule"] == rule}

    assert planted
    assert planted <= reported


def test_the_summary_counts_what_is_in_the_database(found):
    summary, cases, findings = found
    assert summary.cases_opened == len(cases) > 30
    assert summary.findings == summary.findings_new == len(findings) == sum(summary.by_rule.values())
    assert summary.subjects > 200
    assert (summary.failed_buckets, summary.by_reference) == ([], [])
    assert set(summary.not_evaluated) == NOT_IN_THE_EXPORT
    assert all(
        summary.by_rule[rule] == sum(finding["rule"] == rule for finding in findings)
        for rule in summary.by_rule
    )


def test_a_finding_keeps_all_that_explains_it(found):
    rules, signals = load_catalogue().rules, all_signals()
    _, _, findings = found
    for finding in findings:
        rule = rules[finding["rule"]]
        assert finding["rule_version"] == rule.version
        assert finding["family"] == rule.family
        assert json.loads(finding["parameters"]).keys() == rule.parameters.keys()
        evidence = json.loads(finding["evidence"])
        assert {entry["signal"] for entry in evidence} == set(rule.when_signals)
        for entry in evidence:
            assert entry["unit"] == signals[entry["signal"]].fields[entry["field"]].unit
            assert entry["value"] is not None
        assert any("\u0600" <= letter <= "\u06ff" for letter in finding["fa"])
        assert finding["en"]
        assert "{" not in finding["fa"] + finding["en"]


def test_the_rule_of_a_finding_is_kept_as_it_was(scanned, sql_for):
    rules = load_catalogue().rules
    kept = sql_for(scanned[0])("SELECT rule_id, version, content_hash FROM rule_version")
    assert sorted(kept) == sorted((rule.id, rule.version, rule.content_hash) for rule in rules.values())


def test_a_case_measures_its_findings_and_its_priority_is_the_money_one_expects(found):
    _, cases, findings = found
    for case in cases:
        own = [finding for finding in findings if finding["case"] == case["id"]]
        doubt = 1.0
        for finding in own:
            doubt *= 1 - finding["confidence"]
        assert case["money"] == max(finding["money"] for finding in own)
        assert case["severity"] == max((finding["severity"] for finding in own), key=SEVERITIES.index)
        assert case["confidence"] == pytest.approx(1 - doubt, abs=1e-6)
        assert case["priority"] == pytest.approx(case["money"] * case["confidence"])
    assert max(sum(finding["case"] == case["id"] for finding in findings) for case in cases) > 1


def test_a_subject_has_one_case_a_family(found):
    _, cases, _ = found
    assert len({(case["kind"], case["key"], case["family"]) for case in cases}) == len(cases)


async def test_a_second_scan_changes_nothing(after_scan, sql_for):
    sql = sql_for(after_scan)
    before = cases_of(sql), findings_of(sql), sql('SELECT id, updated_at::text FROM "case" ORDER BY id')
    summary = await scan(after_scan, load_catalogue())

    assert (summary.cases_opened, summary.cases_updated, summary.findings_new) == (0, 0, 0)
    assert (cases_of(sql), findings_of(sql)) == before[:2]
    assert sql('SELECT id, updated_at::text FROM "case" ORDER BY id') == before[2]
    assert sql("SELECT DISTINCT ended_scan_run_id FROM finding") == [(None,)]
    assert sql("SELECT state FROM scan_run ORDER BY id") == [("succeeded",), ("succeeded",)]
    assert sql("SELECT tablename FROM pg_tables WHERE schemaname = 'staging'") == []
    assert list(after_scan.runs_directory.iterdir()) == []


async def test_case_ids_are_the_same_on_another_database(database, utility_folder, sql_for, found):
    """Also where surrogate keys differ: ids come from natural keys."""
    settings = database.model_copy(update={"lake_buckets": 3, "dask_workers": 2, "company_code": "999"})
    sql = sql_for(settings)
    for table in ("usage_point", "customer", "invoice", "distribution_transformer"):
        sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 70000)")
    await run_import(settings, "billing_fa", [str(utility_folder)])
    snapshot(settings)
    await scan(settings, load_catalogue())
    _, cases, findings = found

    assert sql("SELECT min(id) FROM usage_point") == [(70001,)]
    assert cases_of(sql) == cases
    assert findings_of(sql) == findings


async def test_a_later_scan_joins_live_cases_and_lets_a_decision_stand_for_its_window(
    after_scan, sql_for, found
):
    summary, cases, _ = found
    sql = sql_for(after_scan)
    next_day = dt.date.fromisoformat(summary.as_of) + dt.timedelta(days=1)
    # Their evidence says how many days a debt is overdue, so that every day has new evidence.
    debts = [case for case in cases if case["family"] == "debt" and case["kind"] == "usage_point"]
    live, decided, late = debts[:3]
    window = after_scan.case_window_days
    for case, days in ((decided, window - 1), (late, window)):
        sql(
            "UPDATE \"case\" SET state = 'dismissed', closed_at = $1::timestamptz WHERE id = $2::uuid",
            f"{next_day - dt.timedelta(days=days)} 12:00+00",
            case["id"],
        )
    later = await scan(after_scan, load_catalogue(), as_of=next_day)

    after = {case["id"]: case for case in cases_of(sql)}
    fresh = {
        case
        for (case,) in sql("SELECT case_id::text FROM finding WHERE first_scan_run_id = $1", later.run_id)
    }
    # The live one takes the evidence, and whoever holds its old version is told.
    assert live["id"] in fresh
    assert (after[live["id"]]["state"], after[live["id"]]["version"]) == ("open", live["version"] + 1)
    # The decision stands; the evidence is there for whoever looks again.
    assert decided["id"] in fresh
    assert after[decided["id"]] == {**decided, "state": "dismissed"}
    # After the window the same loss is a new case, and the old one stays as it was.
    assert late["id"] not in fresh
    assert after[late["id"]] == {**late, "state": "dismissed"}
    [new] = [case for case in after.values() if case["id"] not in {case["id"] for case in cases}]
    assert (new["key"], new["family"], new["state"], new["version"]) == (late["key"], "debt", "open", 1)
    assert new["id"] in fresh
    assert later.cases_opened == 1
    assert later.cases_updated == len(fresh - {decided["id"], new["id"]})
    # Where nothing is new, the version stays.
    unchanged = [case for case in cases if case["id"] not in fresh and case != late]
    assert unchanged
    assert all(after[case["id"]] == case for case in unchanged)


async def test_a_subject_that_is_gone_since_the_snapshot_is_left_out(before_scan, sql_for, found):
    sql = sql_for(before_scan)
    _, cases, _ = found
    gone = next(case for case in cases if case["kind"] == "usage_point")
    sql("UPDATE usage_point SET subscription_no = 'elsewhere' WHERE subscription_no = $1", gone["key"])
    await scan(before_scan, load_catalogue())

    assert [case["id"] for case in cases_of(sql)] == [
        case["id"] for case in cases if (case["kind"], case["key"]) != (gone["kind"], gone["key"])
    ]


async def test_rules_without_their_data_are_named_and_not_silent(new_utility, sql_for):
    settings = new_utility()
    sql = sql_for(settings)
    sql("DELETE FROM end_device_event")
    sql("DELETE FROM transformer_energy")
    snapshot(settings)
    summary = await scan(settings, load_catalogue())

    assert summary.not_evaluated["T14"] == "needs end device events"
    assert summary.not_evaluated["T17"] == "needs energy of transformers"
    assert not {"T14", "T17"} & summary.by_rule.keys()
    assert {"T19", "B02", "C01"} <= summary.by_rule.keys()
    [(kept,)] = sql("SELECT summary FROM scan_run")
    kept = json.loads(kept) if isinstance(kept, str) else kept
    assert kept["not_evaluated"] == summary.not_evaluated


@pytest.mark.parametrize(
    ("lacking", "needs"),
    [
        ("payables", "payable amounts of invoices"),
        ("statuses", "statuses of usage points"),
        ("transformer_energy", "energy of transformers"),
        ("bills", "invoices"),
        ("events", "end device events"),
        ("bill_ids", "bill ids of invoices"),
        ("registers", "register indexes of invoices"),
        ("period_starts", "first days of billing periods"),
        ("contracts", "contracted power of usage points"),
        ("reactive", "reactive energy of invoices"),
        ("demands", "read demand of invoices"),
        ("licences", "licence dates of usage points"),
        ("inspections", "results of inspections"),
        ("inspection_notes", "notes of inspections"),
        ("export_registers", "readings of export registers"),
        ("interval_energy", "energy by interval"),
        ("phase_currents", "currents by phase"),
        ("phase_voltages", "voltages by phase"),
    ],
)
def test_what_a_lake_lacks_names_the_rules_that_need_it(scanned, lacking, needs):
    manifest = require_manifest(scanned[0].lake_directory)
    catalogue = load_catalogue()
    site = load_site(dt.date(2026, 9, 23))
    whole = not_evaluated(catalogue, manifest, site)
    assert set(whole) == NOT_IN_THE_EXPORT

    buckets = {
        number: dataclasses.replace(bucket, facts=[fact for fact in bucket.facts if fact != lacking])
        for number, bucket in manifest.bucket.items()
    }
    has_energy = manifest.has_transformer_energy and lacking != "transformer_energy"
    without = dataclasses.replace(manifest, bucket=buckets, has_transformer_energy=has_energy)
    missing = not_evaluated(catalogue, without, site)
    assert any(needs in reason for rule, reason in missing.items() if rule not in whole)


async def test_without_a_lake_the_scan_says_what_to_do(database):
    with pytest.raises(NotFoundError, match="tarazu snapshot"):
        await scan(database, load_catalogue())


async def test_two_scans_at_once_are_refused(before_scan, sql_for):
    engine = create_engine(before_scan)
    try:
        async with advisory_lock(engine, "scan"):
            with pytest.raises(BusyError):
                await scan(before_scan, load_catalogue())
    finally:
        await engine.dispose()
    assert sql_for(before_scan)("SELECT count(*) FROM scan_run") == [(0,)]


async def test_a_finding_that_is_not_found_any_more_has_ended_and_comes_back(after_scan, sql_for):
    sql = sql_for(after_scan)
    [(point, owed)] = sql(
        "SELECT c.usage_point_id, count(*) FROM finding f JOIN \"case\" c ON c.id = f.case_id WHERE c.family = 'debt'"
        " AND c.usage_point_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    )
    held = (
        'SELECT f.ended_scan_run_id FROM finding f JOIN "case" c ON c.id = f.case_id'
        " WHERE c.family = 'debt' AND c.usage_point_id = $1"
    )
    sql("CREATE TABLE kept AS SELECT id, payable_rial FROM invoice WHERE usage_point_id = $1", point)
    # The source takes the debts back, then says them again.
    sql("UPDATE invoice SET payable_rial = NULL WHERE usage_point_id = $1", point)
    snapshot(after_scan)
    gone = await scan(after_scan, load_catalogue())
    assert sql(held, point) == [(gone.run_id,)] * owed
    [(state,)] = sql("SELECT state FROM \"case\" WHERE family = 'debt' AND usage_point_id = $1", point)
    assert state == "open"

    sql("UPDATE invoice i SET payable_rial = k.payable_rial FROM kept k WHERE k.id = i.id")
    snapshot(after_scan)
    back = await scan(after_scan, load_catalogue())
    assert sql(held, point) == [(None,)] * owed
    assert (back.cases_opened, back.findings_new) == (0, 0)
    sql("DROP TABLE kept")
