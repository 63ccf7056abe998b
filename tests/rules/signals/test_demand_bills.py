"""Active against reactive energy, and energy against demand: plain definitions of one point."""

from __future__ import annotations

import math
import statistics

from rules.batch import EVENT_KINDS

LOW_POWER_FACTOR = EVENT_KINDS.index("low_power_factor")


def newest_first(bills):
    """By the end of the period; of equal ends the later in the batch is the newer."""
    numbered = sorted(enumerate(bills), key=lambda item: (item[1].period_end, item[0]))
    return [bill for _, bill in reversed(numbered)]


def days(bill):
    return bill.period_end - bill.period_start


def test_reactive_ratio_is_what_it_says(agrees, ordered, monkeypatch):
    # The drawn points have at most five bills.
    monkeypatch.setattr("rules.signals.demand_bills._LEAST_BEFORE", 2)

    def definition(point, _):
        bills = newest_first([b for b in ordered(point) if b.reactive_kvarh > 0 and b.consumption_kwh > 0])
        if not bills:
            return None
        newest = bills[0]
        before = [b for b in bills[1:] if newest.period_start - 366 < b.period_end <= newest.period_start]
        if len(before) < 2:
            return None
        usual = statistics.median(b.reactive_kvarh / b.consumption_kwh for b in before)
        usual_day = statistics.median(b.reactive_kvarh / days(b) for b in before)
        ratio = newest.reactive_kvarh / newest.consumption_kwh
        return {
            "rise_percent": (ratio / usual - 1) * 100,
            "reactive_change_percent": abs(newest.reactive_kvarh / days(newest) / usual_day - 1) * 100,
            "ratio": ratio,
            "usual_ratio": usual,
            "bills": len(before),
            "lost_kwh": max(newest.reactive_kvarh / usual - newest.consumption_kwh, 0),
            "since": newest.period_start,
            "until": newest.period_end,
            "invoice_id": newest.invoice_id,
        }

    agrees("reactive_ratio", definition, examples=400)


def test_power_factor_is_what_it_says(agrees, ordered):
    def definition(point, batch):
        bills = newest_first([b for b in ordered(point) if not math.isnan(b.reactive_kvarh)])[:3]
        kwh, kvarh = sum(b.consumption_kwh for b in bills), sum(b.reactive_kvarh for b in bills)
        if not bills or math.hypot(kwh, kvarh) == 0:
            return None
        reported = [
            day
            for day, kind in point.events
            if kind == LOW_POWER_FACTOR and batch.as_of - 366 < day <= batch.as_of
        ]
        return {
            "power_factor": kwh / math.hypot(kwh, kvarh),
            "daily_kwh": kwh / sum(map(days, bills)),
            "kvarh": kvarh,
            "events": len(reported),
            "lost_kwh": max(kvarh * 0.8 / 0.6 - kwh, 0),
            "since": min(b.period_start for b in bills),
            "until": max(b.period_end for b in bills),
        }

    agrees("power_factor", definition, examples=200)


def test_load_factor_is_what_it_says(agrees, ordered, monkeypatch):
    monkeypatch.setattr("rules.signals.demand_bills._LEAST_BEFORE", 1)

    def definition(point, _):
        bills = newest_first([b for b in ordered(point) if b.read_demand_kw > 0])
        now = bills[:3]
        power = point.contracted_power_kw
        if not now or not power > 0:
            return None
        since = min(b.period_start for b in now)
        before = [b for b in bills[3:] if since - 366 < b.period_end <= since]

        def full(bill):
            return bill.read_demand_kw * 24 * days(bill)

        kwh, possible = sum(b.consumption_kwh for b in now), sum(map(full, now))
        usual = statistics.median(b.consumption_kwh / full(b) for b in before) if before else 0
        peak = max(b.read_demand_kw for b in now)
        return {
            "load_factor_percent": kwh / possible * 100,
            "peak_of_contract_percent": peak / power * 100,
            "peak_kw": peak,
            "kwh": kwh,
            "lost_kwh": max(usual * possible - kwh, 0) if before else 0,
            "since": since,
            "until": max(b.period_end for b in now),
        }

    agrees("load_factor", definition, examples=300)
