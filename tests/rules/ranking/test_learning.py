"""What is learnt of a visit is what was known before it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from rules.ranking.before_change import LEAST_BILLS, before_first_change, first_changes
from rules.ranking.history import ELECTRICITY, History
from rules.ranking.learning import learn_from

VISIT = dt.date(2014, 6, 1)


def learn(history, **changes):
    return learn_from(
        history, **{"uninspected": "ignore", "folds": 5, "seed": 0, "recent_years": 7, **changes}
    )


def dated(history):
    return History(history.subjects.with_columns(inspected_on=pl.lit(VISIT)), history.bills)


def test_an_outcome_with_a_day_is_learnt_from_bills_before_that_day(history):
    lesson = learn(dated(history))
    copies = lesson.history.bills.filter(pl.col("subject") >= lesson.subjects)

    assert lesson.known.train.sum() == lesson.subjects
    assert not lesson.known.train[: lesson.subjects].any()
    assert copies["day"].max() < VISIT
    # The change of meter came after the visit: nobody learns of it.
    changes = lesson.features.table["mc_changes"].to_numpy()
    assert changes[: lesson.subjects].sum() > 0
    assert changes[lesson.subjects :].sum() == 0


def test_a_copy_is_in_the_fold_of_its_point(history):
    lesson = learn(dated(history))
    np.testing.assert_array_equal(lesson.known.fold[lesson.subjects :], lesson.known.fold[lesson.copy_of])


def test_as_of_a_day_later_outcomes_and_bills_are_unknown(history):
    lesson = learn(dated(history), as_of=VISIT)
    assert lesson.points == 0
    assert lesson.history.bills["day"].max() < VISIT


def test_points_without_an_inspection_count_as_clean_only_where_that_is_said(history):
    half = History(
        history.subjects.with_columns(
            outcome=pl.when(pl.col("outcome") == 1).then(1).otherwise(None).cast(pl.Int8)
        ),
        history.bills,
    )
    assert learn(half).points == learn(half).hits
    assert learn(half, uninspected="clean").points == len(history.subjects)


def test_a_history_before_its_change_has_none_and_others_are_cut_too(history):
    changed = first_changes(history, 2013)
    cut = before_first_change(history, 2013)

    assert len(changed) == len(history.subjects) // 5
    assert len(first_changes(cut, 2013)) == 0
    # That a history is shorter must not tell that it had a change.
    left = cut.bills.group_by("subject").len()
    assert left["len"].min() >= LEAST_BILLS
    assert cut.subjects["subject"].to_list() == list(range(len(cut.subjects)))
    assert (left["len"] < 18).mean() > 0.9
    assert cut.bills.filter(pl.col("commodity") == ELECTRICITY)["subject"].n_unique() == len(cut.subjects)


def test_a_finding_counts_for_a_visit_only_if_it_came_before(history):
    findings = pl.DataFrame(
        {
            "rule_id": ["T01", "T01", "T02"],
            "usage_point_id": [1000, 1001, 1000],
            "found_on": [VISIT - dt.timedelta(days=1), VISIT, VISIT + dt.timedelta(days=9)],
        }
    )
    lesson = learn(dated(history), findings=findings)
    made = lesson.features.table.select("fi_T01", "fi_T02", "fi_count").rows()

    # Today everything is known ...
    assert made[:3] == [(1.0, 1.0, 2.0), (1.0, 0.0, 1.0), (0.0, 0.0, 0.0)]
    # ... the visit knew what had been found the day before.
    copies = made[lesson.subjects :]
    assert copies[:3] == [(1.0, 0.0, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
    assert lesson.names[-3:] == ["fi_T01", "fi_T02", "fi_count"]
