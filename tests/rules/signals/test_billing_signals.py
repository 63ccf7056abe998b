"""Signals of periods, registers, revisions and issue against their definitions, one point at a time."""

from __future__ import annotations

import itertools
import math

from rules.batch import NO_DAY, month_starts
from rules.testing.points import Bill, Point


def power_of(point: Point, bill: Bill) -> float:
    """Contracted power where the bill is of the present terms, NaN otherwise."""
    return point.contracted_power_kw if bill.period_start >= point.terms_since else math.nan


def first_worst(bills: list[tuple[float, Bill]]) -> tuple[float, Bill]:
    return max(bills, key=lambda pair: pair[0])


def shown(bill: Bill) -> dict[str, float]:
    return {"since": bill.period_start, "until": bill.period_end, "invoice_id": bill.invoice_id}


def test_period_length_measures_how_far_a_period_is_outside_of_its_segments_bounds(agrees, ordered, site):
    def definition(point, batch):
        judged = []
        for bill in ordered(point):
            power = power_of(point, bill)
            if math.isnan(power) or bill.is_start_derived or bill.kind == 3:
                continue
            if bill.period_start <= point.energised_on:
                continue
            least, most = site.billing_period_days[int(power > 30)]
            days = bill.period_end - bill.period_start
            judged.append((max(least - days, days - most, 0), bill, least, most))
        if not judged:
            return None
        outside, bill, least, most = max(judged, key=lambda one: one[0])
        days = bill.period_end - bill.period_start
        return {
            "outside_days": outside,
            "days": days,
            "least_days": least,
            "most_days": most,
            "bills": sum(one[0] > 0 for one in judged),
            "shifted_kwh": bill.consumption_kwh / days * outside,
            **shown(bill),
        }

    agrees("period_length", definition)


def test_payable_rounding_counts_bills_that_are_not_whole_thousands(agrees, ordered):
    def definition(point, batch):
        off = []
        for bill in ordered(point):
            if bill.payable_rial < 0:
                continue
            rounding = 0.0 if math.isnan(bill.rounding_rial) else abs(bill.rounding_rial)
            off.append((bill.payable_rial % 1000 + max(rounding - 999, 0), bill, rounding))
        if not off:
            return None
        _, bill, rounding = max(off, key=lambda one: one[0])
        return {
            "faulty_bills": sum(one[0] > 0 for one in off),
            "remainder_rial": bill.payable_rial % 1000,
            "rounding_rial": rounding,
            "difference_rial": sum(one[0] for one in off),
            **shown(bill),
        }

    agrees("payable_rounding", definition)


def test_spike_compares_the_largest_month_of_the_year_with_its_median(agrees, months_of):
    def definition(point, batch):
        months = months_of(point, batch)
        if batch.months < 12 or not months.current:
            return None
        window = [months.back(k) for k in range(12, 0, -1)]
        known = sorted(value for value in window if not math.isnan(value))
        if len(known) < 2:
            return None
        median = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
        if median <= 0:
            return None
        column = window.index(known[-1])
        month = months.last - 11 + column
        starts = month_starts(batch.last_month, batch.months).tolist()
        return {
            "factor": min(known[-1] / median, 1000.0),
            "daily_kwh": known[-1],
            "median_daily_kwh": median,
            "known_months": len(known),
            "excess_kwh": (known[-1] - median) * 30,
            "since": starts[month],
            "until": starts[month + 1],
        }

    agrees("spike", definition)


def test_bill_segment_counts_bills_that_the_other_segment_made(agrees, ordered):
    def definition(point, batch):
        wrong = []
        for bill in ordered(point):
            power = power_of(point, bill)
            has_demand = not (math.isnan(bill.read_demand_kw) and math.isnan(bill.calculated_demand_kw))
            if not math.isnan(power) and has_demand != (power > 30):
                wrong.append((bill.period_end, bill, has_demand))
        if not wrong:
            return None
        _, newest, _ = max(wrong, key=lambda one: one[0])
        return {
            "bills": len(wrong),
            "contracted_power_kw": point.contracted_power_kw,
            "demand_bills": sum(one[2] for one in wrong),
            "kwh": sum(one[1].consumption_kwh for one in wrong),
            **shown(newest),
        }

    agrees("bill_segment", definition)


