"""The six attacks on readings, each against its formula written for one reading."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.false_data import ATTACKS

DAYS = 4


@st.composite
def uses(draw):
    """(households, readings) kWh of four days, with readings that were not delivered."""
    lot = np.random.default_rng(draw(st.integers(0, 2**20)))
    kwh = np.round(lot.gamma(1.0, 0.3, (draw(st.integers(1, 3)), DAYS * 48)), 3)
    return np.where(lot.random(kwh.shape) < draw(st.sampled_from([0.0, 0.1, 1.0])), np.nan, kwh)


def reported(name, true, seed=7):
    return ATTACKS[name](true, np.random.default_rng(seed))


@pytest.mark.parametrize("name", ATTACKS)
@settings(max_examples=20, deadline=None)
@given(true=uses())
def test_an_attack_keeps_the_shape_and_hides_energy_without_inventing_any(name, true):
    before = true.copy()
    told = reported(name, true)

    np.testing.assert_array_equal(true, before)
    np.testing.assert_array_equal(np.isnan(told), np.isnan(true))
    np.testing.assert_array_equal(told, reported(name, true))
    assert (told[~np.isnan(told)] >= 0).all()
    assert (np.nansum(told, axis=1) <= np.nansum(true, axis=1) + 1e-9).all()


@settings(max_examples=20, deadline=None)
@given(true=uses())
def test_each_attack_is_its_formula(true):
    for row in range(len(true)):
        known = np.flatnonzero(~np.isnan(true[row]) & (true[row] > 0))
        if not len(known):
            continue
        use = true[row, known]
        told = {name: reported(name, true)[row, known] for name in ATTACKS}

        share = told["f1 constant fraction"] / use
        assert np.ptp(share) < 1e-9
        assert 0.2 <= share[0] <= 0.8
        cut = told["f2 cut-off"]
        assert (cut[cut < use] == cut.max()).all()
        less = use - told["f3 subtracted threshold"]
        assert (less[told["f3 subtracted threshold"] > 0].round(9) == less.max().round(9)).all()
        lost = told["f5 random fraction"] / use
        assert ((lost >= 0.2) & (lost <= 0.8)).all()
        even = told["f6 random share of the mean"] / np.nanmean(true[row])
        assert ((even >= 0.2) & (even <= 0.8)).all()


def test_hidden_hours_are_the_same_every_day_for_four_to_twenty_hours():
    told = reported("f4 hidden hours", np.ones((200, DAYS * 48))).reshape(200, DAYS, 48)

    assert (told == told[:, :1]).all()
    hidden = (told[:, 0] == 0).sum(axis=1)
    assert hidden.min() >= 8
    assert hidden.max() <= 40
    # One period, which may go over midnight.
    edges = np.diff(np.concatenate([told[:, 0], told[:, 0, :1]], axis=1), axis=1)
    assert ((edges != 0).sum(axis=1) == 2).all()
