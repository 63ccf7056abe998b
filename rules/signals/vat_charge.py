from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import bill_period, by_row, sum_by_point, take, worst_bill
from .registry import Field, SignalValues, signal


@signal(
    name="vat_charge",
    subject="usage_point",
    title_en="value added tax of a bill",
    title_fa="مالیات بر ارزش افزوده قبض",
    fields={
        "difference_rial": Field(
            "rial", "charged tax and right tax apart, without sign", "اختلاف مالیات با مقدار درست"
        ),
        "charged_rial": Field("rial", "tax as charged", "مالیات دریافتی"),
        "expected_rial": Field("rial", "tax by the rate in force", "مالیات طبق نرخ"),
        "missing_rial": Field("rial", "tax that all bills charged too little", "کسری مالیات همه قبض‌ها"),
        "since": Field("date", "start of the worst bill", "آغاز دوره قبض"),
        "until": Field("date", "end of the worst bill", "پایان دوره قبض"),
    },
    formula="|tax − rate × (charges of the period without duty, tax, rounding, balances and instalments)|; the site's vat_percent",
    missing="left out: bills without the tax line or any charges, and those in whose period the rate changed",
    source="arithmetic of a published bill: 10 % of the period's amount without the electricity duty",
    needs=("bills", "vat_charges"),
)
def vat_charge(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    days = np.array([day for day, _ in batch.site.vat_percent])
    rates = np.array([rate for _, rate in batch.site.vat_percent])
    rows = np.flatnonzero(~np.isnan(bills.vat_rial) & ~np.isnan(bills.taxable_rial))
    first = np.searchsorted(days, bills.period_start[rows], side="right") - 1
    last = np.searchsorted(days, bills.period_end[rows], side="right") - 1
    one_rate = (first == last) & (first >= 0)
    rows, rate = rows[one_rate], rates[first[one_rate]] / 100.0
    expected = np.round(rate * bills.taxable_rial[rows])
    short = expected - bills.vat_rial[rows]
    has, at = worst_bill(bills, rows, np.abs(short), points)
    return SignalValues(
        has,
        {
            "difference_rial": take(at, has, by_row(bills, rows, np.abs(short)), 0.0),
            "charged_rial": np.nan_to_num(take(at, has, bills.vat_rial, 0.0)),
            "expected_rial": take(at, has, by_row(bills, rows, expected), 0.0),
            "missing_rial": sum_by_point(bills.point[rows], np.maximum(short, 0.0), points),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
