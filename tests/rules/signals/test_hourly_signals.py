"""Signals about the shape of a load over three months: plain definitions of one point, on loads that are drawn."""

from __future__ import annotations

import functools
import itertools
import math
import random
import statistics
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.batch import QUANTITIES
from rules.hourly_use import GRID_DAYS, RECENT_DAYS
from rules.signals import all_signals
from rules.testing.points import Interval, Point, point_batch

ENERGY = QUANTITIES.index("active_energy_kwh")
AS_OF, LAST_MONTH = 20_442, 24_311
KINDS = ("day", "constant", "empty", "hidden", "clipped", "lot", "coarse")


def load(kind, hour, lot):
    """kWh of an hour."""
    use = 0.2 + (0.6 if 3 <= hour < 14 else 0.0) + 0.4 * lot.random()
    return {
        "day": round(use, 3),
        "constant": 0.25,
        "empty": 0.0,
        "hidden": 0.0 if 10 <= hour < 15 else round(use, 3),
        "clipped": min(round(use, 3), 0.9),
        "lot": round(0.5 * lot.uniform(0.2, 0.8), 3),
        "coarse": round(use, 1),
    }[kind]


@st.composite
def recipes(draw):
    """Values of a load that changes at some day, with gaps, and other quantities and lengths among it."""
    lot = random.Random(draw(st.integers(0, 2**20)))
    minutes = draw(st.sampled_from([30, 60, 60, 120]))
    days = draw(st.sampled_from([3, 20, 40, 60, 92, 92, 92, 96]))
    before, now = draw(st.sampled_from(KINDS)), draw(st.sampled_from(KINDS))
    changed = draw(st.sampled_from([1, 14, 28, 28, 28, 60]))
    factor, missing = draw(st.sampled_from([1.0, 0.5, 2.0])), draw(st.sampled_from([0.0, 0.0, 0.1, 0.6]))
    started = (AS_OF - days) * 86_400
    values = []
    for i in range(days * 1440 // minutes):
        second = started + i * minutes * 60
        is_now = second >= (AS_OF - changed) * 86_400
        kwh = load(now if is_now else before, second % 86_400 // 3600, lot) * (factor if is_now else 1.0)
        if lot.random() >= missing:
            values.append(Interval(ENERGY, 0, second, minutes, kwh * minutes / 60))
    odd = Interval(ENERGY, 0, started + 1800 + 7, 15, draw(st.sampled_from([-1.0, 0.3])))
    return [*values, odd, Interval(ENERGY, 1, started, 30, 9.0)]


points = st.lists(recipes(), min_size=0, max_size=2)


@pytest.fixture
def agrees(site):
    """Checks a kernel against a definition of one point, among a point without interval readings."""

    def check(name, definition, examples=18):
        @settings(
            deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck), database=None
        )
        @given(points, st.sampled_from([math.nan, 5.0]))
        def hold(drawn, contract):
            rows = [
                Point([1.0], contracted_power_kw=contract),
                *(Point([1.0], intervals=one, contracted_power_kw=contract) for one in drawn),
            ]
            batch = point_batch(rows, last_month=LAST_MONTH, as_of=AS_OF, site=site)
            values = all_signals()[name].kernel(batch)
            for row, point in enumerate(rows):
                expected = definition(point)
                assert bool(values.present[row]) == (expected is not None)
                if expected is not None:
                    assert set(expected) == set(all_signals()[name].fields)
                    found = {field: float(values.fields[field][row]) for field in expected}
                    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)

        hold()

    return check


