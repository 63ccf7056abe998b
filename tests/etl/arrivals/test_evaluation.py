"""What is evaluated on arrival equals what a scan of everything finds."""

from __future__ import annotations

import random

import pytest

from etl.arrivals.worker import work
from etl.lake.manifest import require_manifest
from etl.lake.snapshot import snapshot
from etl.scan.run import evaluate_arrivals, scan
from rules.loader import load_catalogue

CASES = (
    "SELECT id::text, subject_kind, subject_key, family, state, version, severity, confidence, energy_at_risk_kwh,"
    ' money_at_risk_rial, priority, opened_on::text, updated_at::text FROM "case" ORDER BY id'
)
FINDINGS = (
    "SELECT id::text, case_id::text, rule_id, evidence::text, sentence_fa, sentence_en, money_at_risk_rial,"
    " ended_scan_run_id FROM finding ORDER BY id"
)
# Without what differs by the number and time of runs.
FINDINGS_OF_COPIES = (
    "SELECT f.id::text, case_id::text, rule_id, evidence::text, sentence_fa, sentence_en, f.money_at_risk_rial,"
    " f.ended_scan_run_id IS NULL, c.state, c.severity, c.confidence, c.priority, c.opened_on::text, c.version"
    ' FROM finding f JOIN "case" c ON c.id = f.case_id ORDER BY f.id'
)

LATEST_DAY = "(SELECT max(period_end) FROM invoice WHERE period_end <= current_date)"
# One point of a bucket class; the seed says which.
POINT = "(SELECT id FROM usage_point ORDER BY md5(id || '{seed}') LIMIT 1)"
POINT_WITH_BILLS = (
    "(SELECT usage_point_id FROM invoice GROUP BY 1 ORDER BY md5(usage_point_id || '{seed}') LIMIT 1)"
)

# Each as the API or an import writes it: rows of the graph, with the triggers that follow.
CHANGES = {
    "a bill that is ten times as high": (
        "UPDATE invoice SET consumption_kwh = consumption_kwh * 10 WHERE id = (SELECT id FROM invoice WHERE usage_point_id = "
        f"{POINT_WITH_BILLS} ORDER BY period_end DESC LIMIT 1)"
    ),
    "bills that fall to nothing": (
        f"UPDATE invoice SET consumption_kwh = 0 WHERE usage_point_id = {POINT_WITH_BILLS}"
        f" AND period_end > {LATEST_DAY} - 200"
    ),
    "an event of a meter": (
        "INSERT INTO end_device_event (meter_id, kind, occurred_at) SELECT meter_id, 'magnetic_field',"
        f" {LATEST_DAY}::timestamptz - interval '90 days' FROM meter_installation ORDER BY md5(id || '{{seed}}') LIMIT 1"
    ),
    "a debt that is not paid": (
        "DELETE FROM payment_allocation WHERE invoice_id IN (SELECT id FROM invoice WHERE usage_point_id = "
        f"{POINT_WITH_BILLS})"
    ),
    "a cut that is noted": (
        "INSERT INTO usage_point_status (usage_point_id, kind, valid_from)"
        f" VALUES ({POINT}, 'disconnected', {LATEST_DAY} - 150)"
    ),
    "a payment that settles no bill": (
        "INSERT INTO payment (payment_no, usage_point_id, paid_on, amount_rial)"
        f" VALUES ('arrived-{{seed}}', {POINT}, {LATEST_DAY} - 200, 90000000)"
    ),
    "an inspection that found theft": (
        "INSERT INTO inspection (inspection_no, usage_point_id, inspected_on, outcome, unregistered_energy_kwh)"
        f" VALUES ('arrived-{{seed}}', {POINT}, {LATEST_DAY} - 20, 'theft', 5000)"
    ),
    "a new bill": (
        "INSERT INTO invoice (usage_point_id, installation_id, invoice_no, period_start, period_end, consumption_kwh,"
        " previous_index, current_index, multiplier) SELECT usage_point_id, installation_id, 'arrived-{seed}',"
        f" least(period_end, {LATEST_DAY} - 1), {LATEST_DAY}, 1, current_index, current_index + 1, multiplier"
        f" FROM invoice WHERE usage_point_id = {POINT_WITH_BILLS} ORDER BY period_end DESC LIMIT 1"
    ),
    "readers' visits": (
        "WITH agent AS (INSERT INTO reading_agent (agent_no) VALUES ('arrived-{seed}') RETURNING id)"
        " INSERT INTO reading_visit (usage_point_id, agent_id, read_on, consumption_kwh)"
        f" SELECT p.id, agent.id, {LATEST_DAY} - (p.id % 20)::int - 1, 10 * (p.id % 9 + 1) FROM agent, usage_point p"
    ),
    "a later reading of the whole utility": (
        f"UPDATE invoice SET period_end = {LATEST_DAY} + 1 WHERE id = (SELECT id FROM invoice WHERE usage_point_id = "
        f"{POINT_WITH_BILLS} ORDER BY period_end DESC LIMIT 1)"
    ),
}


