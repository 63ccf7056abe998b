"""Signals of charges and demand against their definitions, one point at a time."""

from __future__ import annotations

import itertools
import math

from rules.batch import NO_DAY
from rules.testing.points import Bill, Point


def power_of(point: Point, bill: Bill) -> float:
    return point.contracted_power_kw if bill.period_start >= point.terms_since else math.nan


def known(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def shown(bill: Bill) -> dict[str, float]:
    return {"since": bill.period_start, "until": bill.period_end, "invoice_id": bill.invoice_id}


def worst(rows: list[tuple[float, Bill, dict[str, float]]], **sums: float) -> dict[str, float] | None:
    """The fields of the row with the largest value, and what is summed over all."""
    if not rows:
        return None
    _, bill, fields = max(rows, key=lambda row: row[0])
    return {**fields, **sums, **shown(bill)}


def test_vat_is_judged_by_the_one_rate_of_the_period(agrees, ordered, site):
    def definition(point, batch):
        rows, missing = [], 0.0
        for bill in ordered(point):
            if math.isnan(bill.vat_rial) or math.isnan(bill.taxable_rial):
                continue
            rates = {
                max(row for row in site.vat_percent if row[0] <= day)[1]
                for day in (bill.period_start, bill.period_end)
            }
            if len(rates) > 1:
                continue
            expected = round(rates.pop() / 100 * bill.taxable_rial)
            short = expected - bill.vat_rial
            missing += max(short, 0)
            fields = {
                "difference_rial": abs(short),
                "charged_rial": bill.vat_rial,
                "expected_rial": expected,
            }
            rows.append((abs(short), bill, fields))
        return worst(rows, missing_rial=missing)

    agrees("vat_charge", definition)


def test_step_price_shares_the_use_for_thirty_days_out_over_the_steps(agrees, ordered, site):
    def price(tariff, kwh, days):
        left, lower, total = kwh / days * 30, 0.0, 0.0
        for end, rate in zip((*tariff.steps_kwh, math.inf), tariff.rates_rial, strict=True):
            step = min(left, end - lower)
            total += step * rate
            left, lower = left - step, end
        return total * days / 30

    def definition(point, batch):
        rows, missing = [], 0.0
        for bill in ordered(point):
            tariffs = {
                max((t for t in site.step_tariff if t.valid_from <= day), key=lambda t: t.valid_from)
                for day in (bill.period_start, bill.period_end - 1)
            }
            tariff = tariffs.pop()
            if tariffs or not tariff.rates_rial or math.isnan(bill.energy_rial):
                continue
            if point.tariff_class != 0 or not power_of(point, bill) <= 30:
                continue
            expected = price(tariff, bill.consumption_kwh, bill.period_end - bill.period_start)
            short = expected - bill.energy_rial
            missing += max(short, 0)
            fields = {
                "difference_rial": abs(short),
                "difference_percent": abs(short) / max(expected, 1) * 100,
                "charged_rial": bill.energy_rial,
                "expected_rial": expected,
            }
            rows.append((abs(short), bill, fields))
        return worst(rows, missing_rial=round(missing))

    agrees("step_price", definition, examples=200)


def test_calculated_demand_is_the_read_one_but_nine_tenths_of_the_contract_at_least(agrees, ordered):
    def definition(point, batch):
        rows, missing = [], 0.0
        for bill in ordered(point):
            power, read, calculated = power_of(point, bill), bill.read_demand_kw, bill.calculated_demand_kw
            if math.isnan(power) or math.isnan(read) or math.isnan(calculated):
                continue
            expected = max(read, 0.9 * power)
            if calculated > 0:
                missing += max(known(bill.demand_rial) * (expected / calculated - 1), 0)
            fields = {
                "difference_kw": abs(calculated - expected),
                "calculated_kw": calculated,
                "expected_kw": expected,
                "read_kw": read,
            }
            rows.append((abs(calculated - expected), bill, fields))
        return worst(rows, missing_rial=round(missing))

    agrees("calculated_demand", definition)


def test_exceeded_power_is_charged_where_it_was_exceeded_and_nowhere_else(agrees, ordered):
    def definition(point, batch):
        rows, missing = [], 0.0
        for bill in ordered(point):
            power, read = power_of(point, bill), bill.read_demand_kw
            if math.isnan(power) or math.isnan(read) or math.isnan(bill.taxable_rial):
                continue
            charged, exceeded = known(bill.exceedance_rial), max(read - power, 0)
            if charged > 0:
                mismatch = max(power - read, 0)
            else:
                mismatch = exceeded
                if known(bill.calculated_demand_kw) > 0:
                    missing += exceeded * known(bill.demand_rial) / bill.calculated_demand_kw
            fields = {
                "mismatch_kw": mismatch,
                "exceeded_kw": exceeded,
                "read_kw": read,
                "contracted_kw": power,
                "charged_rial": charged,
            }
            rows.append((mismatch, bill, fields))
        return worst(rows, missing_rial=round(missing))

    agrees("exceedance_charge", definition)


def test_loss_factor_follows_from_the_power_factor(agrees, ordered):
    def definition(point, batch):
        rows, missing = [], 0.0
        for bill in ordered(point):
            if math.isnan(bill.loss_factor) or math.isnan(bill.reactive_kvarh) or not bill.consumption_kwh:
                continue
            power_factor = bill.consumption_kwh / math.hypot(bill.consumption_kwh, bill.reactive_kvarh)
            expected = max(0.9 / power_factor - 1, 0)
            short = expected - bill.loss_factor
            missing += max(short, 0) * (known(bill.energy_rial) + known(bill.demand_rial))
            fields = {
                "difference": abs(short),
                "printed": bill.loss_factor,
                "expected": expected,
                "power_factor": power_factor,
            }
            rows.append((abs(short), bill, fields))
        return worst(rows, missing_rial=round(missing))

    agrees("loss_factor", definition)


def test_carried_balance_is_what_was_owed_of_the_bill_before_at_the_issue(agrees, ordered):
    def definition(point, batch):
        rows = []
        for before, bill in itertools.pairwise(ordered(point)):
            gap = bill.period_start - before.period_end
            if before.installation_id != bill.installation_id or not 0 <= gap <= 31:
                continue
            if math.isnan(bill.balance_rial) or before.payable_rial < 0:
                continue
            issued = bill.period_end if bill.issued_on == NO_DAY else bill.issued_on
            low = before.outstanding_rial
            high = low if before.paid_on <= issued else before.payable_rial
            short, over = max(low - bill.balance_rial, 0), max(bill.balance_rial - high, 0)
            fields = {
                "difference_rial": short + over,
                "balance_rial": bill.balance_rial,
                "expected_rial": low,
                "missing_rial": short,
            }
            rows.append((short + over, bill, fields))
        return worst(rows)

    agrees("carried_balance", definition, examples=300)
