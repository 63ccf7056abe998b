"""The commands as a shell sees them: standard output, standard error, exit code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys

import asyncpg
import pytest

from tarazu.database.urls import asyncpg_dsn


@pytest.fixture
def tarazu(database, tmp_path):
    """Run the command on a fresh migrated database: (exit code, standard output, standard error)."""
    environment = {
        **os.environ,
        "TARAZU_HOME": str(tmp_path / "home"),
        "TARAZU_DATABASE_URL": database.database_url.get_secret_value(),
        "TARAZU_LAKE_BUCKETS": "4",
    }

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-c", "from tarazu.cli import main; main()", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_from_files_to_an_explained_case_with_one_json_object_a_command(tarazu, tmp_path):
    code, _, _ = tarazu("synth", tmp_path / "files", "--customers", 200)
    assert code == 0

    code, out, _ = tarazu("import", "billing_fa", tmp_path / "files", "--json")
    imported = json.loads(out)
    assert code == 0
    for counts in (imported, *imported["entities"].values()):
        assert counts["rows_in"] == counts["loaded"] + counts["unchanged"] + counts["quarantined"]
    assert {"reasons", "seconds", "peak_rss_mb"} <= imported.keys()

    code, out, _ = tarazu("snapshot", "--json")
    assert (code, json.loads(out)["points"]) == (0, 200)

    code, out, _ = tarazu("scan", "--json")
    scanned = json.loads(out)
    assert code == 0
    wanted = "subjects screened findings cases_opened cases_updated by_rule not_evaluated seconds peak_rss_mb"
    assert set(wanted.split()) <= scanned.keys()
    assert scanned["cases_opened"] > 0

    code, out, _ = tarazu("explain", 1, "--json")
    case = json.loads(out)
    assert code == 0
    assert all(f["evidence"] and f["parameters"] and f["sentence"]["fa"] for f in case["findings"])
    code, out, _ = tarazu("explain", 1)
    assert code == 0
    assert case["findings"][0]["sentence"]["fa"] in out

    if case["subjectKind"] == "usage_point":
        rule = case["findings"][0]["ruleId"]
        code, out, _ = tarazu("rules", "why", rule, "--point", case["subjectKey"], "--json")
        assert (code, json.loads(out)["fires"]) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("import", "no_such_mapping", "x"), 2, "no_such_mapping"),
        (("scan",), 2, "tarazu snapshot"),
        (("scan", "--as-of", "1405-13-01"), 2, "YYYY-MM-DD"),
        (("explain", "999"), 2, "no case 999"),
        (("rules", "why", "T99", "--point", "1"), 2, "T99"),
    ],
)
def test_wrong_input_has_its_exit_code_and_says_what_to_do(tarazu, arguments, code, named):
    returned, out, err = tarazu(*arguments)
    assert returned == code
    assert named in err
    assert out == ""
    assert "Traceback" not in err


def test_an_error_is_one_json_object_too(tarazu):
    code, out, err = tarazu("scan", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "not_found"
    assert "tarazu snapshot" in err


def test_an_import_of_which_nothing_is_left_fails(tarazu, tmp_path):
    (tmp_path / "usage_point.csv").write_text("subscription_no,district_code\n1,nowhere\n2,nowhere\n")
    code, out, _ = tarazu("import", "tarazu", tmp_path / "usage_point.csv", "--json")
    assert code == 2
    assert json.loads(out)["reasons"] == {"unknown_parent": 2}


def test_the_database_is_away(tarazu, tmp_path, monkeypatch):
    monkeypatch.setenv("TARAZU_DATABASE_URL", "postgresql://a:b@127.0.0.1:1/none")
    done = subprocess.run(
        [sys.executable, "-c", "from tarazu.cli import main; main()", "snapshot", "--json"],
        env={**os.environ, "TARAZU_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "operational.database_unavailable"
    assert "Traceback" not in done.stderr


def test_doctor_says_what_is_configured_reachable_and_migrated(tarazu):
    code, out, _ = tarazu("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 0, checks
    assert all(check["mend"] for check in checks.values() if check["status"] != "ok")


def test_check_shows_an_invoice_that_disagrees_with_its_payments(tarazu, database):
    assert tarazu("db", "check")[0] == 0

    async def spoil():
        connection = await asyncpg.connect(asyncpg_dsn(database))
        await connection.execute(
            """
            INSERT INTO district (code) VALUES ('D');
            INSERT INTO usage_point (subscription_no, district_id) SELECT 'S', id FROM district;
            INSERT INTO invoice (usage_point_id, invoice_no, billing_year, billing_period, period_start, period_end,
                consumption_kwh, payable_rial)
                SELECT id, 'I', 1404, 1, '2025-01-01', '2025-03-01', 5, 1000 FROM usage_point;
            UPDATE receivable SET paid_rial = 7
            """
        )
        await connection.close()

    asyncio.run(spoil())
    code, out, _ = tarazu("db", "check", "--json")
    (found,) = json.loads(out)["receivables"]
    assert (code, found["paid_rial"], found["allocated_rial"]) == (1, 7, 0)


def test_doctor_shows_people_what_was_set_and_counts_the_rest(tarazu):
    code, out, _ = tarazu("doctor")
    checks = "".join(line.split("│")[1].strip() for line in out.splitlines() if "│" in line)
    assert code == 0
    assert "TARAZU_LAKE_BUCKETS" in checks
    assert "TARAZU_PAGE_SIZE_MAX" not in checks
    assert re.search(r"\d+ settings have their default", out)


def test_the_catalogue_that_ships_is_flawless(tarazu):
    assert tarazu("rules", "lint")[0] == 0
    code, out, _ = tarazu("rules", "test", "--json")
    assert code == 0
    assert all(scenario["passed"] for scenario in json.loads(out)["scenarios"])
