"""From the visits of a year to what each reading agent's amount to. Arrays over all visits; loops only over agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.agent_batch import AgentBatch, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.site import ReadingPractice, Site

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

UNKNOWN = -1
_DAY_SECONDS = 86_400
_EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class Visits:
    """One attempt to read one point a row. All arrays are (visits,); a missing float is NaN, a missing number -1."""

    agent: Ints  # row of the agent
    route_id: Ints
    usage_point_id: Ints
    district_id: Ints
    day: NDArray[np.int32]
    second: Ints  # of local time since 1970-01-01
    is_read: Bools
    index_value: Floats
    consumption_kwh: Floats
    photo_index_value: Floats
    latitude: Floats
    longitude: Floats
    point_latitude: Floats
    point_longitude: Floats
    route_position: Ints
    corrected: NDArray[np.int8]  # 1, 0, or -1: the source does not say

    def __len__(self) -> int:
        return len(self.agent)


def agent_batch(
    visits: Visits, agent_id: Ints, agent_no: Sequence[str], contractor_code: Sequence[str], site: Site
) -> AgentBatch:
    """`visits.agent` are rows of `agent_id`, in which every agent stands once."""
    agents = len(agent_id)
    known = visits.is_read & ~np.isnan(visits.consumption_kwh)
    placed = _placed(visits)
    timed = visits.is_read & (visits.second >= 0)
    intervals, median, most = _pace(visits, timed, agents)
    return AgentBatch(
        agent_id=agent_id,
        agent_no=agent_no,
        contractor_code=contractor_code,
        district_id=_districts(visits, agents),
        visits=_count(visits.agent, agents),
        kwh=_sum(visits.agent[known], visits.consumption_kwh[known], agents),
        since=_extreme(visits, agents, np.minimum, np.iinfo(np.int32).max),
        until=_extreme(visits, agents, np.maximum, np.iinfo(np.int32).min) + np.int32(1),
        tallies=tallies_of(visits, visits.agent, agents, happenings(visits, site), site),
        timed_intervals=intervals,
        median_seconds=median,
        most_in_ten_minutes=most,
        same_place_run=_same_place(visits, placed & timed, agents),
        located=_count(visits.agent[placed & timed], agents),
        longest_cycles=_cycles(visits, agents),
        routed=_count(visits.agent[visits.route_id >= 0], agents),
        site=site,
    )


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that can happen at a visit. Arrays are (visits,)."""

    seen: Bools  # whether it could be seen
    hit: Bools  # whether it happened, where it was seen
    least_rate: float  # that chance alone gives


def tallies_of(
    visits: Visits, subject: Ints, subjects: int, happened: dict[str, Happening], site: Site
) -> dict[str, Tally]:
    """By TALLIES, of subjects whose rows `subject` (visits,) names: agents, or contractors with all their agents."""
    return {name: tally(one, visits, subject, subjects, site.reading) for name, one in happened.items()}


def happenings(visits: Visits, site: Site) -> dict[str, Happening]:
    """What is tallied, by TALLIES."""
    practice = site.reading
    known = visits.is_read & ~np.isnan(visits.consumption_kwh)
    positive = known & (visits.consumption_kwh > 0)
    placed = _placed(visits)
    timed = visits.is_read & (visits.second >= 0)
    near, at = _steps(visits.consumption_kwh, positive, practice)
    repeatable, repeated = _repeated(visits, positive)
    registered = visits.is_read & (visits.route_id >= 0) & (visits.index_value > 0)
    photographed = visits.is_read & ~np.isnan(visits.photo_index_value) & ~np.isnan(visits.index_value)
    measured = placed & ~np.isnan(visits.point_latitude) & ~np.isnan(visits.point_longitude)
    with np.errstate(invalid="ignore"):
        is_round = np.mod(visits.consumption_kwh, 10.0) == 0.0
        differs = np.abs(visits.photo_index_value - visits.index_value) >= 1.0
        is_zero = visits.consumption_kwh == 0.0
        is_far = _metres(visits) > practice.far_metres
    happened = {
        "round_consumption": (positive, is_round, 0.1),
        # One of the 2 w + 1 whole numbers within w of the limit.
        "step_consumption": (near, at, 1.0 / (2.0 * practice.step_window_kwh + 1.0)),
        "same_register": (registered, _shared_register(visits, registered), 0.0),
        "same_consumption": (repeatable, repeated, 0.0),
        "not_read": (np.ones(len(visits), np.bool_), ~visits.is_read, 0.0),
        "zero_consumption": (known, is_zero, 0.0),
        "corrected": (visits.is_read & (visits.corrected >= 0), visits.corrected == 1, 0.0),
        "irregular": (timed, _irregular(visits, timed, practice), 0.0),
        "photo_mismatch": (photographed, differs, 0.0),
        "far_away": (measured, is_far, 0.0),
    }
    return {name: Happening(*one) for name, one in happened.items()}


