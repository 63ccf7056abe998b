"""What visits amount to, against a count visit by visit."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.agent_tally import Visits, agent_batch
from rules.signals import all_signals
from rules.site import ReadingPractice

AGENTS = 3
_FIELDS = [field.name for field in dataclasses.fields(Visits)]
_TYPES = {
    **dict.fromkeys(
        ("agent", "route_id", "usage_point_id", "district_id", "second", "route_position"), np.int64
    ),
    "day": np.int32,
    "is_read": np.bool_,
    "corrected": np.int8,
}
_visit = st.fixed_dictionaries(
    {
        "agent": st.integers(0, AGENTS - 1),
        "route_id": st.sampled_from([-1, 7, 8]),
        "usage_point_id": st.integers(1, 4),
        "district_id": st.sampled_from([1, 2]),
        "day": st.sampled_from([20_000, 20_001, 20_031, 20_062, 20_093]),
        "clock": st.sampled_from([None, 3 * 3600, 9 * 3600, 9 * 3600 + 5, 9 * 3600 + 300, 20 * 3600]),
        "is_read": st.booleans(),
        "index_value": st.sampled_from([math.nan, 0.0, 100.0, 101.0, 105.0]),
        "consumption_kwh": st.sampled_from([math.nan, 0.0, 10.0, 97.0, 100.0, 104.0, 105.0, 106.0, 205.0]),
        "photo_index_value": st.sampled_from([math.nan, 100.0, 100.4, 101.0]),
        "latitude": st.sampled_from([math.nan, 35.0, 35.01]),
        "longitude": st.sampled_from([math.nan, 51.0]),
        "point_latitude": st.sampled_from([math.nan, 35.0]),
        "point_longitude": st.just(51.0),
        "route_position": st.sampled_from([-1, 1, 2, 3]),
        "corrected": st.sampled_from([-1, 0, 1]),
    }
)


def visits_of(rows):
    """Times differ within a day and agent, as they do in life: the order of equal ones would be anybody's."""
    made, used = [], set()
    for row in rows:
        second = -1 if row["clock"] is None else row["day"] * 86_400 + row["clock"]
        while second >= 0 and (row["agent"], second) in used:
            second += 1
        used.add((row["agent"], second))
        made.append({**{k: v for k, v in row.items() if k != "clock"}, "second": second})
    columns = {name: np.array([row[name] for row in made], _TYPES.get(name, float)) for name in _FIELDS}
    return made, Visits(**columns)


def month(visit):
    return str(np.datetime64(visit["day"], "D").astype("datetime64[M]"))


def is_known(value):
    return not math.isnan(value)


