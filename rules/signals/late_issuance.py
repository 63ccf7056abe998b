from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, PointBatch

from .grouping import bill_period, by_row, take, worst_bill
from .registry import Field, SignalValues, signal

_YEAR_DAYS = 365


@signal(
    name="late_issuance",
    subject="usage_point",
    title_en="days from reading to issue",
    title_fa="فاصله قرائت تا صدور",
    fields={
        "days": Field(
            "day",
            "longest time from reading to issue in the last year",
            "بیشترین فاصله قرائت تا صدور در سال اخیر",
        ),
        "payable_rial": Field("rial", "payable of that bill", "مبلغ آن قبض"),
        "cost_rial": Field("rial", "cost of that money for that time", "هزینه پول در این مدت"),
        "issued_on": Field("date", "day of issue", "تاریخ صدور"),
        "since": Field("date", "start of that bill", "آغاز دوره قبض"),
        "until": Field("date", "reading that ends it", "قرائت پایانی"),
    },
    formula="issue − end of period; cost = payable × days / 365 × the site's capital_cost_percent",
    missing="bills without a day of issue, and those read more than a year before the scan, are left out",
    source="duty: data go to the issuing company in time",
    needs=("bills", "issue_days"),
)
def late_issuance(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    rows = np.flatnonzero((bills.issued_on != NO_DAY) & (bills.period_end > batch.as_of - _YEAR_DAYS))
    days = bills.issued_on[rows].astype(np.int64) - bills.period_end[rows]
    has, at = worst_bill(bills, rows, days, points)
    longest = take(at, has, by_row(bills, rows, days), 0)
    payable = np.maximum(take(at, has, bills.payable_rial, 0), 0)
    rate = batch.site.capital_cost_percent / 100.0
    return SignalValues(
        has,
        {
            "days": longest,
            "payable_rial": payable,
            "cost_rial": np.round(payable * rate * np.maximum(longest, 0) / _YEAR_DAYS),
            "issued_on": take(at, has, bills.issued_on, 0).astype(np.int64),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
