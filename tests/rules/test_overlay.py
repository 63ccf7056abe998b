"""A company's file over the catalogue: above the rule files, below the database, and refused where it is wrong."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from rules.facts import compute
from rules.loader import load_catalogue
from rules.overlay import differences, read_overlay
from rules.parameter_settings import ParameterSetting, with_settings
from rules.standing import StatusSetting, with_standing
from rules.testing.given import batch_of
from rules.why import why
from tarazu.errors import RuleError

OVERLAY = """disable: [reading_agent, interval_energy, T15]
enable: [A04]
parameters:
  T02:
    drop_percent: {value: 60, was: 45}
    stable_variation: {value: 0.2, was: 0.3}
  C02:
    threshold_rial:
      value: 18000000
      by_tariff_class: {other: {value: 30000000, was: 20000000}, public: 9000000}
"""


@pytest.fixture(scope="module")
def files():
    return load_catalogue()


@pytest.fixture
def overlay(tmp_path, files):
    def read(text=OVERLAY):
        path = tmp_path / "overlay.yaml"
        path.write_text(text, encoding="utf-8")
        return read_overlay(path, files)

    return read


def test_an_overlay_takes_rules_away_by_id_and_group_and_an_id_keeps_one(files, overlay):
    here = overlay().over(files)
    judged = {rule.id for rule in here.rules.values() if rule.status == "draft"}
    assert {"T15", "A01", "A14", "T20"} <= judged
    assert not {"A04", "T02", "C02"} & judged
    assert here.rules["A04"].status == files.rules["A04"].status
    assert "T15" not in [rule.id for rule in here.judged("usage_point")]


def test_an_overlay_lies_over_the_file_and_under_the_database(files, overlay):
    here = overlay().over(files)
    assert here.rules["T02"].parameters["drop_percent"].default == 60
    threshold = here.rules["C02"].parameters["threshold_rial"]
    values = {name: threshold.value(name) for name in ("residential", "public", "industrial", "other")}
    # The file's own value for households is more particular than the overlay's for all.
    assert values == {
        "residential": 15_000_000,
        "public": 9_000_000,
        "industrial": 18_000_000,
        "other": 30_000_000,
    }
    set_here = with_settings(here, [ParameterSetting("T02", "drop_percent", None, None, 70)])
    assert set_here.rules["T02"].parameters["drop_percent"].value(None) == 70
    set_here = with_standing(here, [StatusSetting("T15", "stable", dt.date(2025, 1, 1))], [])
    assert set_here.rules["T15"].status == "stable"
    assert files.rules["T02"].parameters["drop_percent"].default == 50


def test_another_overlay_gives_another_hash_and_none_the_catalogues(files, overlay):
    hashes = {
        overlay(text).over(files).hash
        for text in (OVERLAY, OVERLAY.replace("60", "61"), OVERLAY.replace(", T15", ""), "disable: [T15]\n")
    }
    assert len(hashes | {files.hash}) == 5
    assert read_overlay(None, files).over(files) is files
    # What is only recorded, and comments, change nothing that is judged.
    assert overlay(OVERLAY.replace(", was: 45", "") + "# a comment\n").over(files).hash in hashes


def test_why_says_that_a_threshold_is_of_the_overlay(files, overlay):
    here = overlay().over(files)
    batch = batch_of("usage_point", {"daily_use": "21x10 3x4.5"})
    explained = why(compute(batch, [here.rules["T02"]]), 0, here.rules["T02"])
    origins = {c.threshold.parameter.name: c.threshold.origin for c in explained.conditions if c.threshold}
    assert (explained.fires, origins["drop_percent"], origins["least_then_kwh"]) == (
        False,
        "overlay",
        "default",
    )
    set_here = with_settings(here, [ParameterSetting("T02", "drop_percent", None, None, 50)])
    explained = why(compute(batch, [here.rules["T02"]]), 0, set_here.rules["T02"])
    assert (explained.fires, explained.conditions[0].threshold.origin) == (True, "set")


def test_a_new_rule_file_is_told_by_what_the_overlay_recorded(files, overlay):
    told = {
        (d.value.parameter, d.value.tariff_class): (d.value.value, d.value.was, d.file, d.state)
        for d in differences(overlay(), files)
    }
    assert told == {
        ("drop_percent", None): (60, 45, 50, "the rule file has changed"),
        ("stable_variation", None): (0.2, 0.3, 0.3, "differs"),
        ("threshold_rial", None): (18_000_000, None, 15_000_000, "differs"),
        ("threshold_rial", "other"): (30_000_000, 20_000_000, 20_000_000, "differs"),
        ("threshold_rial", "public"): (9_000_000, None, 15_000_000, "differs"),
    }
    (same,) = differences(overlay("parameters: {T02: {drop_percent: 50}}"), files)
    assert same.state == "as in the rule file"


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "mend"),
    [
        ("T15]", "T15, T99]", 1, "there is no rule or group 'T99'", None),
        ("enable: [A04]", "enable: [T15]", 2, "'T15' is disabled too", "Keep one of the two."),
        ("enable: [A04]", "enable: [debt]", 2, "'debt' enables nothing", None),
        ("  T02:", "  T2:", 4, "there is no rule 'T2'", None),
        (
            "drop_percent:",
            "drop_percnt:",
            5,
            "has no parameter 'drop_percnt'",
            "Did you mean 'drop_percent'?",
        ),
        ("{value: 60", "{value: 95", 5, r"95 is outside 20 … 90 \(percent\)", None),
        ("{value: 0.2,", "{value: 0.20001,", 6, "compared with 4 decimals", None),
        ("public: 9000000", "public: -1", 10, r"-1 is outside 0 …", None),
        ("public: 9000000", "castle: 9000000", 10, "'castle' is not known here", None),
        ("parameters:\n", "parameter:\n", 3, "'parameter' is not known here", "Did you mean 'parameters'?"),
        (
            "  C02:\n",
            "  A01: {least_factor: {by_tariff_class: {public: 3}}}\n  C02:\n",
            7,
            "A01 judges a reading_agent, which has no tariff class",
            None,
        ),
    ],
)
def test_a_wrong_overlay_is_refused_with_file_line_and_mend(overlay, tmp_path, old, new, line, message, mend):
    assert OVERLAY.count(old) == 1
    with pytest.raises(RuleError, match=message) as refusal:
        overlay(OVERLAY.replace(old, new))
    assert str(refusal.value.message).startswith(f"{tmp_path / 'overlay.yaml'}:{line}: ")
    assert refusal.value.mend
    assert mend is None or refusal.value.mend == mend


def test_the_example_of_the_page_about_tuning_is_a_right_one(overlay):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "tune.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```text\n(# /etc/tarazu/rules\.yaml.*?)```", page, re.DOTALL)
    read = overlay(block)
    assert {"A01", "T15"} <= read.disabled.keys()
    assert "A04" not in read.disabled
    assert [one.value for one in read.values] == [60, 30_000_000]
