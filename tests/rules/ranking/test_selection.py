"""Capacity and random share are exact."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.ranking.selection import select


@given(
    st.lists(st.floats(0, 1e9), min_size=1, max_size=60),
    st.integers(1, 80),
    st.floats(0, 1),
    st.integers(0, 5),
)
def test_as_many_as_asked_for_of_which_the_share_is_drawn_and_nobody_twice(worth, capacity, share, seed):
    worths = np.array(worth)
    eligible = np.arange(len(worths)) % 3 != 1
    made = select(worths, eligible, capacity, share, seed)

    size = min(capacity, int(eligible.sum()))
    assert len(made.row) == len(set(made.row)) == size
    assert made.is_random.sum() == round(size * share)
    assert eligible[made.row].all()
    best = made.row[~made.is_random]
    assert (np.diff(worths[best]) <= 0).all()
    left = np.setdiff1d(np.flatnonzero(eligible), best)
    if len(best) and len(left):
        assert worths[best].min() >= worths[left].max()


def test_the_same_seed_draws_the_same_and_another_seed_others():
    worth = np.arange(1000.0)
    everyone = np.ones(1000, np.bool_)
    one, again, other = (select(worth, everyone, 100, 0.5, seed) for seed in (1, 1, 2))
    assert one.row.tolist() == again.row.tolist() != other.row.tolist()
