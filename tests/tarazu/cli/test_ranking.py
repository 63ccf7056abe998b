"""`tarazu train`, `rank`, `model` and `backtest` as a shell sees them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from tarazu.cli.main import app


@pytest.fixture
def tarazu(database, tmp_path, monkeypatch):
    """Run a command on a fresh migrated database: (exit code, standard output, standard error)."""
    monkeypatch.setenv("TARAZU_HOME", str(tmp_path))
    monkeypatch.setenv("TARAZU_DATABASE_URL", database.database_url.get_secret_value())

    def run(*arguments):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


def test_an_empty_database_is_told_what_is_missing(tarazu, tmp_path):
    code, out, _ = tarazu("train", "--json")
    trained = json.loads(out)
    assert (code, trained["version"], trained["points"]) == (0, None, 0)
    assert "at least 50 of each are needed" in trained["message"]

    code, out, _ = tarazu("rank", "--capacity", 5, "--json")
    ranking = json.loads(out)
    assert (code, ranking["by"], ranking["visits"]) == (0, "priority", [])
    assert ranking["message"] == trained["message"]

    code, out, _ = tarazu("backtest", "--json")
    assert (code, json.loads(out)["points"]) == (0, 0)
    assert (tmp_path / "backtest.html").is_file()

    assert json.loads(tarazu("model", "list", "--json")[1]) == {"models": []}


def test_a_wrong_call_is_refused_with_a_message(tarazu):
    code, _, err = tarazu("model", "rollback")
    assert code == 2
    assert "No model is in force" in err
    code, _, err = tarazu("model", "promote", "0123456789ab")
    assert code == 2
    assert "tarazu model list" in err
    code, _, err = tarazu("backtest", "--as-of", "yesterday")
    assert code == 2
    assert "YYYY-MM-DD" in err
    assert tarazu("rank", "--capacity", 5, "--csv", "--json")[0] == 2
    assert tarazu("rank", "--capacity", 5, "--district", "nowhere")[0] == 2


def test_without_a_model_open_cases_are_visited_by_priority(tarazu, tmp_path):
    tarazu("synth", tmp_path / "files", "--customers", 200)
    assert tarazu("import", "billing_fa", tmp_path / "files")[0] == 0
    assert tarazu("snapshot")[0] == 0
    assert tarazu("scan")[0] == 0

    code, out, _ = tarazu("rank", "--capacity", 10, "--random-share", 0.2, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(rows) == 10
    assert [row["is_random"] for row in rows] == ["0"] * 8 + ["1"] * 2
    expected = [int(row["expected_rial"]) for row in rows[:8]]
    assert expected == sorted(expected, reverse=True)
    assert all(row["reasons_en"] and row["reasons_fa"] for row in rows)
