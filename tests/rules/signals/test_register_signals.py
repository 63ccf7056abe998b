"""Signals from single bills and registers: plain definitions of one point."""

from __future__ import annotations

import bisect
import math
import statistics


def test_physical_capability_is_what_it_says(agrees, ordered):
    def definition(point, batch):
        power = point.contracted_power_kw
        bills = ordered(point)
        if not bills or not power > 0:
            return None

        def possible(bill):
            return power * 24 * (bill.period_end - bill.period_start)

        worst = max(bills, key=lambda bill: bill.consumption_kwh / possible(bill))
        share = worst.consumption_kwh / possible(worst)
        alone = [b for b in bills if math.isclose(b.consumption_kwh / possible(b), share)] == [worst]
        kwh, most = worst.consumption_kwh, possible(worst)
        return {
            "percent": share * 100,
            "kwh": kwh if alone else math.nan,
            "possible_kwh": most if alone else math.nan,
            "contracted_kw": power,
            "excess_kwh": max(kwh - most, 0) if alone else math.nan,
            "since": worst.period_start if alone else math.nan,
            "until": worst.period_end if alone else math.nan,
            **({"invoice_id": worst.invoice_id} if alone else {}),
        }

    agrees("physical_capability", definition)


def test_stuck_register_is_what_it_says(agrees, months_of, ordered):
    def definition(point, batch):
        months = months_of(point, batch)
        read = [bill for bill in ordered(point) if bill.quality == 0 and not math.isnan(bill.current_index)]
        if not read or not months.current:
            return None
        newest = max(range(len(read)), key=lambda i: (read[i].period_end, -i))
        first = newest
        while (
            first > 0
            and read[first - 1].installation_id == read[newest].installation_id
            and read[first - 1].current_index == read[newest].current_index
        ):
            first -= 1
        if first == newest:
            return None
        since, until = read[first].period_end, read[newest].period_end
        month = bisect.bisect_right(months.starts, since) - 1
        before = [use for use in months.daily[max(month - 12, 0) : max(month, 0)] if not math.isnan(use)]
        usual = statistics.fmean(before) if before else 0.0
        return {
            "reads": newest - first + 1,
            "usual_daily_kwh": usual,
            "lost_kwh": usual * max(until - since, 0),
            "since": since,
            "until": until,
            "invoice_id": read[newest].invoice_id,
        }

    agrees("stuck_register", definition, examples=300)


def test_multiplier_gap_is_what_it_says(agrees, ordered):
    def definition(point, _):
        bills = [
            bill
            for bill in ordered(point)
            if not math.isnan(bill.installed_multiplier) and bill.multiplier != bill.installed_multiplier
        ]
        if not bills:
            return None
        newest = max(bills, key=lambda bill: bill.period_end)
        lost = sum(max(b.consumption_kwh * (b.installed_multiplier / b.multiplier - 1), 0) for b in bills)
        return {
            "deviation_percent": abs(1 - newest.multiplier / newest.installed_multiplier) * 100,
            "billed_multiplier": newest.multiplier,
            "installed_multiplier": newest.installed_multiplier,
            "bills": len(bills),
            "lost_kwh": lost,
            "since": min(bill.period_start for bill in bills),
            "until": newest.period_end,
            "invoice_id": newest.invoice_id,
        }

    agrees("multiplier_gap", definition, examples=200)
