"""Customers at the wrong transformer, in networks whose truth is known: those are proposed, and nobody else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rules.areas import balances_of, joined, rows_of
from rules.mapping import moved, proposals_of, propose
from rules.missing_energy import rank
from tests.rules.made_network import made_network

SEEDS = range(6)


def judged(made, site):
    balances = balances_of(made.network, made.points, site)
    moves = propose(made.network, made.points, balances, site)
    return balances, moves


def wrongly_recorded(made):
    rows = np.flatnonzero(made.truth != made.recorded)
    return [(row, made.recorded[row], made.truth[row]) for row in rows.tolist()]


@pytest.mark.parametrize("noise", [0.003, 0.01])
@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_recorded_at_a_neighbour_is_proposed_and_nobody_else(site, seed, noise):
    made = made_network(seed, moved=2, noise=noise)
    balances, moves = judged(made, site)
    assert [(move.point, move.recorded, move.proposed) for move in moves] == wrongly_recorded(made)
    assert all(move.evidence >= 3 for move in moves)
    # And with them where they belong, every balance closes.
    before, after = (one.loss_percent(5.0) for one in (balances, moved(moves, made.points, balances)))
    assert (np.abs(before) > 8).sum() == 4
    assert (np.abs(after) < 2).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_theft_moves_nobody_and_the_thief_is_the_first_of_his_transformer(site, seed):
    made = made_network(seed, thieves=2)
    balances, moves = judged(made, site)
    assert moves == []
    assert (balances.loss_percent(5.0) > 8).sum() == 2
    ranks, named = rank(made.network, made.points, balances, moves, site)
    for thief in made.thieves:
        (row,) = np.flatnonzero(ranks.usage_point_id == thief)
        assert (ranks.place[row], ranks.of[row]) == (1, 25)
        assert ranks.correlation[row] < -0.8
        assert named[made.truth[thief]].startswith(f"S{thief} (-0.")
    honest = ~np.isin(ranks.usage_point_id, made.thieves)
    assert (ranks.evidence[honest] < 3).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_theft_and_wrong_records_are_told_apart(site, seed):
    made = made_network(seed, moved=2, thieves=2, thief_use=0.4)
    balances, moves = judged(made, site)
    assert [(move.point, move.recorded, move.proposed) for move in moves] == wrongly_recorded(made)
    ranks, _ = rank(made.network, made.points, balances, moves, site)
    first = ranks.usage_point_id[ranks.place == 1]
    assert sorted(first.tolist()) == sorted(made.thieves)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_thief_behind_the_same_transformer_leads_to_nobody_who_is_recorded_rightly(site, seed):
    made = made_network(seed, moved=2, thieves=2, thief_use=0.2, thief_at=0)
    _, moves = judged(made, site)
    assert {(m.point, m.recorded, m.proposed) for m in moves} <= set(wrongly_recorded(made))


@pytest.mark.parametrize("seed", SEEDS)
def test_bills_of_two_months_may_hide_the_customer_but_point_to_no_other(site, seed):
    made = made_network(seed, moved=2, two_monthly=True)
    _, moves = judged(made, site)
    assert {(m.point, m.recorded, m.proposed) for m in moves} <= set(wrongly_recorded(made))


def test_two_customers_who_explain_the_same_are_not_told_apart(site):
    made = made_network(1, moved=1)
    ((one, recorded, _),) = wrongly_recorded(made)
    twin = next(row for row in np.flatnonzero(made.recorded == recorded).tolist() if row != one)
    kwh = made.points.kwh.copy()
    made.network.delivered_kwh[recorded] += (kwh[one] - kwh[twin]) / 0.95
    kwh[twin] = kwh[one]
    points = dataclasses.replace(made.points, kwh=kwh)
    assert propose(made.network, points, balances_of(made.network, points, site), site) == []


def test_a_neighbour_of_another_feeder_explains_nothing(site):
    made = made_network(1, moved=1)
    network = dataclasses.replace(made.network, feeder_id=np.arange(len(made.network.feeder_id)))
    assert propose(network, made.points, balances_of(network, made.points, site), site) == []


def test_a_feeder_that_is_not_known_has_no_neighbours(site):
    made = made_network(1, moved=1)
    network = dataclasses.replace(made.network, feeder_id=np.full(len(made.network.feeder_id), -1))
    assert propose(network, made.points, balances_of(network, made.points, site), site) == []


def test_less_than_a_year_of_balanced_months_says_nothing(site):
    made = made_network(1, moved=1)
    made.network.delivered_kwh[:, :13] = np.nan
    balances, moves = judged(made, site)
    assert moves == []
    ranks, named = rank(made.network, made.points, balances, moves, site)
    assert len(ranks.usage_point_id) == 0
    assert set(named) == {""}


def test_what_is_said_of_a_proposal_does_not_depend_on_the_order_of_buckets(site):
    made = made_network(2, moved=2, thieves=1)
    parts = [rows_of(made.points, np.flatnonzero(made.points.bucket == bucket)) for bucket in (2, 0, 3, 1)]
    points = joined(parts, made.points.kwh.shape[1])
    np.testing.assert_array_equal(points.usage_point_id, made.points.usage_point_id)
    balances, moves = judged(dataclasses.replace(made, points=points), site)
    said = proposals_of(moves, made.network, points, balances, site)
    assert said.usage_point_id.tolist() == [row for row, *_ in wrongly_recorded(made)]
    assert said.bucket.tolist() == [row % 4 for row in said.usage_point_id.tolist()]
    assert said.recorded.tolist() == [f"T{recorded}" for _, recorded, _ in wrongly_recorded(made)]
    assert said.proposed.tolist() == [f"T{proposed}" for *_, proposed in wrongly_recorded(made)]
    assert (said.recorded_before_percent < -8).all()
    assert (np.abs(said.recorded_after_percent) < 2).all()
    assert (said.proposed_before_percent > 8).all()
    assert (np.abs(said.proposed_after_percent) < 2).all()
    assert set(said.months.tolist()) == {24}
    np.testing.assert_allclose(said.kwh, points.kwh[said.usage_point_id].sum(axis=1))


def test_series_of_nothing_and_of_one_value_have_defined_results(site):
    made = made_network(1, thieves=1)
    kwh = made.points.kwh.copy()
    here = np.flatnonzero(made.recorded == made.truth[made.thieves[0]])
    kwh[here[0]], kwh[here[1]], kwh[here[2]] = 0.0, np.nan, 100.0
    points = dataclasses.replace(made.points, kwh=kwh)
    balances = balances_of(made.network, points, site)
    ranks, _ = rank(made.network, points, balances, [], site)
    assert np.isfinite(ranks.correlation).all()
    assert np.isfinite(ranks.evidence).all()
