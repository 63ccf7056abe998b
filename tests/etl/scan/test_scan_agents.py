"""From visits of reading agents to a case about one of them."""

from __future__ import annotations

import json

import numpy as np

from etl.importer import run_import
from etl.lake.manifest import require_manifest
from etl.lake.snapshot import snapshot
from etl.scan.run import scan
from etl.scan.simulate import simulate
from rules.loader import load_catalogue
from rules.parameter_settings import ParameterSetting

AGENTS, EACH = 20, 150
READING = [rule.id for rule in load_catalogue().rules.values() if rule.subject == "reading_agent"]


def write_visits(folder, points):
    """Agent 7 rounds every second consumption; nobody's time, position, photo or correction is known."""
    random = np.random.default_rng(1)
    (folder / "contractor.csv").write_text("code,name\nK1,\n")
    agents = "".join(f"A{n},K1\n" for n in range(AGENTS))
    (folder / "reading_agent.csv").write_text(f"agent_no,contractor_code\n{agents}")
    routes = "".join(f"R{n}\n" for n in range(AGENTS // 2))
    (folder / "reading_route.csv").write_text(f"code\n{routes}")
    lines = ["subscription_no,agent_no,route_code,read_on,consumption_kwh"]
    for agent in range(AGENTS):
        for n in range(EACH):
            kwh = int(random.integers(1, 600))
            if agent == 7 and n % 2:
                kwh = kwh // 10 * 10 + 10
            lines.append(f"{points[n]},A{agent},R{agent // 2},2025-07-{1 + agent:02},{kwh}")
    (folder / "reading_visit.csv").write_text("\n".join(lines) + "\n")


async def test_visits_become_a_case_about_the_agent_who_rounds_and_nothing_is_said_of_what_is_not_known(
    utility, sql, tmp_path
):
    catalogue = load_catalogue()
    snapshot(utility)
    before = await scan(utility, catalogue)
    assert {before.not_evaluated[rule] for rule in READING} >= {"needs visits of reading agents"}
    assert set(READING) <= before.not_evaluated.keys()

    points = [row[0] for row in sql("SELECT subscription_no FROM usage_point ORDER BY id LIMIT 150")]
    write_visits(tmp_path, points)
    imported = await run_import(utility, "tarazu", [str(tmp_path)])
    assert imported.total.quarantined == 0
    snapshot(utility)
    assert require_manifest(utility.lake_directory).visit_facts == ["visit_routes", "visits"]
    found = await scan(utility, catalogue)

    assert {rule: found.not_evaluated[rule] for rule in READING if rule in found.not_evaluated} == {
        "A04": "needs times of visits",
        "A05": "needs positions of visits",
        "A06": "needs visits without a reading",
        "A08": "needs corrections of readings",
        "A09": "needs times of visits",
        "A10": "needs what a photo reader delivers",
        "A12": "needs positions of visits, times of visits",
        "A14": "needs times of visits",
    }
    cases = sql(
        "SELECT c.subject_key, a.agent_no, c.family, f.rule_id, f.evidence::text, f.sentence_fa"
        ' FROM "case" c JOIN finding f ON f.case_id = c.id JOIN reading_agent a ON a.id = c.reading_agent_id'
    )
    assert [row[:4] for row in cases] == [("A7", "A7", "reading", "A01")]
    evidence = {entry["field"]: entry["value"] for entry in json.loads(cases[0][4])}
    assert evidence["visits"] == EACH
    assert evidence["percent"] > 45
    assert evidence["evidence"] > 6
    assert "مضرب ده" in cases[0][5]

    again = await scan(utility, catalogue)
    assert (again.cases_opened, again.findings_new) == (0, 0)
    # And the same data give the same lake.
    generation = require_manifest(utility.lake_directory).generation
    assert snapshot(utility).generation == generation

    tried = [ParameterSetting("A01", "least_percent", None, None, 90.0)]
    said = simulate(utility, catalogue, "A01", tried)
    assert (said.now.findings, said.then.findings, said.lost) == (1, 0, ["A7"])