def tally(one: Happening, visits: Visits, subject: Ints, subjects: int, practice: ReadingPractice) -> Tally:
    """How often it happened to each of the subjects, and what others' visits let expect.

    The rate of a route is that of the other subjects on it, where they made enough visits there, else that of the other
    ones everywhere; never below what chance alone gives.
    """
    rows = np.flatnonzero(one.seen)
    agent, struck = subject[rows], one.hit[rows].astype(np.float64)
    of, count = _count(agent, subjects), _sum(agent, struck, subjects)
    _, route = np.unique(visits.route_id[rows], return_inverse=True)
    pair, row_of_pair = np.unique(agent * (len(rows) + 1) + route, return_inverse=True)
    pair_agent, pair_route = pair // (len(rows) + 1), pair % (len(rows) + 1)
    pair_of = np.bincount(row_of_pair, minlength=len(pair)).astype(np.float64)
    pair_count = np.bincount(row_of_pair, struck, minlength=len(pair))
    others = np.bincount(route)[pair_route] - pair_of
    others_count = np.bincount(route, struck)[pair_route] - pair_count
    everywhere, everywhere_count = len(rows) - of[pair_agent], struck.sum() - count[pair_agent]
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(
            (others >= practice.least_others_visits) & (visits.route_id[rows].max(initial=-1) >= 0),
            others_count / others,
            everywhere_count / everywhere,
        )
    if one.least_rate:
        rate = np.fmax(rate, one.least_rate)
    expected = _sum(pair_agent, pair_of * rate, subjects)
    return Tally(count.astype(np.int64), of, np.where(of > 0, expected, np.nan))


def _placed(visits: Visits) -> Bools:
    return visits.is_read & ~np.isnan(visits.latitude) & ~np.isnan(visits.longitude)


def _steps(consumption: Floats, positive: Bools, practice: ReadingPractice) -> tuple[Bools, Bools]:
    limits = np.array(practice.step_limits_kwh)
    distance = np.abs(np.where(positive, consumption, -1e9)[:, None] - limits[None, :]).min(axis=1)
    near: Bools = distance <= practice.step_window_kwh
    return near, near & (distance == 0.0)


def _repeated(visits: Visits, positive: Bools) -> tuple[Bools, Bools]:
    """(whether the two visits before at the same point have a consumption too, whether all three are the same)."""
    order = np.lexsort((visits.second, visits.day, visits.usage_point_id))
    order = order[positive[order]]
    point, kwh = visits.usage_point_id[order], visits.consumption_kwh[order]
    repeatable, repeated = np.zeros(len(visits), np.bool_), np.zeros(len(visits), np.bool_)
    if len(order) > 2:
        same_point = (point[2:] == point[:-2]) & (point[1:-1] == point[:-2])
        repeatable[order[2:]] = same_point
        repeated[order[2:]] = same_point & (kwh[2:] == kwh[1:-1]) & (kwh[1:-1] == kwh[:-2])
    return repeatable, repeated


def _shared_register(visits: Visits, registered: Bools) -> Bools:
    """Whether another point of the route shows the same register in the same month."""
    shared = np.zeros(len(visits), np.bool_)
    rows = np.flatnonzero(registered)
    months = _months(visits.day[rows])
    order = np.lexsort((visits.usage_point_id[rows], visits.index_value[rows], months, visits.route_id[rows]))
    point, register = visits.usage_point_id[rows][order], visits.index_value[rows][order]
    month, route = months[order], visits.route_id[rows][order]
    if len(order) > 1:
        same = (register[1:] == register[:-1]) & (month[1:] == month[:-1]) & (route[1:] == route[:-1])
        group = np.concatenate([[0], np.cumsum(~same)])
        other = np.concatenate([[True], (point[1:] != point[:-1]) | ~same])
        points = np.bincount(group, other)
        shared[rows[order]] = points[group] > 1
    return shared


def _irregular(visits: Visits, timed: Bools, practice: ReadingPractice) -> Bools:
    hour = np.mod(visits.second, _DAY_SECONDS) // 3600
    irregular = timed & ((hour >= practice.night_from_hour) | (hour < practice.night_to_hour))
    rows = np.flatnonzero(timed & (visits.route_position >= 0) & (visits.route_id >= 0))
    order = rows[
        np.lexsort((visits.second[rows], visits.day[rows], visits.route_id[rows], visits.agent[rows]))
    ]
    if len(order) > 1:
        follows = _same(visits.agent, order) & _same(visits.route_id, order) & _same(visits.day, order)
        position = visits.route_position[order]
        irregular[order[1:]] |= follows & (position[1:] < position[:-1])
    return irregular