class Hours:
    """Known hours of one point: day (0 the scan's, negative before it) → hour → kWh."""

    def __init__(self, point):
        parts = defaultdict(list)
        for one in point.intervals:
            if (one.quantity, one.phase) == (ENERGY, 0) and one.duration_minutes <= 60 and one.value >= 0:
                local = one.second + 12_600
                parts[local // 86_400 - AS_OF, local % 86_400 // 3600].append(one)
        self.days = defaultdict(dict)
        for (day, hour), ones in parts.items():
            minutes = sum(one.duration_minutes for one in ones)
            if -GRID_DAYS <= day < 0 and minutes >= 30:
                self.days[day][hour] = sum(one.value for one in ones) * 60 / minutes

    def of(self, first, end):
        return {day: hours for day, hours in self.days.items() if first <= day < end}

    @functools.cached_property
    def recent(self):
        return self.of(-RECENT_DAYS, 0)

    @functools.cached_property
    def usual(self):
        return self.of(-GRID_DAYS, -RECENT_DAYS)


def known(days):
    return sum(len(hours) >= 20 for hours in days.values())


def profile(days):
    """Mean of each hour of the day, NaN where no day has it."""
    return [
        statistics.fmean(values)
        if (values := [hours[h] for hours in days.values() if h in hours])
        else math.nan
        for h in range(24)
    ]


def pearson(pairs):
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    if len(pairs) < 2 or max(left) - min(left) < 1e-9 or max(right) - min(right) < 1e-9:
        return 0.0
    return statistics.correlation(left, right)


FOUR_WEEKS = {"since": AS_OF - 28, "until": AS_OF}


def test_interval_drop_is_what_it_says(agrees):
    def definition(point):
        hours = Hours(point)
        now, before = profile(hours.recent), profile(hours.usual)
        if known(hours.recent) < 14 or known(hours.usual) < 28 or math.isnan(sum(now) + sum(before)):
            return None
        if sum(before) == 0:
            return None
        base, base_now = sum(sorted(before)[:6]), sum(sorted(now)[:6])
        drop = 1 - sum(now) / sum(before)
        falls = [1 - n / b for n, b in zip(now, before, strict=True) if b > 0]
        return {
            "drop_percent": drop * 100,
            "base_drop_percent": (1 - base_now / base) * 100 if base else 0,
            "even_hours": sum(fall > 0 and fall >= drop / 2 for fall in falls),
            "shape_similarity": pearson(list(zip(now, before, strict=True))),
            "now_daily_kwh": sum(now),
            "usual_daily_kwh": sum(before),
            "lost_kwh": max(sum(before) - sum(now), 0) * 28,
            **FOUR_WEEKS,
        }

    agrees("interval_drop", definition)


def test_zero_hours_is_what_it_says(agrees):
    def is_zero_day(hours):
        run = any(all(hours.get(h + i) == 0 for i in range(3)) for h in range(22))
        return run and any(value > 0 for value in hours.values())

    def definition(point):
        hours = Hours(point)
        if known(hours.recent) < 14 or known(hours.usual) < 28:
            return None
        days = [day for day in hours.recent.values() if is_zero_day(day)]
        usual = [0 if math.isnan(value) else value for value in profile(hours.usual)]
        zeros = [h for day in days for h, value in day.items() if value == 0]
        return {
            "zero_days": len(days),
            "usual_zero_percent": sum(map(is_zero_day, hours.usual.values())) / known(hours.usual) * 100,
            "zero_hours": len(zeros),
            "daily_kwh": sum(sum(day.values()) for day in days) / max(len(days), 1),
            "lost_kwh": sum(usual[h] for h in zeros),
            **FOUR_WEEKS,
        }

    agrees("zero_hours", definition)


def test_day_similarity_is_what_it_says(agrees):
    def definition(point):
        hours = Hours(point)
        flat = {day * 24 + h: value for day, one in hours.recent.items() for h, value in one.items()}
        daily, usual = sum(profile(hours.recent)), sum(profile(hours.usual))
        if known(hours.recent) < 14 or sum(flat.values()) == 0 or math.isnan(daily):
            return None
        return {
            "hour_to_hour": pearson([(v, flat[k - 1]) for k, v in flat.items() if k - 1 in flat]),
            "day_to_day": pearson([(v, flat[k - 24]) for k, v in flat.items() if k - 24 in flat]),
            "variation": statistics.pstdev(flat.values()) / statistics.fmean(flat.values()),
            "daily_kwh": daily,
            "lost_kwh": (daily if math.isnan(usual) else max(usual - daily, 0)) * 365.25 / 12,
            **FOUR_WEEKS,
        }

    agrees("day_similarity", definition)


def test_load_shape_is_what_it_says(agrees):
    def night(means):
        return sum(means[h] for h in (23, 0, 1, 2, 3, 4, 5, 6)) / sum(means) * 100

    def definition(point):
        hours = Hours(point)
        now, before = profile(hours.recent), profile(hours.usual)
        peak = max((value for day in hours.recent.values() for value in day.values()), default=0)
        if known(hours.recent) < 14 or peak == 0 or math.isnan(sum(now)):
            return None
        is_compared = not math.isnan(sum(before)) and sum(before) > 0
        return {
            "load_factor_percent": sum(now) / 24 / peak * 100,
            "peak_kw": peak,
            "peak_of_contract_percent": 0 if math.isnan(point.contracted_power_kw) else peak / 5 * 100,
            "night_share_percent": night(now),
            "usual_night_share_percent": night(before) if is_compared else night(now),
            "daily_kwh": sum(now),
            "lost_kwh": 0 if math.isnan(sum(before)) else max(sum(before) - sum(now), 0) * 28,
            **FOUR_WEEKS,
        }

    agrees("load_shape", definition)


def energy_of(point):
    """Readings of an hour at most, in the order of time: (day in Tehran, seconds, minutes, kWh)."""
    rows = [
        ((one.second + 12_600) // 86_400, one.second, one.duration_minutes, one.value)
        for one in point.intervals
        if (one.quantity, one.phase) == (ENERGY, 0) and one.duration_minutes <= 60
    ]
    return sorted(rows, key=lambda row: row[1])


def test_clipped_load_is_what_it_says(agrees):
    def definition(point):
        rows = [row for row in energy_of(point) if row[0] < AS_OF]
        recent = [row for row in rows if row[0] >= AS_OF - 28]
        earlier = [row for row in rows if row[0] < AS_OF - 28]
        powers = [kwh / minutes * 60 for _, _, minutes, kwh in recent]
        if len(recent) < 336 or max(powers) <= 0:
            return None
        top = max(powers)
        lower = max((power for power in powers if power < top), default=math.nan)
        days = [row[0] for row, power in zip(recent, powers, strict=True) if power == top]
        above = sum(max(kwh - top * minutes / 60, 0) for _, _, minutes, kwh in earlier)
        covered = sum(minutes for _, _, minutes, _ in earlier) / 1440
        peak = max((kwh / minutes * 60 for _, _, minutes, kwh in earlier), default=0)
        return {
            "ceiling_kw": top,
            "readings": len(days),
            "times_next": len(days) / max(powers.count(lower), 1),
            "share_percent": len(days) / len(recent) * 100,
            "days": len(set(days)),
            "usual_peak_kw": peak if peak > 0 else top,
            "lost_kwh": above / covered * 28 if covered else 0,
            "since": min(days),
            "until": max(days) + 1,
        }

    agrees("clipped_load", definition)


def test_constant_run_is_what_it_says(agrees):
    def definition(point):
        rows = energy_of(point)
        if not rows:
            return None
        runs = [[rows[0]]]
        for before, row in itertools.pairwise(rows):
            if row[3] == before[3] and row[1] <= before[1] + before[2] * 60:
                runs[-1].append(row)
            else:
                runs.append([row])
        used = [run for run in runs if run[0][3] > 0]
        longest = max(used, key=lambda run: sum(row[2] for row in run), default=[])
        others = [row for run in runs if run is not longest for row in run]
        minutes = sum(row[2] for row in longest)
        covered = sum(row[2] for row in others)
        usual = sum(row[3] for row in others) / covered if covered else 0
        powers = [row[3] / row[2] * 60 for row in others]
        mean = statistics.fmean(powers) if powers else 0
        level = longest[0][3] / longest[0][2] if longest else 0
        return {
            "minutes": minutes,
            "values": len(longest),
            "level_kw": level * 60,
            "usual_daily_kwh": usual * 1440,
            "usual_variation": statistics.pstdev(powers) / mean if mean > 0 else 0,
            "lost_kwh": max(usual - level, 0) * minutes,
            "since": longest[0][1] // 86_400 if longest else 0,
            "until": math.ceil((longest[-1][1] + longest[-1][2] * 60) / 86_400) if longest else 0,
        }

    agrees("constant_run", definition)
