"""A meter or a customer is never on both sides."""

from __future__ import annotations

import numpy as np
import polars as pl

from rules.ranking.folds import group_numbers, grouped_folds
from rules.ranking.history import History


def test_points_that_share_a_meter_or_a_customer_are_one_group(history):
    bills = history.bills.with_columns(
        meter=pl.when(pl.col("subject") == 7).then(pl.lit(11 * 10)).otherwise("meter")
    )
    subjects = history.subjects.with_columns(
        customer_id=pl.when(pl.col("subject") == 20).then(7).otherwise("customer_id").cast(pl.Int64)
    )
    groups = group_numbers(History(subjects, bills))

    # 7 and 11 by the meter, 7 and 20 by the customer: all three.
    assert groups[7] == groups[11] == groups[20]
    assert len(np.unique(groups)) == len(subjects) - 2


def test_a_group_is_in_one_fold_and_every_fold_is_used(new_history):
    groups = group_numbers(new_history(points=60, shared=10))
    folds = grouped_folds(groups, 5, seed=3)

    assert set(folds) == {0, 1, 2, 3, 4}
    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1


def test_an_unknown_meter_groups_nobody(history):
    groups = group_numbers(
        History(history.subjects, history.bills.with_columns(meter=pl.lit(None, pl.Int64)))
    )
    assert len(np.unique(groups)) == len(history.subjects)
