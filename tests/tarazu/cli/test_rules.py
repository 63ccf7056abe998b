"""`tarazu rules set|approve|…` as a shell sees them."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil

import pytest
from typer.testing import CliRunner

from rules.loader import CATALOGUE_DIRECTORY
from tarazu.cli.main import app
from tarazu.database import Sessions, create_engine
from tarazu.models import District

REASON = ("--reason", "half of the visits found nothing")


@pytest.fixture
def tarazu(database, tmp_path, monkeypatch):
    """Run a command on a fresh migrated database: (exit code, standard output, standard error)."""
    monkeypatch.setenv("TARAZU_HOME", str(tmp_path))
    monkeypatch.setenv("TARAZU_DATABASE_URL", database.database_url.get_secret_value())

    async def add_district():
        engine = create_engine(database)
        async with Sessions(engine).write() as session:
            session.add(District(code="21"))
        await engine.dispose()

    asyncio.run(add_district())

    def run(*arguments, stdin=""):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def answer(tarazu):
    def run(*arguments, stdin=""):
        code, out, err = tarazu(*arguments, "--json", stdin=stdin)
        assert code == 0, err
        return json.loads(out)

    return run


def test_a_value_of_a_stable_rule_waits_for_another_person_and_then_is_in_force(tarazu, answer):
    (made,) = answer("rules", "set", "T02", "drop_percent=60", "--district", "21", *REASON)["versions"]
    assert (made["state"], made["value"], made["district_code"]) == ("pending", 60, "21")
    assert [row["id"] for row in answer("rules", "diff")["pending"]] == [made["id"]]
    code, _, err = tarazu("rules", "approve", made["id"], "--reason", "mine")
    assert (code, "cannot decide" in err) == (2, True)

    token = answer("token", "create", "second", "--role", "office_manager")["token"]
    arguments = ("rules", "approve", made["id"], "--reason", "agreed", "--token")
    (approved,) = answer(*arguments, stdin=f"{token}\n")["versions"]
    assert (approved["state"], approved["decided_by"]) == ("counting", "second")
    found = answer("rules", "diff")
    assert found["pending"] == []
    assert [(row["value"], row["file"], row["reason"]) for row in found["in_force"]] == [(60, 50, REASON[1])]

    (shown,) = [p for p in answer("rules", "show", "T02")["parameters"] if p["name"] == "drop_percent"]
    assert (shown["value"], [row["value"] for row in shown["set"]]) == (50, [60])
    assert {row["id"]: row["set"] for row in answer("rules", "list")["rules"]}["T02"] == 1

    back = ("rules", "rollback", "T02", "drop_percent", "--district", "21", *REASON)
    (undone,) = answer(*back)["versions"]
    assert (undone["version"], undone["value"], undone["state"]) == (2, None, "pending")
    answer("rules", "approve", undone["id"], "--reason", "agreed", "--token", stdin=f"{token}\n")
    assert answer("rules", "diff")["in_force"] == []
    assert {event["action"] for event in answer("audit", "list")["events"]} >= {
        "rule_parameter_set",
        "rule_parameter_decided",
    }
    for command in (("list",), ("show", "T02"), ("diff",), ("stats",)):
        code, out, _ = tarazu("rules", *command)
        assert (code, bool(out)) == (0, True)


def test_a_status_and_an_exception_wait_for_another_person_and_can_be_taken_back(tarazu, answer):
    token = answer("token", "create", "second", "--role", "office_manager")["token"]

    def approve(change):
        arguments = ("rules", "approve", change["id"], "--reason", "agreed", "--token")
        return answer(*arguments, stdin=f"{token}\n")["change"]

    made = answer("rules", "status", "T02", "trial", "--district", "21", "--most", "5", *REASON)["change"]
    assert (made["id"], made["state"]) == ("S1", "pending")
    assert answer("rules", "show", "T02")["status"] == "stable"
    code, _, err = tarazu("rules", "approve", "S1", "--reason", "mine")
    assert (code, "cannot decide" in err) == (2, True)
    assert approve(made)["state"] == "counting"
    shown = answer("rules", "show", "T02")
    assert (shown["status"], shown["file_status"]) == ("trial", "stable")
    assert shown["status_set"]["reason"] == REASON[1]
    assert {row["id"]: row["status"] for row in answer("rules", "list")["rules"]}["T02"] == "trial"
    code, out, _ = tarazu("rules", "show", "T02")
    assert (code, "trial in district 21 of 5 findings at most since" in " ".join(out.split())) == (0, True)
    approve(answer("rules", "rollback", "T02", "status", *REASON)["change"])
    assert answer("rules", "show", "T02")["status_set"] is None

    until = f"{dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)}"
    except_ = ("rules", "except", "T02", "class:public,district:21", "--owner", "office", *REASON)
    waiting = answer(*except_, "--until", until)["change"]
    assert [row["id"] for row in answer("rules", "diff")["pending_changes"]] == [waiting["id"]]
    approve(waiting)
    (listed,) = answer("rules", "exceptions")["exceptions"]
    assert (listed["subject"], listed["state"], listed["hidden"]) == (
        "class:public,district:21",
        "in force",
        0,
    )
    ended = answer(*except_, "--until", "now")["change"]
    assert (ended["state"], ended["version"]) == ("counting", 2)
    assert [row["state"] for row in answer("rules", "exceptions")["exceptions"]] == ["expired"]
    actions = {event["action"] for event in answer("audit", "list")["events"]}
    assert actions >= {"rule_status_set", "rule_exception_set", "rule_change_decided"}
    for command in (("diff",), ("exceptions",)):
        assert tarazu("rules", *command)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("set", "T99", "x=1", *REASON), "no rule T99"),
        (("set", "T02", "x=1", *REASON), "no parameter 'x'"),
        (("set", "T02", "drop_percent=95", *REASON), "outside 20 … 90"),
        (("set", "T02", "drop_percent=nan", *REASON), "outside 20 … 90"),
        (("set", "T02", "drop_percent", *REASON), "parameter=value"),
        (("set", "T02", "drop_percent=60", "--district", "9", *REASON), "no district 9"),
        (("set", "T02", "drop_percent=60", "--from", "1404-13-01", *REASON), "YYYY-MM-DD"),
        (("set", "T02", "drop_percent=60", "--reason", " "), "reason is needed"),
        (
            ("set", "T17", "non_technical_loss_percent=9", "--tariff-class", "other", *REASON),
            "no tariff class",
        ),
        (("rollback", "T02", "drop_percent", *REASON), "Nothing is set"),
        (("approve", "1", *REASON), "no version 1"),
        (("approve", "S1", *REASON), "no status S1"),
        (("approve", "E1", *REASON), "no exception E1"),
        (("approve", "x", *REASON), "'x' is no id"),
        (("status", "T02", "beta", *REASON), "no status 'beta'"),
        (("status", "T02", "shadow", "--most", "3", *REASON), "Only a trial"),
        (("rollback", "T02", "status", *REASON), "No status is set"),
        (("except", "T02", "point:9", "--owner", "x", "--until", "2999-01-01", *REASON), "366 days at most"),
        (("except", "T02", "point:9", "--owner", "x", "--until", "now", *REASON), "no point:9"),
        (("except", "T02", "class:x", "--owner", "x", "--until", "now", *REASON), "no tariff class 'x'"),
        (("except", "T17", "point:9", "--owner", "x", "--until", "now", *REASON), "cannot be excepted"),
        (
            ("except", "T04", "class:public", "--owner", "x", "--until", "2999-01-01", *REASON),
            "cannot be excepted",
        ),
        (
            ("except", "T02", "agent:9", "--owner", "x", "--until", "2999-01-01", *REASON),
            "cannot be excepted",
        ),
        (("except", "T02", "district:21", "--owner", " ", "--until", "now", *REASON), "needs an owner"),
        (("except", "T02", "district:21", "--owner", "x", "--until", "now", *REASON), "no exception"),
        (("simulate", "T02", "drop_percent=60"), "tarazu snapshot"),
    ],
)
def test_wrong_input_says_what_is_wrong_and_changes_nothing(tarazu, answer, arguments, named):
    code, out, err = tarazu("rules", *arguments)
    assert (code, out) == (2, "")
    assert named in err
    assert answer("rules", "diff") == {
        "in_force": [],
        "pending": [],
        "coming": [],
        "pending_changes": [],
        "overlay": [],
        "disabled_by_overlay": {},
    }


def test_an_overlay_holds_where_the_database_sets_nothing_and_is_shown_three_ways(
    tarazu, answer, tmp_path, monkeypatch
):
    overlay = tmp_path / "rules.yaml"
    overlay.write_text(
        "disable: [T15]\nparameters:\n  T02: {drop_percent: {value: 60, was: 45}, stable_variation: 0.2}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("TARAZU_RULES_OVERLAY", str(overlay))

    def shown():
        return {row["name"]: row for row in answer("rules", "show", "T02")["parameters"]}

    drop = shown()["drop_percent"]
    assert (drop["value"], drop["origin"], drop["default"]) == (60, "overlay", 50)
    assert shown()["least_then_kwh"]["origin"] == "file"
    told = answer("rules", "diff")
    assert [(row["value"], row["was"], row["file"], row["state"]) for row in told["overlay"]] == [
        (60, 45, 50, "the rule file has changed"),
        (0.2, None, 0.3, "differs"),
    ]
    assert told["disabled_by_overlay"] == {"T15": "T15"}
    assert {row["id"]: row["status"] for row in answer("rules", "list")["rules"]}["T15"] == "draft"
    assert answer("rules", "show", "T15")["disabled_by_overlay"] == "T15"
    for command in (("diff",), ("show", "T02"), ("show", "T15")):
        code, out, _ = tarazu("rules", *command)
        assert (code, "overlay" in out) == (0, True)

    (made,) = answer("rules", "set", "T02", "drop_percent=70", *REASON)["versions"]
    token = answer("token", "create", "second", "--role", "office_manager")["token"]
    arguments = ("rules", "approve", made["id"], "--reason", "agreed", "--token")
    answer(*arguments, stdin=f"{token}\n")
    drop = shown()["drop_percent"]
    assert (drop["value"], drop["origin"], drop["overlay"]["value"]) == (70, "set", 60)

    overlay.write_text("parameters: {T02: {drop_percent: 95}}\n", encoding="utf-8")
    code, _, err = tarazu("rules", "list")
    assert (code, "rules.yaml:1" in err.replace("\n", "")) == (2, True)


def test_coverage_and_innocent_answer_with_an_exit_code(tarazu, answer, tmp_path):
    (rule,) = answer("rules", "coverage", "T02")["rules"]
    assert (rule["id"], rule["killed"], rule["survivors"]) == ("T02", rule["mutants"], [])
    folder = tmp_path / "catalogue"
    folder.mkdir()
    for name in ("T02.yaml", "T02.test.yaml", "rules.lock"):
        shutil.copy(CATALOGUE_DIRECTORY / name, folder)
    test = folder / "T02.test.yaml"
    test.write_text(
        test.read_text(encoding="utf-8").replace(
            "given: {point: {seasonal: true}}\n    expect: {suppressed_by: seasonal_premises}",
            "expect: fires",
        ),
        encoding="utf-8",
    )
    assert tarazu("rules", "coverage", "--catalogue", folder)[0] == 0
    code, out, _ = tarazu("rules", "coverage", "--catalogue", folder, "--strict")
    assert (code, "`drop seasonal_premises`" in " ".join(out.split())) == (1, True)

    innocents = (
        'innocents:\n  - {name: nobody is at home, subject: usage_point, given: {daily_use: "21x10 3x4"}}\n'
    )
    (folder / "innocents.yaml").write_text(innocents, encoding="utf-8")
    code, out, _ = tarazu("rules", "innocent", "--catalogue", folder)
    assert (code, "nobody is at home: T02 fires" in " ".join(out.split())) == (1, True)
