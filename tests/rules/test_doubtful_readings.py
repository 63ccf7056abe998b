"""Which readings an agent's habits put in doubt, against a count visit by visit."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
import pytest

from rules.agent_tally import Visits, agent_batch
from rules.doubtful_readings import doubtful_readings, nothing_doubtful
from rules.loader import load_catalogue
from rules.signals import all_signals
from rules.standing import RuleException
from rules.testing.points import Point, point_batch

RULES = load_catalogue().active("reading_agent")
AGENTS, EACH, POINTS = 8, 200, 60


def made(site, seed=1, copying=(3,)):
    rng = np.random.default_rng(seed)
    count = AGENTS * EACH
    agent = np.repeat(np.arange(AGENTS), EACH)
    nothing = np.full(count, np.nan)
    kwh = rng.integers(1, 600, count).astype(float)
    kwh[np.isin(agent, copying) & (rng.random(count) < 0.4)] = 0.0
    kwh[rng.random(count) < 0.01] = 0.0
    visits = Visits(
        agent=agent,
        route_id=rng.integers(0, 3, count),
        usage_point_id=rng.integers(1, POINTS + 1, count),
        district_id=np.ones(count, np.int64),
        day=rng.integers(20_000, 20_200, count).astype(np.int32),
        second=np.full(count, -1),
        is_read=rng.random(count) < 0.9,
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
    agents = agent_batch(visits, np.arange(AGENTS), [f"A{i}" for i in range(AGENTS)], [""] * AGENTS, site)
    return visits, agents


@pytest.mark.parametrize("seed", range(3))
def test_readings_equal_to_the_one_before_are_in_doubt_where_the_agents_habit_says_so(site, seed):
    visits, agents = made(site, seed, copying=(3, 5))
    table = doubtful_readings(visits, visits.usage_point_id % 4, agents, RULES)
    doubtful = defaultdict(list)
    for i in range(len(visits)):
        if visits.agent[i] in (3, 5) and visits.is_read[i] and visits.consumption_kwh[i] == 0:
            doubtful[int(visits.usage_point_id[i])].append(i)
    assert table.usage_point_id.tolist() == sorted(doubtful)
    for row, point in enumerate(table.usage_point_id.tolist()):
        days = [int(visits.day[i]) for i in doubtful[point]]
        by_agent = [sum(visits.agent[i] == agent for i in doubtful[point]) for agent in (3, 5)]
        assert table.agent_no[row] == ("A3" if by_agent[0] >= by_agent[1] else "A5")
        assert (table.readings[row], table.first[row], table.last[row]) == (len(days), min(days), max(days))
        of = (visits.usage_point_id == point) & visits.is_read
        assert table.of[row] == (of & (visits.day >= min(days)) & (visits.day <= max(days))).sum()
        assert table.bucket[row] == point % 4


def test_the_same_reading_of_an_agent_like_others_is_in_no_doubt(site):
    visits, agents = made(site, copying=())
    assert len(doubtful_readings(visits, visits.usage_point_id, agents, RULES)) == 0


def test_who_was_cleared_puts_nothing_in_doubt_and_rounding_alone_neither(site):
    visits, agents = made(site)
    assert len(doubtful_readings(visits, visits.usage_point_id, agents, RULES, ["A3"])) == 0
    rounding = [rule for rule in RULES if rule.id == "A01"]
    assert len(doubtful_readings(visits, visits.usage_point_id, agents, rounding)) == 0


def test_a_rule_that_opens_no_case_about_the_agent_puts_nothing_in_doubt(site):
    visits, agents = made(site)

    def doubtful(**standing):
        rules = [dataclasses.replace(rule, **standing) for rule in RULES]
        return len(doubtful_readings(visits, visits.usage_point_id, agents, rules))

    assert doubtful() > 0
    assert doubtful(status="shadow") == 0
    agent = int(agents.agent_id[agents.agent_no.index("A3")])
    excepted = RuleException("E1", "A07", reading_agent_id=agent)
    assert doubtful(exceptions=(excepted,)) == 0
    assert doubtful(trial_district=int(agents.district_id[0]) + 1, status="trial") == 0


def test_the_signal_is_absent_for_points_that_others_read(site):
    visits, agents = made(site)
    table = doubtful_readings(visits, visits.usage_point_id * 0, agents, RULES)
    batch = point_batch(
        [Point([1.0] * 24) for _ in range(POINTS)], last_month=24_000, as_of=20_300, site=site
    )
    kernel = all_signals()["doubtful_readings"].kernel
    values = kernel(dataclasses.replace(batch, doubtful=table))
    assert np.flatnonzero(values.present).tolist() == (table.usage_point_id - 1).tolist()
    rows = np.flatnonzero(values.present)
    assert set(values.fields["agent"][rows]) == {"A3"}
    assert (values.fields["share_percent"][rows] <= 100).all()
    for none in (None, nothing_doubtful()):
        assert not kernel(dataclasses.replace(batch, doubtful=none)).present.any()
