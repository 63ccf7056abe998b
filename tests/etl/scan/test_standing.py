"""A status or an exception that a company has set decides of what a scan speaks, and the scan says so."""

from __future__ import annotations

from statistics import mode

import pytest

from etl.scan.run import scan
from etl.scan.simulate import simulate
from rules.loader import load_catalogue

HOLDING = (
    "SELECT c.subject_key, c.district_id, f.money_at_risk_rial, f.on_trial FROM finding f"
    " JOIN \"case\" c ON c.id = f.case_id WHERE f.rule_id = '{}' AND f.ended_scan_run_id IS NULL ORDER BY 1"
)
STATUS = (
    "INSERT INTO rule_status (rule_id, version, status, district_id, most_findings, valid_from, needs_approval,"
    " reason, principal_id, principal_name)"
    " SELECT '{0}', 1 + count(*), '{1}', {2}, {3}, '2020-01-01', {4}, 'x', 'x', 'x' FROM rule_status"
)
EXCEPTION = (
    "INSERT INTO rule_exception (rule_id, version, {0}, owner, valid_from, valid_to, needs_approval, reason,"
    " principal_id, principal_name) SELECT 'T03', 1, {1}, 'billing office', '{2}', '{3}', {4}, 'x', 'x', 'x'"
)


@pytest.mark.parametrize("status", ["draft", "shadow", "deprecated"])
async def test_what_is_no_trial_and_not_stable_opens_nothing_and_shadow_is_counted(
    before_scan, scanned, sql_for, status
):
    found = scanned[1].by_rule["T03"]
    sql = sql_for(before_scan)
    sql(STATUS.format("T03", status, "NULL", "NULL", "false"))
    summary = await scan(before_scan, load_catalogue())
    assert sql(HOLDING.format("T03")) == []
    if status == "shadow":
        money = sum(row[2] for row in sql_for(scanned[0])(HOLDING.format("T03")))
        assert summary.shadow == {"T03": {"findings": found, "money_at_risk_rial": money}}
        assert "T03" not in summary.not_evaluated
        assert simulate(before_scan, load_catalogue(), "T03", []).now.findings == found
    else:
        assert summary.shadow == {}
        assert summary.not_evaluated["T03"] == f"status {status}"


async def test_a_status_that_nobody_approved_changes_nothing(before_scan, scanned, sql_for):
    sql_for(before_scan)(STATUS.format("T03", "draft", "NULL", "NULL", "true"))
    summary = await scan(before_scan, load_catalogue())
    assert summary.by_rule["T03"] == scanned[1].by_rule["T03"]


async def test_a_trial_keeps_to_its_district_and_number_and_its_findings_say_so(after_scan, sql_for):
    sql = sql_for(after_scan)
    before = sql(HOLDING.format("T03"))
    assert {row[3] for row in before} == {False}
    district = mode(row[1] for row in before)
    there = [row for row in before if row[1] == district]
    assert len(there) > 1
    sql(STATUS.format("T03", "trial", district, "NULL", "false"))
    await scan(after_scan, load_catalogue())
    assert sql(HOLDING.format("T03")) == [(key, d, money, True) for key, d, money, _ in there]

    sql(STATUS.format("T03", "trial", district, 1, "false"))
    summary = await scan(after_scan, load_catalogue())
    dearest = min(there, key=lambda row: (-row[2], row[0]))
    assert [row[0] for row in sql(HOLDING.format("T03"))] == [dearest[0]]
    assert (summary.by_rule["T03"], summary.held_back) == (1, {"T03": len(there) - 1})
    assert (await scan(after_scan, load_catalogue())).findings_new == 0

    sql(STATUS.format("T03", "stable", "NULL", "NULL", "false"))
    await scan(after_scan, load_catalogue())
    assert sql(HOLDING.format("T03")) == before


async def test_an_exception_hides_until_its_day_and_is_counted_and_named_when_it_expired(
    after_scan, scanned, sql_for
):
    sql = sql_for(after_scan)
    before = sql(HOLDING.format("T03"))
    point = f"(SELECT id FROM usage_point WHERE subscription_no = '{before[0][0]}')"
    district = before[-1][1]
    sql(EXCEPTION.format("usage_point_id", point, "2025-01-01", "2025-12-01", "false"))
    sql(EXCEPTION.format("district_id", district, "2025-01-01", "2025-12-01", "true"))  # nobody approved it
    expired_on = scanned[1].as_of
    sql(EXCEPTION.format("tariff_class", "'residential'", "2025-01-01", expired_on, "false"))
    summary = await scan(after_scan, load_catalogue())
    assert sql(HOLDING.format("T03")) == before[1:]
    assert list(summary.excepted.values()) == [1]
    (named,) = summary.expired_exceptions
    assert f"T03 class:residential (billing office) until {expired_on}" in named
    assert simulate(after_scan, load_catalogue(), "T03", []).now.findings == len(before)
