"""Signals of bills against their definitions, one point at a time."""

from __future__ import annotations

import itertools
import math

from rules.batch import NO_DAY, month_start
from tarazu.identifiers.bill import is_valid_bill_id, is_valid_payment_id


def test_estimated_run_counts_back_from_the_newest_bill(agrees, ordered):
    def definition(point, batch):
        run = list(itertools.takewhile(lambda bill: bill.quality in (1, 3), reversed(ordered(point))))
        if not run:
            return None
        return {
            "bills": len(run),
            "kwh": sum(bill.consumption_kwh for bill in run),
            "since": run[-1].period_start,
            "until": run[0].period_end,
            "invoice_id": run[0].invoice_id,
        }

    agrees("estimated_run", definition)


def test_period_tiling_finds_the_widest_gap_or_overlap(agrees, ordered):
    def definition(point, batch):
        start = month_start(batch.last_month - batch.months + 1)
        bills = [bill for bill in ordered(point) if bill.period_end > start and not bill.is_start_derived]
        if len(bills) < 2:
            return None
        worst = (0, 0, 0, bills[0])
        for i in range(1, len(bills)):
            bill, before = bills[i], bills[i - 1]
            gap = max(bill.period_start - max(b.period_end for b in bills[:i]), 0)
            same_meter = before.installation_id == bill.installation_id
            overlap = max(before.period_end - bill.period_start, 0) if same_meter else 0
            if max(gap, overlap) > worst[0]:
                worst = (max(gap, overlap), gap, overlap, bill)
        untiled, gap, overlap, bill = worst
        days = max(bill.period_end - bill.period_start, 1)
        return {
            "untiled_days": untiled,
            "gap_days": gap,
            "overlap_days": overlap,
            "unbilled_kwh": bill.consumption_kwh / days * untiled,
            "since": bill.period_start,
            "until": bill.period_end,
            "invoice_id": bill.invoice_id,
        }

    agrees("period_tiling", definition)


def test_register_arithmetic_finds_the_bill_that_is_most_off(agrees, ordered):
    def definition(point, batch):
        worst, unbilled = None, 0.0
        for bill in ordered(point):
            right = bill.multiplier if math.isnan(bill.installed_multiplier) else bill.installed_multiplier
            delta = bill.current_index - bill.previous_index
            if delta < 0:
                span = 10**bill.register_digits if bill.register_digits else 0
                delta = delta + span if span and -delta > span / 2 else math.nan
            shortfall = delta * right - bill.consumption_kwh
            bands = abs(bill.bands_kwh - bill.consumption_kwh) / right
            known = [value for value in (abs(shortfall) / right, bands) if not math.isnan(value)]
            if not known:
                continue
            unbilled += 0.0 if math.isnan(shortfall) else max(shortfall, 0.0)
            if worst is None or max(known) > worst[0]:
                worst = (max(known), 0.0 if math.isnan(shortfall) else shortfall, right, bill)
        if worst is None:
            return None
        units, shortfall, right, bill = worst
        return {
            "difference_units": units,
            "difference_kwh": shortfall,
            "multiplier": right,
            "billed_multiplier": bill.multiplier,
            "unbilled_kwh": unbilled,
            "since": bill.period_start,
            "until": bill.period_end,
            "invoice_id": bill.invoice_id,
        }

    agrees("register_arithmetic", definition)


def test_register_regression_finds_the_least_plausible_rollover(agrees, ordered):
    def definition(point, batch):
        bills = ordered(point)
        back = [bill for bill in bills if bill.current_index < bill.previous_index]
        forward = [bill for bill in bills if bill not in back]
        usual_days = sum(bill.period_end - bill.period_start for bill in forward)
        usual = sum(bill.consumption_kwh for bill in forward) / max(usual_days, 1)
        worst = None
        for bill in back:
            step = bill.previous_index - bill.current_index
            expected = usual * (bill.period_end - bill.period_start)
            rolled = (10**bill.register_digits - step) * bill.multiplier
            possible = bill.register_digits > 0 and rolled >= 0 and expected > 0
            factor = min(rolled / expected, 1e6) if possible else 1e6
            if worst is None or factor > worst[0]:
                worst = (factor, step * bill.multiplier, bill)
        if worst is None:
            return None
        factor, kwh, bill = worst
        return {
            "bills": len(back),
            "rollover_factor": factor,
            "backward_kwh": kwh,
            "since": bill.period_start,
            "until": bill.period_end,
            "invoice_id": bill.invoice_id,
        }

    agrees("register_regression", definition)


def test_use_after_cut_sums_the_bills_that_begin_after_it(agrees, ordered):
    def definition(point, batch):
        after = [bill for bill in ordered(point) if bill.period_start >= point.disconnected_on]
        if point.disconnected_on == NO_DAY or not after:
            return None
        last = max(after, key=lambda bill: bill.period_end)
        return {
            "kwh": sum(bill.consumption_kwh for bill in after),
            "bills": len(after),
            "since": point.disconnected_on,
            "until": last.period_end,
            "invoice_id": last.invoice_id,
        }

    agrees("use_after_cut", definition)


def test_bill_identifiers_counts_each_kind_of_fault(agrees, ordered, site):
    def definition(point, batch):
        bills = [bill for bill in ordered(point) if bill.bill_id >= 0]
        if not bills:
            return None
        digits = elsewhere = amounts = faulty = 0
        worst = None
        for bill in bills:
            paid = bill.payment_id >= 0
            wrong_digit = not is_valid_bill_id(bill.bill_id) or (
                paid and not is_valid_payment_id(bill.payment_id, bill.bill_id)
            )
            service, company = bill.bill_id // 10 % 10, bill.bill_id // 100 % 1000
            wrong_company = service != site.service_type or company != site.company_code
            carried = bill.payment_id // 10**5 * 1000
            difference = abs(carried - bill.payable_rial) if paid and bill.payable_rial >= 0 else 0
            digits += wrong_digit
            elsewhere += wrong_company
            amounts += difference != 0
            if wrong_digit or wrong_company or difference:
                faulty += 1
                if worst is None or difference > worst[0]:
                    worst = (difference, bill)
        difference, bill = worst or (0, None)
        return {
            "faulty_bills": faulty,
            "check_digit_faults": digits,
            "wrong_company": elsewhere,
            "amount_faults": amounts,
            "amount_difference_rial": difference,
            "since": bill.period_start if bill else 0,
            "until": bill.period_end if bill else 0,
            "invoice_id": bill.invoice_id if bill else -1,
        }

    agrees("bill_identifiers", definition)
