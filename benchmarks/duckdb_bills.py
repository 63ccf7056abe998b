"""Signals of the bills as DuckDB SQL: what each bill says of itself, what their order says, and what is owed.

Columns are `<signal>_<field>`, and `<signal>_invoice_id` of the bill that shows it best: of equally bad ones the
first by installation, start and id, in which order the file has them. Numbers that conditions compare are rounded as
they are before a rule sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rules.batch import QUALITIES

if TYPE_CHECKING:
    from pathlib import Path

_UNREAL: Final = f"({QUALITIES.index('estimated')}, {QUALITIES.index('no_access')})"


def statements(folder: Path, *, with_company: bool) -> list[str]:
    """They build on `point` and `use` of `duckdb_panel`."""
    company = "OR bill_id // 100 % 1000 <> $company" if with_company else ""
    return [
        f"""
CREATE TEMP VIEW bill AS
SELECT *, file_row_number AS nth FROM read_parquet('{folder}/bills.parquet', file_row_number = true)""",
        _DEBT,
        _USE_AFTER_CUT,
        _bill_signals(company),
        _REGISTER_REGRESSION,
        _ESTIMATED_RUN,
        _PERIOD_TILING,
        _HIGH_LOW,
    ]


def _digit(number: str, place: int) -> str:
    return f"{number} // {10**place} % 10" if place else f"{number} % 10"


def _weighted(number: str, first: int) -> str:
    """Σ digit × weight of the places from `first`, weights 2…7 over and over."""
    return " + ".join(f"({_digit(number, place)}) * {2 + (place - first) % 6}" for place in range(first, 13))


def _identifiers(company: str) -> str:
    """What is wrong in the ids of a bill; nothing is where there is no bill id."""
    # A bill id stands before the payment id: its weights begin where those of the payment id end.
    by_place = ", ".join(
        f"({' + '.join(_digit('bill_id', place) for place in range(rest, 13, 6))}) AS b{rest}"
        for rest in range(6)
    )
    joined = " ".join(
        f"WHEN {shift} THEN {' + '.join(f'b{rest} * {2 + (rest + shift) % 6}' for rest in range(6))}"
        for shift in range(6)
    )
    check = "CASE WHEN {0} % 11 < 2 THEN 0 ELSE 11 - {0} % 11 END"
    return f"""
