"""A learnt rate never knows the outcome of the row it is given to, nor of a row of a held-out fold."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.ranking.rates import SMOOTHING, Cohorts, Order, key, learnt_rates


def _cohorts(codes: list[int]) -> Cohorts:
    rows = pl.DataFrame({"subject": np.arange(len(codes), dtype=np.int32), "code": codes})
    order = Order("near", rows["subject"].to_numpy(), np.zeros(len(codes), np.int64), 2)
    return Cohorts([key(rows, "ev", ["code"], ("max", "sum", "mean"))], [order])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_rate_equals_a_naive_count_over_the_other_inner_folds(data):
    size = data.draw(st.integers(8, 30))
    codes = data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    outcome = np.array(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)), np.float64)
    fold = np.arange(size) % 4
    train = fold != 3
    names, made = learnt_rates(_cohorts(codes), outcome, train, fold)

    base = outcome[train].mean()
    for row in range(size):
        known = [i for i in range(size) if train[i] and codes[i] == codes[row] and fold[i] != fold[row]]
        rate = (sum(outcome[i] for i in known) + SMOOTHING * base) / (len(known) + SMOOTHING)
        rate, even = np.clip([rate, base], 1e-6, 1 - 1e-6)
        expected = np.log(rate / (1 - rate)) - np.log(even / (1 - even))
        for how in ("max", "sum", "mean"):
            np.testing.assert_allclose(made[row, names.index(f"ev_{how}")], expected, rtol=1e-4, atol=1e-5)
        near = [i for i in range(max(0, row - 2), min(size, row + 3)) if train[i] and fold[i] != fold[row]]
        rate = (sum(outcome[i] for i in near) + SMOOTHING * base) / (len(near) + SMOOTHING)
        np.testing.assert_allclose(made[row, names.index("near")], rate, rtol=1e-5)


def test_outcomes_of_the_held_out_fold_change_nothing():
    codes = [0, 1] * 20
    outcome = (np.arange(40) % 3 == 0).astype(np.float64)
    fold = np.arange(40) % 5
    train = fold != 2
    other = np.where(train, outcome, 1 - outcome)

    _, made = learnt_rates(_cohorts(codes), outcome, train, fold)
    _, again = learnt_rates(_cohorts(codes), other, train, fold)

    np.testing.assert_array_equal(made, again)


def test_a_subject_without_an_event_has_no_rate():
    rows = pl.DataFrame({"subject": np.array([0, 1], np.int32), "code": [0, 0]})
    cohorts = Cohorts([key(rows, "ev", ["code"], ("max", "sum"))])
    _, made = learnt_rates(cohorts, np.array([1.0, 0, 0, 1]), np.ones(4, np.bool_), np.array([0, 1, 0, 1]))
    assert np.isfinite(made[:2]).all()
    assert np.isnan(made[2:]).all()


def test_a_rate_whose_name_is_left_out_is_not_learnt():
    outcome, fold = np.array([1.0, 0.0] * 6), np.arange(12) % 4
    names, made = learnt_rates(
        _cohorts([0, 1] * 6), outcome, np.ones(12, np.bool_), fold, ("ev", "near"), ("near",)
    )
    assert names == ["ev_max", "ev_sum", "ev_mean"]
    assert made.shape == (12, 3)
