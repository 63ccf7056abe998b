"""Signals from interval readings and export registers: plain definitions of one point."""

from __future__ import annotations

import itertools
import math
import statistics

from rules.batch import EVENT_KINDS, QUANTITIES

VOLTAGE, CURRENT, ENERGY = (QUANTITIES.index(q) for q in ("voltage_v", "current_a", "active_energy_kwh"))


def values(point, quantity, phase):
    """second → reading, in the order of time."""
    chosen = [one for one in point.intervals if (one.quantity, one.phase) == (quantity, phase)]
    return {one.second: one for one in sorted(chosen, key=lambda one: one.second)}


def runs(flagged):
    """(minutes, first second, end) of readings that follow each other, in the order of time."""
    found = []
    for one in flagged:
        end = one.second + one.duration_minutes * 60
        if found and one.second <= found[-1][2]:
            found[-1] = (found[-1][0] + one.duration_minutes, found[-1][1], end)
        else:
            found.append((one.duration_minutes, one.second, end))
    return found


def in_words(found):
    if not found:
        return {"minutes": 0, "total_minutes": 0, "since": math.nan, "until": math.nan}
    minutes, first, end = max(found, key=lambda run: run[0])
    return {
        "minutes": minutes,
        "total_minutes": sum(run[0] for run in found),
        "since": first // 86_400,
        "until": math.ceil(end / 86_400),
    }


def recent(months):
    now = months.window(3, 1)
    return 0.0 if not months.current or any(map(math.isnan, now)) else statistics.fmean(now)


def test_phase_voltage_loss_is_what_it_says(agrees, months_of):
    def definition(point, batch):
        found, loaded, seen = [], [], 0
        for phase in (1, 2, 3):
            currents, flagged = values(point, CURRENT, phase), []
            for second, one in values(point, VOLTAGE, phase).items():
                if second not in currents:
                    continue
                seen += 1
                if currents[second].value > 0.25:
                    loaded.append(one.value)
                    if one.value < 115:
                        flagged.append(one)
            found += runs(flagged)
        if not seen:
            return None
        words = in_words(found)
        return {
            **words,
            "least_voltage_v": min(loaded, default=230.0),
            "lost_kwh": recent(months_of(point, batch)) * words["total_minutes"] / 1440 / 2,
        }

    agrees("phase_voltage_loss", definition, examples=300)


def test_current_unbalance_is_what_it_says(agrees, months_of):
    def definition(point, batch):
        phases = [values(point, CURRENT, phase) for phase in (1, 2, 3)]
        flagged, distances, shares, seen = [], [0.0], [100.0], 0
        for second, one in phases[0].items():
            if second not in phases[1] or second not in phases[2]:
                continue
            seen += 1
            amperes = [phase[second].value for phase in phases]
            mean = statistics.fmean(amperes)
            if mean > 0.5:
                distance = max(abs(value - mean) for value in amperes) / mean * 100
                if distance > 20:
                    flagged.append(one)
                    distances.append(distance)
                    shares.append(min(amperes) / mean * 100)
        if not seen:
            return None
        words = in_words(runs(flagged))
        return {
            **words,
            "unbalance_percent": max(distances),
            "least_share_percent": min(shares),
            "lost_kwh": recent(months_of(point, batch)) * words["total_minutes"] / 1440 / 2,
        }

    agrees("current_unbalance", definition, examples=500)


def test_neutral_difference_is_what_it_says(agrees):
    def definition(point, _):
        if point.phase_count != 1:
            return None
        neutral, flagged, ratios, kwh, seen = values(point, CURRENT, 4), [], [1.0], 0.0, 0
        for second, one in values(point, CURRENT, 1).items():
            if second not in neutral:
                continue
            seen += 1
            small, large = sorted([one.value, neutral[second].value])
            if large > 0.25:
                ratios.append(min(large / small, 1000.0) if small else 1000.0)
                if large > 1.1 * small:
                    flagged.append(one)
                    kwh += (large - small) * 230 / 1000 * one.duration_minutes / 60
        if not seen:
            return None
        return {**in_words(runs(flagged)), "ratio": max(ratios), "lost_kwh": kwh}

    agrees("neutral_difference", definition, examples=500)


def test_flat_load_is_what_it_says(agrees):
    def definition(point, _):
        energy = list(values(point, ENERGY, 0).values())
        total = sum(one.value for one in energy)
        if total == 0:
            return None
        power = [one.value / one.duration_minutes for one in energy]
        minutes = sum(one.duration_minutes for one in energy)
        night = sum(one.value for one in energy if not 7 <= (one.second + 12_600) % 86_400 // 3600 < 23)
        return {
            "variation": statistics.pstdev(power) / statistics.fmean(power),
            "night_deviation_percent": abs(night / total / (8 / 24) - 1) * 100,
            "daily_kwh": total / minutes * 1440,
            "times_peers": 0.0,  # no peers are known here
            "days": minutes // 1440,
            "lost_kwh": 0.0,
            "since": energy[0].second // 86_400,
            "until": energy[-1].second // 86_400,
        }

    agrees("flat_load", definition, examples=200)


def test_an_instantaneous_value_stands_until_the_next_for_an_hour_at_most(site):
    from rules.signals import all_signals
    from rules.testing.points import Interval, Point, point_batch

    def current(phase, second, value):
        return Interval(CURRENT, phase, second, 0, value)

    point = Point(
        [10.0] * 24,
        intervals=[current(p, s, v) for s in (0, 600, 9000) for p, v in ((1, 10.0), (4, 5.0))],
    )
    batch = point_batch([point], last_month=24311, as_of=20442, site=site)
    found = all_signals()["neutral_difference"].kernel(batch)

    # Ten minutes to the second value, an hour of it, and an hour of the last after a gap.
    assert found.fields["minutes"].tolist() == [70]
    assert found.fields["total_minutes"].tolist() == [130]


def test_reverse_energy_is_what_it_says(agrees, months_of):
    def definition(point, batch):
        first = months_of(point, batch).starts[0]
        days, kwh = [], 0.0
        readings = sorted(point.exports)
        for before, after in itertools.pairwise(readings):
            if before[0] == after[0] and after[2] > before[2]:
                days.append(after[1])
                kwh += after[2] - before[2]
        events = [
            day
            for day, kind in point.events
            if EVENT_KINDS[kind] == "reverse_run" and first <= day <= batch.as_of
        ]
        if not days + events:
            return None
        return {
            "observations": len(days + events),
            "export_kwh": kwh,
            "events": len(events),
            "since": min(days + events),
            "until": max(days + events),
        }

    agrees("reverse_energy", definition, examples=300)
