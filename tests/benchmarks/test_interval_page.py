"""The measurement of attacks on readings: a scan of a fleet of households, and the page of its figures."""

from __future__ import annotations

import datetime as dt
import functools
from pathlib import Path

import numpy as np
import pytest

from benchmarks.interval_attacks import ALL, ATTACKS, is_of_intervals
from benchmarks.interval_fleet import Fleet, Households
from benchmarks.interval_page import _BALANCE, render
from rules.loader import load_catalogue

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "interval-detection.md"


@functools.cache
def catalogue():
    return load_catalogue()


def rules_of_intervals():
    return [rule for rule in catalogue().active("usage_point") if is_of_intervals(rule)]


def test_a_scan_of_a_fleet_names_who_hides_hours_and_the_transformer_that_lacks_them():
    lot = np.random.default_rng(3)
    hour = np.arange(212 * 48) // 2 % 24
    true = np.round(0.1 + 0.3 * ((hour >= 6) & (hour < 22)) + 0.1 * lot.random((12, 212 * 48)), 3)
    reported = true.copy()
    reported[2, 150 * 48 :][hour[150 * 48 :] >= 8] = 0.0
    rules = [*rules_of_intervals(), *catalogue().active("transformer")]
    households = Households([f"H{i}" for i in range(12)], dt.date(2013, 1, 1), true)
    fleet = Fleet(households, np.arange(12) % 3 + 1, rules)

    honest = fleet.judge(true, dt.date(2013, 8, 1))
    judged = fleet.judge(reported, dt.date(2013, 7, 1))
    later = fleet.judge(reported, dt.date(2013, 8, 1))

    assert honest.points + honest.transformers == []
    assert {(one.rule_id, one.subject_key) for one in judged.points} == {("T31", "H2")}
    assert {(one.rule_id, one.subject_key) for one in later.transformers} == {("T17", "T3")}
    assert judged.drop_percent[2] > 25
    assert np.abs(np.delete(judged.drop_percent, 2)).max() < 5


def measured():
    columns = [*(rule.id for rule in rules_of_intervals()), ALL]
    names = [
        f"{row}: {column}" for row in ("honest, six scans", "honest, spring", *ATTACKS) for column in columns
    ]
    names += [f"{attack}, balance: {name}" for attack in ATTACKS for name in _BALANCE]
    lines = [{"name": name, "value": i / 10} for i, name in enumerate(names)]
    return [{"name": "households", "value": 91.0}, *lines]


def test_the_page_holds_every_figure_that_was_measured():
    lines = measured()
    page = render(lines, catalogue())

    assert "91 real households" in page
    assert [f" {line['value']:.1f} |" in page for line in lines[1:]].count(False) == 0


def test_a_rule_that_the_data_do_not_feed_is_named_as_such():
    page = render([line for line in measured() if "T36" not in line["name"]], catalogue())

    assert "| [T36]" not in page
    assert "- [T36](rules.md#t36) Load factor of the hours far too low: not evaluated" in page


def test_a_figure_that_is_missing_is_no_empty_cell():
    lines = [line for line in measured() if line["name"] != f"{next(iter(ATTACKS))}: T31"]
    with pytest.raises(KeyError):
        render(lines, catalogue())


def test_the_page_that_ships_has_every_rule_on_intervals():
    page = PAGE.read_text(encoding="utf-8")

    assert all(
        f"- [{rule.id}](rules.md#{rule.id.lower()}) {rule.title.en}" in page for rule in rules_of_intervals()
    )