def state_of(sql):
    return sql(CASES), sql(FINDINGS)


async def assert_the_next_scan_changes_nothing(settings, sql):
    before = state_of(sql)
    assert all(len(rows) > 30 for rows in before)
    summary = await scan(settings, load_catalogue())
    assert (summary.cases_opened, summary.cases_updated, summary.findings_new) == (0, 0, 0)
    assert state_of(sql) == before
    return summary


@pytest.mark.parametrize("change", CHANGES)
async def test_after_an_arrival_the_next_scan_of_everything_changes_nothing(judged, sql_for, change):
    sql = sql_for(judged)
    for seed in range(3):
        sql(CHANGES[change].format(seed=seed))
    (summary,) = (await work(judged, once=True)).evaluations
    assert summary.buckets_evaluated > 0
    await assert_the_next_scan_changes_nothing(judged, sql)


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_any_arrivals_cases_are_those_of_a_scan_of_a_copy(judged, sql_for, new_copy, seed):
    sql, chosen = sql_for(judged), random.Random(seed)
    for step in range(2):
        for change in chosen.sample(sorted(CHANGES), 2):
            sql(CHANGES[change].format(seed=f"{seed}-{step}"))
        copied = new_copy(judged.home.name)
        await work(judged, once=True)
        snapshot(copied)
        await scan(copied, load_catalogue())
        assert sql(FINDINGS_OF_COPIES) == sql_for(copied)(FINDINGS_OF_COPIES)
    await assert_the_next_scan_changes_nothing(judged, sql)


async def test_where_nothing_arrived_no_run_is_recorded(judged, sql_for):
    runs = sql_for(judged)("SELECT count(*) FROM scan_run")
    report = await work(judged, once=True)
    assert (report.evaluations, report.without_news) == ([], 1)
    assert sql_for(judged)("SELECT count(*) FROM scan_run") == runs


async def test_only_the_touched_bucket_is_evaluated_where_the_others_are_judged_by_the_same(judged, sql_for):
    sql = sql_for(judged)
    bucket_class = sql("SELECT bucket_class FROM usage_point WHERE id = " + POINT.format(seed=1))[0][0]
    sql(
        CHANGES["an event of a meter"]
        .format(seed=1)
        .replace(
            "FROM meter_installation",
            f"FROM meter_installation WHERE usage_point_id = {POINT.format(seed=1)}",
        )
    )
    (summary,) = (await work(judged, once=True)).evaluations
    manifest = require_manifest(judged.lake_directory)
    touched = manifest.bucket[str(bucket_class % manifest.buckets)]
    assert (summary.buckets_evaluated, summary.buckets_standing) == (1, 3)
    assert summary.subjects == touched.points
    await assert_the_next_scan_changes_nothing(judged, sql)