def seen_and_hit(visits, practice):
    """Name → [(visit, whether it could be seen, whether it happened)], by words."""
    found = defaultdict(list)
    for v in visits:
        positive = v["is_read"] and is_known(v["consumption_kwh"]) and v["consumption_kwh"] > 0
        kwh = v["consumption_kwh"]
        near = positive and any(abs(kwh - s) <= practice.step_window_kwh for s in practice.step_limits_kwh)
        found["round_consumption"].append((v, positive, positive and kwh % 10 == 0))
        found["step_consumption"].append((v, near, near and kwh in practice.step_limits_kwh))
        registered = v["is_read"] and v["route_id"] >= 0 and v["index_value"] > 0
        found["same_register"].append(
            (
                v,
                registered,
                any(
                    o["is_read"]
                    and (o["route_id"], month(o), o["index_value"])
                    == (v["route_id"], month(v), v["index_value"])
                    and o["usage_point_id"] != v["usage_point_id"]
                    for o in visits
                ),
            )
        )
        found["not_read"].append((v, True, not v["is_read"]))
        found["zero_consumption"].append((v, v["is_read"] and is_known(kwh), kwh == 0))
        found["corrected"].append((v, v["is_read"] and v["corrected"] >= 0, v["corrected"] == 1))
        photo = v["is_read"] and is_known(v["photo_index_value"]) and is_known(v["index_value"])
        found["photo_mismatch"].append((v, photo, abs(v["photo_index_value"] - v["index_value"]) >= 1))
        placed = v["is_read"] and all(is_known(v[k]) for k in ("latitude", "longitude", "point_latitude"))
        found["far_away"].append((v, placed, v["latitude"] != v["point_latitude"]))
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(rows=st.lists(_visit, max_size=14), least_others=st.sampled_from([1, 3]))
def test_each_tally_is_the_count_visit_by_visit_and_expects_what_others_meet(site, rows, least_others):
    practice = ReadingPractice(least_others_visits=least_others)
    site = dataclasses.replace(site, reading=practice)
    listed, visits = visits_of(rows)
    batch = agent_batch(visits, np.arange(10, 10 + AGENTS), ["a", "b", "c"], ["", "K", "K"], site)
    least = {"round_consumption": 0.1, "step_consumption": 1 / 11}
    for name, told in seen_and_hit(listed, practice).items():
        tally = batch.tallies[name]
        by_agent = [
            [(v["route_id"], hit) for v, seen, hit in told if seen and v["agent"] == a] for a in range(AGENTS)
        ]
        for agent, own in enumerate(by_agent):
            assert (tally.of[agent], tally.count[agent]) == (len(own), sum(hit for _, hit in own)), name
            others = [one for a, those in enumerate(by_agent) if a != agent for one in those]
            expected = 0.0
            for route, _ in own:
                there = [hit for r, hit in others if r == route]
                everywhere = [hit for _, hit in others]
                base = there if len(there) >= least_others else everywhere
                rate = sum(base) / len(base) if base else math.nan
                floor = least.get(name, 0.0)
                expected += floor if floor and not rate >= floor else rate
            found = tally.expected[agent]
            assert math.isnan(found) if not own else found == pytest.approx(expected, nan_ok=True), name


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(rows=st.lists(_visit, max_size=14))
def test_pace_place_order_and_rotation_are_those_of_the_walk(site, rows):
    listed, visits = visits_of(rows)
    batch = agent_batch(visits, np.arange(AGENTS), ["a", "b", "c"], [""] * AGENTS, site)
    for agent in range(AGENTS):
        walk = sorted(
            (v for v in listed if v["agent"] == agent and v["is_read"] and v["second"] >= 0),
            key=lambda v: v["second"],
        )
        gaps = [b["second"] - a["second"] for a, b in itertools.pairwise(walk) if a["day"] == b["day"]]
        assert batch.timed_intervals[agent] == len(gaps)
        assert batch.median_seconds[agent] == pytest.approx(
            statistics.median(gaps) if gaps else math.nan, nan_ok=True
        )
        assert batch.most_in_ten_minutes[agent] == max(
            (sum(0 <= b["second"] - a["second"] <= 600 for b in walk) for a in walk), default=0
        )
        placed = [v for v in walk if is_known(v["latitude"]) and is_known(v["longitude"])]
        longest = run = 0
        for before, v in zip([None, *placed], placed, strict=False):
            stays = before and all(before[k] == v[k] for k in ("day", "latitude", "longitude"))
            run = run + 1 if stays else 1
            longest = max(longest, run)
        assert (batch.same_place_run[agent], batch.located[agent]) == (longest, len(placed))
        by_night = [v["second"] % 86_400 // 3600 in (*range(5), *range(20, 24)) for v in walk]
        backward = []
        for v in walk:
            before = [
                w
                for w in walk
                if (w["route_id"], w["day"]) == (v["route_id"], v["day"])
                and w["second"] < v["second"]
                and w["route_position"] >= 0
            ]
            is_placed = v["route_position"] >= 0 and v["route_id"] >= 0
            backward.append(is_placed and bool(before) and before[-1]["route_position"] > v["route_position"])
        assert batch.tallies["irregular"].count[agent] == sum(
            n or b for n, b in zip(by_night, backward, strict=True)
        )
        cycles = 0
        for route in (7, 8):
            months = sorted({month(v) for v in listed if v["route_id"] == route})
            mine = {month(v) for v in listed if v["route_id"] == route and v["agent"] == agent}
            run = 0
            for one in months:
                run = run + 1 if one in mine else 0
                cycles = max(cycles, run)
        assert batch.longest_cycles[agent] == cycles


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(rows=st.lists(_visit, max_size=14))
def test_signals_of_agents_are_finite_where_present_and_silent_on_few_visits(site, rows):
    _, visits = visits_of(rows)
    batch = agent_batch(visits, np.arange(AGENTS), ["a", "b", "c"], [""] * AGENTS, site)
    for signal in all_signals().values():
        if signal.subject != "reading_agent":
            continue
        values = signal.kernel(batch)
        assert set(values.fields) == set(signal.fields)
        for field in values.fields.values():
            assert np.isfinite(field[values.present]).all()
        if "expected_percent" in signal.fields:
            assert not values.present.any()


def test_an_agent_who_rounds_stands_out_among_many_who_do_not(site):
    random = np.random.default_rng(3)
    agents, each = 60, 400
    agent = np.repeat(np.arange(agents), each)
    kwh = random.integers(1, 600, len(agent)).astype(float)
    rounds = (agent == 17) & (random.random(len(agent)) < 0.4)
    kwh[rounds] = np.ceil(kwh[rounds] / 10) * 10
    n = len(agent)
    nothing = np.full(n, np.nan)
    visits = Visits(
        agent=agent,
        route_id=agent // 2,
        usage_point_id=np.arange(n),
        district_id=np.ones(n, np.int64),
        day=np.full(n, 20_000, np.int32),
        second=np.full(n, -1),
        is_read=np.ones(n, np.bool_),
        index_value=nothing,
        consumption_kwh=kwh,
        photo_index_value=nothing,
        latitude=nothing,
        longitude=nothing,
        point_latitude=nothing,
        point_longitude=nothing,
        route_position=np.full(n, -1),
        corrected=np.full(n, -1, np.int8),
    )
    batch = agent_batch(visits, np.arange(agents), list(map(str, range(agents))), [""] * agents, site)
    values = all_signals()["round_readings"].kernel(batch)
    assert np.flatnonzero(values.fields["evidence"] >= 6).tolist() == [17]
    assert values.fields["percent"][17] > 40
    assert not all_signals()["reading_pace"].kernel(batch).present.any()


def test_a_consumption_repeated_at_a_customer_counts_from_the_third_time_on(site):
    def visit(day, point, kwh, agent=0):
        innocent = dict.fromkeys(_FIELDS, math.nan) | {"route_id": 7, "route_position": -1, "corrected": -1}
        at = {"agent": agent, "usage_point_id": point, "district_id": 1, "day": day, "clock": None}
        return innocent | at | {"is_read": True, "consumption_kwh": kwh}

    rows = [visit(20_000 + 30 * n, 1, 200.0) for n in range(5)]
    rows += [
        visit(20_000 + 30 * n, 2, kwh, agent=1) for n, kwh in enumerate([200.0, 200.0, 201.0, 0.0, 0.0, 0.0])
    ]
    _, visits = visits_of(rows)
    batch = agent_batch(visits, np.arange(2), ["a", "b"], ["", ""], site)
    tally = batch.tallies["same_consumption"]
    assert (tally.count.tolist(), tally.of.tolist()) == ([3, 0], [3, 1])
