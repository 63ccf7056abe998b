"""The model: strangers judge, probabilities are calibrated, and nothing of a held-out group leaks in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rules.ranking.learning import data_hash, learn_from
from rules.ranking.measures import calibration_error, quality
from rules.ranking.model import Known, Parameters, apply, contributions, fit_calibration, train
from rules.ranking.reasons import SIGNALS, owners, reasons

QUICK = Parameters(repeats=1, rounds=25, learning_rate=0.1, leaves=6, least_in_leaf=10, feature_share=0.5)


def lesson_of(history, **changes):
    return learn_from(
        history, **{"uninspected": "ignore", "folds": 5, "seed": 0, "recent_years": 7, **changes}
    )


@pytest.fixture(scope="module")
def lesson(history):
    return lesson_of(history)


@pytest.fixture(scope="module")
def trained(lesson):
    return train(lesson.table, lesson.names, lesson.features.cohorts, lesson.known, QUICK)


def test_it_finds_what_was_planted(lesson, trained):
    made = quality(lesson.known.outcome, trained[1])
    assert made.area > 0.75
    assert made.average_precision > 2.5 * lesson.known.outcome.mean()


def test_outcomes_without_a_pattern_are_ranked_no_better_than_by_chance(lesson):
    # A leak of the outcome through folds, rates or calibration would show here first.
    chance = np.random.default_rng(5)
    outcome = chance.permutation(lesson.known.outcome)
    known = Known(lesson.known.train, outcome, lesson.known.fold)
    _, probability = train(lesson.table, lesson.names, lesson.features.cohorts, known, QUICK)
    assert quality(outcome, probability).area < 0.6


def test_outcomes_of_a_fold_do_not_change_what_its_own_points_get(lesson):
    out = lesson.known.fold == 1
    other = Known(
        lesson.known.train,
        np.where(out, 1 - lesson.known.outcome, lesson.known.outcome),
        lesson.known.fold,
    )
    first, _ = train(lesson.table, lesson.names, lesson.features.cohorts, lesson.known, QUICK)
    second, _ = train(lesson.table, lesson.names, lesson.features.cohorts, other, QUICK)
    # The calibration is two numbers of all folds together; the members are what could leak.
    assert first.members[1] == second.members[1]
    assert first.members[0] != second.members[0]


def test_the_same_data_train_the_same_model(lesson, trained):
    again, probability = train(lesson.table, lesson.names, lesson.features.cohorts, lesson.known, QUICK)
    assert again == trained[0]
    np.testing.assert_array_equal(probability, trained[1])


def test_a_stored_model_gives_what_training_gave(lesson, trained):
    model, probability = trained
    made = apply(model, lesson.table, lesson.names, lesson.features.cohorts, lesson.known)
    np.testing.assert_allclose(made, probability)


def test_probabilities_are_calibrated(new_history):
    lesson = lesson_of(new_history(points=1200, bills=13))
    _, probability = train(lesson.table, lesson.names, lesson.features.cohorts, lesson.known, QUICK)
    assert calibration_error(lesson.known.outcome, probability, bins=5) < 0.03


def test_calibration_repairs_log_odds_that_exaggerate():
    chance = np.random.default_rng(2)
    true = chance.normal(-2, 1, 20_000)
    outcome = (chance.random(20_000) < 1 / (1 + np.exp(-true))).astype(np.float64)
    made = fit_calibration(3 * true + 1, outcome)
    assert made.slope == pytest.approx(1 / 3, abs=0.03)
    assert made.offset == pytest.approx(-1 / 3, abs=0.08)


def test_every_point_has_a_reason_in_both_languages(lesson, trained):
    rows = np.arange(lesson.subjects)
    explained = contributions(
        trained[0], lesson.table, lesson.names, lesson.features.cohorts, lesson.known, rows
    )
    owner = owners(trained[0].features)
    facts = lesson.features.table.to_dicts()
    for row in rows:
        made = reasons(facts[row], explained[row], owner)
        assert 1 <= len(made) <= 3
        assert all(reason.en and reason.fa and "{" not in reason.en + reason.fa for reason in made)
    assert SIGNALS[0].name in {reasons(facts[0], explained[0], owner)[0].signal for _ in (0,)} | {
        reason.signal for reason in reasons(facts[0], explained[0], owner)
    }


def test_a_feature_without_a_signal_is_refused():
    with pytest.raises(ValueError, match="belongs to no signal"):
        owners(("zz_unknown",))


def test_a_point_with_nothing_known_has_a_reason_all_the_same():
    made = reasons({}, np.zeros(len(SIGNALS)), np.arange(len(SIGNALS)))
    assert len(made) == 1
    for signal in SIGNALS:
        assert any(phrase.fits({}) for phrase in signal.phrases)


def test_the_hash_names_the_data(history, lesson, new_history):
    assert data_hash(lesson) == data_hash(lesson_of(history))
    assert data_hash(lesson) != data_hash(lesson_of(new_history(seed=2)))


def test_what_is_left_out_is_left_out_of_the_learnt_rates_too(lesson):
    quick = replace(QUICK, without=("tm_", "co_tour"))
    model, _ = train(lesson.table, lesson.names, lesson.features.cohorts, lesson.known, quick)
    assert not [name for name in model.features if name.startswith(("tm_", "co_tour"))]
    assert [name for name in model.features if name.startswith("co_signed")]