async def test_what_a_person_did_to_a_case_is_respected_as_a_scan_would(judged, sql_for):
    """A case is closed, an empty one opened in its place: the findings belong to the open one, though no row changed."""
    sql = sql_for(judged)
    columns = (
        "family, subject_kind, subject_key, usage_point_id, district_id, severity, confidence, energy_at_risk_kwh,"
        " money_at_risk_rial, priority, opened_on, first_scan_run_id"
    )
    ((case,),) = sql("""SELECT id::text FROM "case" WHERE subject_kind = 'usage_point' ORDER BY id LIMIT 1""")
    sql(f"""UPDATE "case" SET state = 'confirmed', closed_at = now() WHERE id = '{case}'""")
    sql(
        f'INSERT INTO "case" (id, {columns}) SELECT gen_random_uuid(), {columns} FROM "case" WHERE id = \'{case}\''
    )
    (summary,) = (await work(judged, once=True)).evaluations
    assert summary.buckets_evaluated == 0
    assert summary.findings_new > 0
    await assert_the_next_scan_changes_nothing(judged, sql)


async def test_statuses_and_exceptions_that_a_company_has_set_hold_on_arrival_too(judged, sql_for):
    sql = sql_for(judged)
    trial = "SELECT c.subject_key FROM finding f JOIN \"case\" c ON c.id = f.case_id WHERE f.rule_id = 'T03'"
    every = trial + " AND f.ended_scan_run_id IS NULL ORDER BY 1"
    trial += " AND f.ended_scan_run_id IS NULL AND f.on_trial ORDER BY 1"
    assert sql(trial) == []
    common = "valid_from, needs_approval, reason, principal_id, principal_name"
    sql(
        f"INSERT INTO rule_status (rule_id, version, status, most_findings, {common})"
        " VALUES ('T03', 1, 'trial', 2, '2020-01-01', false, 'x', 'x', 'x')"
    )
    found = sql(every)
    await work(judged, once=True)
    kept = sql(trial)
    assert (len(kept), len(found)) > (1, 4)
    # Only the bucket of one that is held back is touched: seen alone, it would have room for two.
    ((held_back,), *_) = [row for row in found if row not in kept]
    sql(
        "INSERT INTO end_device_event (meter_id, kind, occurred_at) SELECT meter_id, 'magnetic_field', '2025-06-01'"
        " FROM meter_installation i JOIN usage_point p ON p.id = i.usage_point_id"
        f" WHERE subscription_no = '{held_back}' LIMIT 1"
    )
    await work(judged, once=True)
    assert sql(trial) == kept
    ((key,), _) = kept
    sql(
        f"INSERT INTO rule_exception (rule_id, version, usage_point_id, owner, valid_to, {common}) SELECT 'T03', 1,"
        f" id, 'x', '2025-12-01', '2025-01-01', false, 'x', 'x', 'x' FROM usage_point WHERE subscription_no = '{key}'"
    )
    await work(judged, once=True)
    assert (key,) not in sql(trial)
    assert len(sql(trial)) == 2
    await assert_the_next_scan_changes_nothing(judged, sql)


async def test_results_of_another_merge_do_not_stand(judged, sql_for):
    """Files that do not belong to the newest merge, as after a backup or a scan elsewhere, count for nothing."""
    sql_for(judged)("UPDATE scan_run SET merge_token = gen_random_uuid()")
    summary = await evaluate_arrivals(judged, load_catalogue())
    assert (summary.buckets_evaluated, summary.buckets_standing) == (4, 0)
    assert (summary.cases_opened, summary.findings_new) == (0, 0)


async def test_an_import_is_evaluated_when_it_ends(before_scan, sql_for):
    from etl.arrivals.queue import enqueue_evaluation

    sql = sql_for(before_scan)
    for _ in range(5):
        await enqueue_evaluation(before_scan)
    assert sql("SELECT status::text, entrypoint FROM arrivals.pgqueuer") == [("queued", "evaluate")]
    report = await work(before_scan, once=True)
    assert len(report.evaluations) == 1
    assert sql("SELECT count(*) FROM arrivals.pgqueuer") == [(0,)]
    assert sql("SELECT kind, state FROM scan_run") == [("arrival", "succeeded")]


async def test_with_evaluation_switched_off_nothing_waits(before_scan, sql_for):
    from etl.arrivals.queue import enqueue_evaluation

    await enqueue_evaluation(before_scan.model_copy(update={"evaluate_arrivals": False}))
    assert sql_for(before_scan)("SELECT count(*) FROM arrivals.pgqueuer") == [(0,)]
