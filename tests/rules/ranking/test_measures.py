"""Measures against values that are known."""

from __future__ import annotations

import numpy as np
import pytest

from rules.ranking.backtest import cumulative, parts, ranking_rows, reliability, row
from rules.ranking.measures import calibration_error, quality, wilson


def test_wilsons_interval_is_that_of_the_books():
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_perfect_and_a_reversed_order():
    outcome = np.array([1.0, 1, 0, 0, 0])
    assert quality(outcome, np.array([0.9, 0.8, 0.3, 0.2, 0.1])).area == 1.0
    assert quality(outcome, np.array([0.1, 0.2, 0.3, 0.8, 0.9])).area == 0.0


def test_the_calibration_error_of_a_promise_that_is_off_by_a_tenth():
    outcome = np.repeat([1.0, 0.0], [400, 600])
    assert calibration_error(
        np.random.default_rng(0).permutation(outcome), np.full(1000, 0.5), 1
    ) == pytest.approx(0.1)


def test_a_rule_that_flags_half_of_the_losses():
    outcome = np.array([1.0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    flagged = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0], np.bool_)
    made = row("T01", flagged, outcome, np.full(10, 7, np.int64))
    assert (made.flagged, made.hits, made.hit_rate, made.lift, made.recall) == (2, 1, 0.5, 2.5, 0.5)
    assert made.money_rial == 7
    nothing = row("T02", np.zeros(10, np.bool_), outcome, np.full(10, 7, np.int64))
    assert (nothing.hit_rate, nothing.lift, nothing.money_rial) == (0.0, 0.0, 0)


def test_curves_end_with_all_losses_found():
    chance = np.random.default_rng(1)
    outcome = (chance.random(3000) < 0.1).astype(np.float64)
    score = outcome + chance.random(3000)
    visits, rate, recall = cumulative(score, outcome)
    assert (visits[-1], recall[-1]) == (3000, 1.0)
    assert rate[-1] == pytest.approx(outcome.mean())
    assert [one.flagged for one in ranking_rows(score, outcome, np.zeros(3000, np.int64), "x")] == [
        100,
        500,
        1000,
        300,
    ]
    assert sum(one[4] for one in reliability(score, outcome)) == 3000


def test_parts_that_are_too_small_are_left_out():
    outcome = np.r_[np.ones(60), np.zeros(250)]
    by = {"class": ["a"] * 300 + ["b"] * 10}
    assert [part.name for part in parts(np.linspace(1, 0, 310), outcome, by)] == ["a"]