def test_bill_revisions_counts_the_revised_bills_of_one_meter_and_first_day(agrees, ordered):
    def definition(point, batch):
        groups: dict[tuple[int, int], list[Bill]] = {}
        for bill in ordered(point):
            groups.setdefault((bill.installation_id, bill.period_start), []).append(bill)
        revised = [
            (sum(bill.kind == 2 for bill in group), group)
            for group in groups.values()
            if any(bill.kind == 2 for bill in group)
        ]
        if not revised:
            return None
        count, group = max(revised, key=lambda one: one[0])
        energy = [bill.consumption_kwh for bill in group]
        return {
            "revisions": count,
            "change_percent": (max(energy) - min(energy)) / max(energy) * 100 if max(energy) else 0,
            "difference_kwh": max(energy) - min(energy),
            "since": group[0].period_start,
            "until": max(bill.period_end for bill in group),
            "invoice_id": group[-1].invoice_id,
        }

    agrees("bill_revisions", definition)


def test_unpriced_licence_expiry_counts_production_bills_after_the_licence(agrees, ordered):
    def definition(point, batch):
        lacking = [
            (bill.period_end, bill)
            for bill in ordered(point)
            if point.licence_expires_on != NO_DAY
            and point.tariff_class in (2, 3)
            and bill.period_end > point.licence_expires_on
            and not math.isnan(bill.taxable_rial)
            and (math.isnan(bill.licence_rial) or bill.licence_rial == 0)
            and bill.period_start >= point.terms_since
        ]
        if not lacking:
            return None
        _, newest = first_worst(lacking)
        return {
            "bills": len(lacking),
            "expired_days": newest.period_end - point.licence_expires_on,
            "kwh": sum(bill.consumption_kwh for _, bill in lacking),
            "expired_on": point.licence_expires_on,
            **shown(newest),
        }

    agrees("unpriced_licence_expiry", definition)


def test_late_issuance_finds_the_longest_way_from_reading_to_issue_in_a_year(agrees, ordered, site):
    def definition(point, batch):
        issued = [
            (bill.issued_on - bill.period_end, bill)
            for bill in ordered(point)
            if bill.issued_on != NO_DAY and bill.period_end > batch.as_of - 365
        ]
        if not issued:
            return None
        days, bill = first_worst(issued)
        payable = max(bill.payable_rial, 0)
        return {
            "days": days,
            "payable_rial": payable,
            "cost_rial": round(payable * site.capital_cost_percent / 100 * max(days, 0) / 365),
            "issued_on": bill.issued_on,
            **shown(bill),
        }

    agrees("late_issuance", definition)


def test_missing_registers_looks_at_the_bill_before_and_the_segment(agrees, ordered):
    def definition(point, batch):
        bills = ordered(point)
        # The kernel says nothing of a whole bucket without any register.
        if not batch.bills.registers.any():
            return None
        lacking = []
        for i, bill in enumerate(bills):
            due = 15 if power_of(point, bill) > 30 and bill.registers else 0
            if i and bills[i - 1].installation_id == bill.installation_id:
                due |= bills[i - 1].registers
            if due or bill.registers:
                lacking.append(((due & ~bill.registers).bit_count(), bill))
        if not lacking:
            return None
        count, bill = first_worst(lacking)
        return {
            "registers": count,
            "shown": bill.registers.bit_count(),
            "kwh": bill.consumption_kwh,
            **shown(bill),
        }

    agrees("missing_registers", definition)


def test_self_reading_is_judged_by_the_field_reading_after_it(agrees, ordered):
    def definition(point, batch):
        pairs = []
        for own, field in itertools.pairwise(ordered(point)):
            total, said = field.current_index - own.previous_index, own.current_index - own.previous_index
            if (own.quality, field.quality) != (2, 0) or own.installation_id != field.installation_id:
                continue
            if not field.period_end > own.period_end or not total >= 0 or math.isnan(said):
                continue
            expected = total * (own.period_end - own.period_start) / (field.period_end - own.period_start)
            off = abs(said - expected)
            percent = off / expected * 100 if expected > 0 else (1000.0 if off else 0.0)
            pairs.append(
                (
                    own.period_end,
                    own,
                    min(percent, 1000.0),
                    (expected - said) * own.multiplier,
                    field.period_end - own.period_end,
                )
            )
        if not pairs:
            return None
        _, own, percent, missing, days = max(pairs, key=lambda one: one[0])
        return {
            "difference_percent": percent,
            "missing_kwh": missing,
            "field_days": days,
            **shown(own),
        }

    agrees("self_reading", definition, examples=200)
