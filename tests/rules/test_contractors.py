"""Contractors: what their agents did together, against the agents of the others."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.agent_tally import Visits, agent_batch
from rules.contractors import by_contractor
from rules.scorecard import scorecards

AGENTS, ROUTES, EACH = 9, 3, 300


def walked(contractor_of, rounding, seed=1, agents=AGENTS):
    """Every agent reads all routes; those of `rounding` invent every second consumption, as a multiple of ten."""
    rng = np.random.default_rng(seed)
    count = agents * EACH
    agent = np.repeat(np.arange(agents), EACH)
    kwh = rng.integers(1, 600, count)
    invented = np.isin(agent, rounding) & (rng.random(count) < 0.5)
    kwh = np.where(invented, kwh // 10 * 10 + 10, kwh).astype(float)
    nothing = np.full(count, np.nan)
    visits = Visits(
        agent=agent,
        route_id=rng.integers(0, ROUTES, count),
        usage_point_id=rng.integers(0, count // 3, count),
        district_id=np.ones(count, np.int64),
        day=rng.integers(20_000, 20_200, count).astype(np.int32),
        second=np.full(count, -1),
        is_read=rng.random(count) < 0.95,
        index_value=nothing,
        consumption_kwh=kwh,
        photo_index_value=nothing,
        latitude=nothing,
        longitude=nothing,
        point_latitude=nothing,
        point_longitude=nothing,
        route_position=np.full(count, -1),
        corrected=np.full(count, -1, np.int8),
    )
    return visits, [contractor_of[i] for i in range(agents)]


def cards_of(visits, contractors, site):
    numbers = [f"A{i}" for i in range(len(contractors))]
    agents = agent_batch(visits, np.arange(len(contractors)), numbers, contractors, site)
    return (
        {card.key: card for card in scorecards(agents)},
        {card.key: card for card in scorecards(by_contractor(agents, visits))},
    )


def part(card, name="round_readings"):
    (one,) = [one for one in card.parts if one.signal == name]
    return one


def test_a_contractor_has_the_visits_of_all_its_agents_and_is_compared_with_the_others(site):
    visits, contractors = walked(["K1"] * 3 + ["K2"] * 3 + [""] * 3, rounding=[0, 1, 2])
    agents, cards = cards_of(visits, contractors, site)
    assert set(cards) == {"K1", "K2", ""}
    assert {card.visits for card in cards.values()} == {3 * EACH}
    assert part(cards["K1"]).count == sum(part(agents[f"A{i}"]).count for i in range(3))
    assert part(cards["K1"]).percent > 50
    assert part(cards["K1"]).expected_percent == pytest.approx(10, abs=3)
    assert part(cards["K1"]).evidence > 50
    assert part(cards["K1"]).points == part(cards["K1"]).weight
    # Every other one is compared with them too, and nobody is held for rounding less.
    assert (part(cards["K2"]).points, part(cards[""]).points) == (0, 0)


def test_colleagues_who_all_invent_readings_do_not_excuse_each_other(site):
    """Most of what an agent's visits are held against are a colleague's; a contractor's are held against none of them."""
    visits, contractors = walked(["K1"] * 7 + ["K2"] * 2, rounding=range(7))
    agents, cards = cards_of(visits, contractors, site)
    assert part(agents["A0"]).expected_percent > 35
    assert part(cards["K1"]).expected_percent == pytest.approx(10, abs=4)
    assert part(agents["A0"]).evidence < 10 < 100 < part(cards["K1"]).evidence


def test_a_contractor_alone_has_nobody_to_be_compared_with_but_chance(site):
    visits, contractors = walked(["K1"] * AGENTS, rounding=[0])
    _, cards = cards_of(visits, contractors, site)
    assert part(cards["K1"], "not_read_visits").points is None
    assert part(cards["K1"]).expected_percent == pytest.approx(10, abs=0.1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.sampled_from(["", "K1", "K2"]), min_size=4, max_size=4))
def test_what_is_counted_is_as_if_all_agents_of_a_contractor_were_one(site, seed, contractor_of):
    visits, contractors = walked(contractor_of, rounding=[seed % 4], seed=seed, agents=4)
    agents = agent_batch(visits, np.arange(4), list("0123"), contractors, site)
    pooled = by_contractor(agents, visits)
    codes, row = np.unique(np.array(contractors), return_inverse=True)
    one = agent_batch(
        dataclasses.replace(visits, agent=row[visits.agent]),
        np.arange(len(codes)),
        codes.tolist(),
        codes.tolist(),
        site,
    )
    assert list(pooled.agent_no) == codes.tolist()
    for name, tally in one.tallies.items():
        for field in dataclasses.fields(tally):
            np.testing.assert_allclose(
                getattr(pooled.tallies[name], field.name), getattr(tally, field.name), err_msg=name
            )
    np.testing.assert_array_equal(pooled.visits, one.visits)
    np.testing.assert_allclose(pooled.kwh, one.kwh)
    np.testing.assert_array_equal((pooled.since, pooled.until), (one.since, one.until))
