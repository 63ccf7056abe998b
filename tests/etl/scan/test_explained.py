"""A run of customers' anomalies that an agent's anomaly explains: the agent's case carries them, until he is cleared."""

from __future__ import annotations

import datetime as dt

import pytest

from etl.arrivals.worker import work
from etl.importer import run_import
from etl.lake.manifest import require_manifest
from etl.lake.snapshot import snapshot
from etl.lake.visits import read_contractors
from etl.scan.run import scan
from rules.batch import day_number
from rules.loader import load_catalogue
from rules.site import load_site
from tarazu.cli.cases import _explain

# The findings about the customer, with what their case makes of them.
OF_CUSTOMER = (
    "SELECT f.rule_id, a.agent_no, c.confidence, c.money_at_risk_rial, c.priority, c.case_no"
    ' FROM finding f JOIN "case" c ON c.id = f.case_id LEFT JOIN reading_agent a ON a.id = f.explained_by_agent_id'
    " WHERE c.family = 'theft' AND c.subject_key = $1 AND f.ended_scan_run_id IS NULL ORDER BY 1"
)
RESTING = {"T01", "T02", "T13", "T15"}
AGENTS, EACH = 8, 30


def write_visits(folder, points, customer, last_day):
    """Each month of a year all agents read some points; agent 3 alone, who reads the customer, notes half as unchanged."""
    (folder / "reading_agent.csv").write_text("agent_no\n" + "".join(f"A{n}\n" for n in range(AGENTS)))
    lines = ["subscription_no,agent_no,read_on,consumption_kwh"]
    for month in range(11):
        day = last_day - dt.timedelta(days=30 * month + 5)
        for n, point in enumerate(points[: AGENTS * EACH]):
            agent = 3 if point == customer else n % AGENTS
            unchanged = agent == 3 and (point == customer or n % 16 == 3)
            lines.append(f"{point},A{agent},{day},{0 if unchanged else 100 + (n * 7 + month * 13) % 91}")
    (folder / "reading_visit.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
async def visited(before_scan, sql_for, truth, tmp_path):
    """(settings, number of a customer of whom a whole year's readings are in doubt)."""
    settings = before_scan
    sql = sql_for(settings)
    customer = truth.filter(truth["kind"] == "bypass_to_zero")["subject_key"][0]
    points = [row[0] for row in sql("SELECT subscription_no FROM usage_point ORDER BY id")]
    last_day = dt.date.fromisoformat(require_manifest(settings.lake_directory).last_day)
    write_visits(tmp_path, points, customer, last_day)
    imported = await run_import(settings, "tarazu", [str(tmp_path)])
    assert imported.total.quarantined == 0
    return settings, customer


async def test_what_rests_on_doubtful_readings_is_carried_by_the_agents_case_until_he_is_cleared(
    visited, sql_for
):
    settings, customer = visited
    sql = sql_for(settings)
    await work(settings, once=True)
    found = sql(OF_CUSTOMER, customer)
    explained = {rule for rule, agent, *_ in found if agent == "A3"}
    assert "T01" in explained
    assert explained == RESTING & {rule for rule, *_ in found}
    # Nobody is sent there for them: what is left of the case is what does not rest on these readings.
    alone = {rule for rule, *_ in found} == explained
    assert {(confidence > 0, money > 0, priority > 0) for *_, confidence, money, priority, _ in found} == {
        (not alone,) * 3
    }
    ((number,),) = sql("SELECT case_no FROM \"case\" WHERE subject_key = 'A3' AND family = 'reading'")
    said = await _explain(settings, str(number))
    assert {"T01", "A07"} & {finding["ruleId"] for finding in said["findings"]} == {"A07"}
    carried = {(one["subjectKey"], one["ruleId"]) for one in said["carries"]}
    assert {(customer, rule) for rule in explained} <= carried
    assert (await _explain(settings, str(found[0][5])))["carries"] == []

    sql(
        "UPDATE \"case\" SET state = 'dismissed', dismiss_reason = 'other', closed_at = (SELECT max(as_of) FROM scan_run)"
        " WHERE subject_key = 'A3'"
    )
    await work(settings, once=True)
    after = sql(OF_CUSTOMER, customer)
    assert {row[0] for row in after} == {row[0] for row in found}
    assert {row[1] for row in after} == {None}
    assert all(confidence > 0 and money > 0 and priority > 0 for *_, confidence, money, priority, _ in after)
    assert (await _explain(settings, str(number)))["carries"] == []

    again = await scan(settings, load_catalogue())
    assert (again.cases_opened, again.cases_updated, again.findings_new) == (0, 0, 0)
    assert sql(OF_CUSTOMER, customer) == after


def test_contractors_are_read_from_the_lake(visited):
    settings, _ = visited
    snapshot(settings)
    manifest = require_manifest(settings.lake_directory)
    day = dt.date.fromisoformat(manifest.last_day)
    batch = read_contractors(
        settings.lake_directory / manifest.visits, as_of=day_number(day), site=load_site(day)
    )
    # Nobody's contractor is known: all are the company's own people.
    assert list(batch.agent_no) == [""]
    assert batch.visits.tolist() == [11 * min(AGENTS * EACH, 200)]