ids AS (
    SELECT *, {by_place}, {_weighted("bill_id", 1)} AS bill_sum, {_weighted("payment_id", 2)} AS own_sum,
        {_weighted("payment_id", 1)} AS payment_sum, (length(payment_id::varchar) - 1) % 6 AS shift,
        bill_id BETWEEN 100000 AND 9999999999999 AS is_bill, payment_id BETWEEN 100000 AND 9999999999999 AS is_payment
    FROM metered
), sums AS (SELECT *, payment_sum + CASE shift {joined} END AS pair_sum FROM ids), checked AS (
    SELECT *,
        bill_id IS NOT NULL AND (NOT is_bill OR bill_id % 10 <> {check.format("bill_sum")} OR coalesce(
            NOT is_payment OR payment_id // 10 % 10 <> {check.format("own_sum")}
            OR payment_id % 10 <> {check.format("pair_sum")}, false)) AS has_wrong_digit,
        coalesce(NOT is_bill OR bill_id // 10 % 10 <> $service {company}, false) AS is_elsewhere,
        CASE WHEN bill_id IS NULL THEN 0 ELSE coalesce(
            abs(CASE WHEN is_payment THEN payment_id // 100000 * 1000 ELSE -1 END - payable_rial), 0)
        END AS amount_difference_rial
    FROM sums
)"""


def _bill_signals(company: str) -> str:
    """What each bill says of itself, and the newest of them."""
    return f"""
CREATE TEMP TABLE bill_signals AS
WITH metered AS (
    SELECT *, coalesce(installed_multiplier, multiplier) AS right_multiplier, period_end - period_start AS days,
        NOT coalesce(current_index < previous_index, false) AS forward
    FROM bill
), {_identifiers(company)}, register AS (
    SELECT *, has_wrong_digit OR is_elsewhere OR amount_difference_rial <> 0 AS is_faulty,
        right_multiplier * CASE WHEN current_index >= previous_index THEN current_index - previous_index
            WHEN register_digits > 0 AND previous_index - current_index > pow(10, register_digits) / 2
            THEN current_index - previous_index + pow(10, register_digits)
        END - consumption_kwh AS shortfall_kwh
    FROM checked
), compared AS (
    SELECT *, greatest(abs(shortfall_kwh), abs(bands_kwh - consumption_kwh)) / right_multiplier AS difference_units
    FROM register
), summed AS (
    SELECT usage_point_id, nullif(count(bill_id), 0) AS identified, count(*) FILTER (is_faulty) AS faulty_bills,
        count(*) FILTER (has_wrong_digit) AS check_digit_faults, count(*) FILTER (is_elsewhere) AS wrong_company,
        count(*) FILTER (amount_difference_rial <> 0) AS amount_faults,
        arg_min(
            {{'rial': amount_difference_rial, 'since': period_start, 'until': period_end, 'invoice_id': invoice_id}},
            {{'rial': -amount_difference_rial, 'nth': nth}}
        ) FILTER (is_faulty) AS faulty,
        max(difference_units) AS difference_units, sum(greatest(shortfall_kwh, 0)) AS unbilled_kwh,
        arg_max(
            {{'shortfall_kwh': shortfall_kwh, 'multiplier': right_multiplier, 'billed_multiplier': multiplier,
                'since': period_start, 'until': period_end, 'invoice_id': invoice_id}},
            {{'units': difference_units, 'nth': -nth}}
        ) FILTER (difference_units IS NOT NULL) AS worst,
        sum(consumption_kwh) FILTER (forward) AS forward_kwh, sum(days) FILTER (forward) AS forward_days,
        list({{'days': days, 'digits': register_digits, 'step_back': previous_index - current_index,
            'multiplier': multiplier, 'nth': nth, 'since': period_start, 'until': period_end,
            'invoice_id': invoice_id}}) FILTER (NOT forward) AS backward,
        max(nth) FILTER (quality NOT IN {_UNREAL}) AS nth_real,
        arg_max({{'nth': nth, 'kwh': consumption_kwh, 'since': period_start, 'until': period_end,
            'invoice_id': invoice_id}}, nth) AS newest
    FROM compared GROUP BY usage_point_id
)
SELECT usage_point_id, CASE WHEN identified > 0 THEN faulty_bills END AS bill_identifiers_faulty_bills,
    check_digit_faults AS bill_identifiers_check_digit_faults, wrong_company AS bill_identifiers_wrong_company,
    amount_faults AS bill_identifiers_amount_faults,
    coalesce(faulty.rial, 0) AS bill_identifiers_amount_difference_rial,
    faulty.since AS bill_identifiers_since, faulty.until AS bill_identifiers_until,
    faulty.invoice_id AS bill_identifiers_invoice_id,
    round(difference_units, 4) AS register_arithmetic_difference_units,
    coalesce(worst.shortfall_kwh, 0) AS register_arithmetic_difference_kwh,
    worst.multiplier AS register_arithmetic_multiplier, worst.billed_multiplier AS register_arithmetic_billed_multiplier,
    unbilled_kwh AS register_arithmetic_unbilled_kwh, worst.since AS register_arithmetic_since,
    worst.until AS register_arithmetic_until, worst.invoice_id AS register_arithmetic_invoice_id,
    coalesce(forward_kwh, 0) / greatest(coalesce(forward_days, 0), 1) AS forward_daily_kwh, backward,
    nth_real, newest
FROM summed"""


_REGISTER_REGRESSION: Final = """
CREATE TEMP TABLE register_regression AS
WITH back AS (
    SELECT usage_point_id, forward_daily_kwh * bill.days AS expected,
        (pow(10, bill.digits) - bill.step_back) * bill.multiplier AS rolled_kwh, bill
    FROM (SELECT usage_point_id, forward_daily_kwh, unnest(backward) AS bill FROM bill_signals WHERE backward IS NOT NULL)
), rolled AS (
    SELECT usage_point_id, bill, count(*) OVER (PARTITION BY usage_point_id) AS bills,
        CASE WHEN bill.digits > 0 AND expected > 0 AND rolled_kwh >= 0 THEN least(rolled_kwh / expected, 1e6) ELSE 1e6 END
            AS factor
    FROM back
)
SELECT usage_point_id, bills AS register_regression_bills, round(factor, 4) AS register_regression_rollover_factor,
    bill.step_back * bill.multiplier AS register_regression_backward_kwh,
    bill.since AS register_regression_since, bill.until AS register_regression_until,
    bill.invoice_id AS register_regression_invoice_id
FROM rolled
QUALIFY row_number() OVER (PARTITION BY usage_point_id ORDER BY factor DESC, bill.nth) = 1"""


_ESTIMATED_RUN: Final = """
CREATE TEMP TABLE estimated_run AS
SELECT usage_point_id, count(*) AS estimated_run_bills, sum(consumption_kwh) AS estimated_run_kwh,
    arg_min(period_start, nth) AS estimated_run_since, arg_max(period_end, nth) AS estimated_run_until,
    arg_max(invoice_id, nth) AS estimated_run_invoice_id
FROM bill JOIN (
    SELECT usage_point_id, nth_real FROM bill_signals WHERE nth_real IS NULL OR nth_real < newest.nth
) USING (usage_point_id) WHERE nth > coalesce(nth_real, -1) GROUP BY usage_point_id"""


_PERIOD_TILING: Final = """
CREATE TEMP TABLE period_tiling AS
WITH ordered AS (
    SELECT usage_point_id, installation_id, invoice_id, period_start, period_end, consumption_kwh,
        row_number() OVER billed AS seq,
        period_start - max(period_end) OVER (billed ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS gap,
        CASE WHEN lag(installation_id) OVER billed = installation_id
            THEN lag(period_end) OVER billed - period_start END AS overlap
    FROM bill WHERE period_end > DATE '1970-01-01' + $panel_start::int AND NOT is_start_derived
    WINDOW billed AS (PARTITION BY usage_point_id ORDER BY nth)
), worst AS (
    SELECT usage_point_id, max(greatest(gap, overlap, 0)) AS untiled_days,
        arg_max(
            {'gap_days': greatest(gap, 0), 'overlap_days': greatest(overlap, 0), 'since': period_start,
                'until': period_end, 'kwh': consumption_kwh, 'invoice_id': invoice_id},
            greatest(gap, overlap, 0) * 1000000 - seq
        ) AS bill
    FROM ordered GROUP BY usage_point_id HAVING count(*) > 1
)
SELECT usage_point_id, untiled_days AS period_tiling_untiled_days, bill.gap_days AS period_tiling_gap_days,
    bill.overlap_days AS period_tiling_overlap_days,
    bill.kwh / greatest(bill.until - bill.since, 1) * untiled_days AS period_tiling_unbilled_kwh,
    bill.since AS period_tiling_since, bill.until AS period_tiling_until, bill.invoice_id AS period_tiling_invoice_id
FROM worst"""


_HIGH_LOW: Final = """
CREATE TEMP TABLE high_low AS
WITH level AS (
    SELECT usage_point_id, newest, greatest(newest.until - newest.since, 1) AS days,
        newest.kwh / greatest(newest.until - newest.since, 1) AS daily,
        (coalesce(before, 0) + coalesce(year_before, 0)) / ((before IS NOT NULL)::int + (year_before IS NOT NULL)::int)
            AS usual
    FROM use JOIN bill_signals USING (usage_point_id)
    WHERE is_current AND coalesce(before, year_before) IS NOT NULL
)
SELECT usage_point_id, round(CASE WHEN least(daily, usual) > 0
        THEN least(greatest(daily, usual) / least(daily, usual), 1000) ELSE 1000 END, 4) AS high_low_factor,
    daily AS high_low_daily_kwh, usual AS high_low_usual_daily_kwh,
    round(abs(daily - usual) * days, 4) AS high_low_difference_kwh,
    newest.since AS high_low_since, newest.until AS high_low_until, newest.invoice_id AS high_low_invoice_id
FROM level WHERE greatest(daily, usual) > 0"""


_DEBT: Final = """
CREATE TEMP TABLE debt AS
WITH owing AS (SELECT DISTINCT usage_point_id FROM bill WHERE outstanding_rial > 0),
newest AS (
    SELECT usage_point_id, period_start AS newest_start FROM bill SEMI JOIN owing USING (usage_point_id)
    QUALIFY row_number() OVER (PARTITION BY usage_point_id ORDER BY period_end DESC, nth) = 1
), owed AS (
    SELECT *, coalesce(due_on < $as_of, false) AS is_overdue, period_start < newest_start AS is_older
    FROM bill JOIN newest USING (usage_point_id) WHERE outstanding_rial > 0
)
SELECT usage_point_id, sum(outstanding_rial) FILTER (is_overdue) AS overdue_debt_overdue_rial,
    sum(outstanding_rial) AS overdue_debt_outstanding_rial,
    $as_of - min(due_on) FILTER (is_overdue) AS overdue_debt_oldest_days,
    count(*) FILTER (is_overdue) AS overdue_debt_bills, min(due_on) FILTER (is_overdue) AS overdue_debt_since,
    $as_of AS overdue_debt_until,
    arg_min(invoice_id, {'due_on': due_on, 'nth': nth}) FILTER (is_overdue) AS overdue_debt_invoice_id,
    sum(outstanding_rial) FILTER (is_older) AS disconnectable_debt_debt_rial,
    count(*) FILTER (is_older) AS disconnectable_debt_unpaid_periods,
    min(period_start) FILTER (is_older) AS disconnectable_debt_since,
    any_value(newest_start) AS disconnectable_debt_until,
    arg_min(invoice_id, {'since': period_start, 'nth': nth}) FILTER (is_older) AS disconnectable_debt_invoice_id
FROM owed GROUP BY usage_point_id"""


_USE_AFTER_CUT: Final = """
CREATE TEMP TABLE use_after_cut AS
SELECT usage_point_id, round(sum(consumption_kwh), 4) AS use_after_cut_kwh, count(*) AS use_after_cut_bills,
    any_value(cut_on) AS use_after_cut_since, max(period_end) AS use_after_cut_until,
    arg_max(invoice_id, {'until': period_end, 'nth': -nth}) AS use_after_cut_invoice_id
FROM bill JOIN point USING (usage_point_id) WHERE period_start >= cut_on GROUP BY usage_point_id"""