def _pace(visits: Visits, timed: Bools, agents: int) -> tuple[Ints, Floats, Ints]:
    """(intervals, their median in seconds, most reads in ten minutes) of each agent."""
    rows = np.flatnonzero(timed)
    order = rows[np.lexsort((visits.second[rows], visits.agent[rows]))]
    agent, second = visits.agent[order], visits.second[order]
    median, most = np.full(agents, np.nan), np.zeros(agents, np.int64)
    if not len(order):
        return np.zeros(agents, np.int64), median, most
    # Agents far apart on one axis, so that no window of ten minutes holds two of them.
    axis = second - second.min() + agent * (int(second.max() - second.min()) + 601)
    np.maximum.at(most, agent, np.searchsorted(axis, axis + 600, side="right") - np.arange(len(axis)))
    follows = _same(visits.agent, order) & _same(visits.day, order)
    seconds, of = np.diff(second)[follows], agent[1:][follows]
    starts = np.searchsorted(of, np.arange(agents + 1))
    for one in range(agents):
        if starts[one] < starts[one + 1]:
            median[one] = np.median(seconds[starts[one] : starts[one + 1]])
    return np.diff(starts).astype(np.int64), median, most


def _same_place(visits: Visits, usable: Bools, agents: int) -> Ints:
    rows = np.flatnonzero(usable)
    order = rows[np.lexsort((visits.second[rows], visits.agent[rows]))]
    stays = _same(visits.agent, order) & _same(visits.day, order)
    stays &= _same(visits.latitude, order) & _same(visits.longitude, order)
    return _longest(stays, visits.agent[order], agents)


def _cycles(visits: Visits, agents: int) -> Ints:
    """Consecutive months of reading of one route by one agent; months in which nobody read it do not count."""
    rows = np.flatnonzero(visits.route_id >= 0)
    route, month = visits.route_id[rows], _months(visits.day[rows])
    if not len(rows):
        return np.zeros(agents, np.int64)
    # Pairs and triples as one number each: sorting rows of several columns takes ten times as long.
    _, route = np.unique(route, return_inverse=True)
    months = int(month.max() - month.min()) + 1
    read, cycle = np.unique(route * months + (month - month.min()), return_inverse=True)
    first = np.searchsorted(read, read // months * months)
    number = (np.arange(len(read)) - first)[cycle]
    routes = int(route.max()) + 1
    walked = np.unique((visits.agent[rows] * routes + route) * months + number)
    agent, route, number = walked // (routes * months), walked // months % routes, walked % months
    goes_on = (agent[1:] == agent[:-1]) & (route[1:] == route[:-1]) & (number[1:] == number[:-1] + 1)
    return _longest(goes_on, agent, agents)


def _longest(goes_on: Bools, agent: Ints, agents: int) -> Ints:
    """(agents,) length of the longest run; `goes_on[i]` says that row i + 1 belongs to the run of row i."""
    longest = np.zeros(agents, np.int64)
    if len(agent):
        starts = np.flatnonzero(np.concatenate([[True], ~goes_on]))
        np.maximum.at(longest, agent[starts], np.diff(np.append(starts, len(agent))))
    return longest


def _metres(visits: Visits) -> Floats:
    """Great-circle distance from the read to the point (haversine)."""
    latitude, point_latitude = np.radians(visits.latitude), np.radians(visits.point_latitude)
    turn = np.radians(visits.longitude - visits.point_longitude)
    h = (
        np.sin((latitude - point_latitude) / 2) ** 2
        + np.cos(latitude) * np.cos(point_latitude) * np.sin(turn / 2) ** 2
    )
    metres: Floats = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0)))
    return metres


def _months(day: NDArray[np.int32]) -> Ints:
    months: Ints = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def _same(values: NDArray[np.generic], order: Ints) -> Bools:
    ordered = values[order]
    same: Bools = ordered[1:] == ordered[:-1]
    return same


def _count(agent: Ints, agents: int) -> Ints:
    return np.bincount(agent, minlength=agents).astype(np.int64)


def _sum(agent: Ints, values: Floats, agents: int) -> Floats:
    # Without a single row numpy gives whole numbers.
    return np.bincount(agent, values, minlength=agents).astype(np.float64)


def _districts(visits: Visits, agents: int) -> Ints:
    """The district of most visits, the lowest id of several."""
    known, district = np.unique(visits.district_id, return_inverse=True)
    districts = np.full(agents, UNKNOWN, np.int64)
    if len(known):
        pairs, counts = np.unique(visits.agent * len(known) + district, return_counts=True)
        agent, district = pairs // len(known), pairs % len(known)
        order = np.lexsort((-district, counts))
        # Written last, so kept: the largest count, and of those the lowest id.
        districts[agent[order]] = known[district[order]]
    return districts


def _extreme(visits: Visits, agents: int, better: np.ufunc, start: int) -> NDArray[np.int32]:
    days = np.full(agents, start, np.int32)
    better.at(days, visits.agent, visits.day)
    has_visits = np.bincount(visits.agent, minlength=agents) > 0
    return np.where(has_visits, days, 0).astype(np.int32)
