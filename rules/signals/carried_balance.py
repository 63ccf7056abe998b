from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, PointBatch

from .grouping import bill_period, by_row, take, worst_bill
from .registry import Field, SignalValues, absent, signal

# Bills farther apart do not follow each other: another may lie between, of which the lake has nothing any more.
_MOST_GAP_DAYS = 31


@signal(
    name="carried_balance",
    subject="usage_point",
    title_en="balance that a bill carries",
    title_fa="مانده منتقل‌شده از قبض پیش",
    fields={
        "difference_rial": Field(
            "rial", "how far the carried balance is from what was owed", "اختلاف مانده منتقل‌شده با بدهی واقعی"
        ),
        "balance_rial": Field("rial", "balance as carried", "مانده منتقل‌شده"),
        "expected_rial": Field("rial", "what was owed of the bill before, at least", "حداقل بدهی قبض پیش"),
        "missing_rial": Field("rial", "by how much too little is carried", "کسری مانده منتقل‌شده"),
        "since": Field("date", "start of that bill", "آغاز دوره قبض"),
        "until": Field("date", "end of that bill", "پایان دوره قبض"),
    },
    formula=(
        "distance of the line previous_balance from what was owed of the bill before at the issue: its payable − payments "
        "where all payments were before; else anything between that and the whole payable is right"
    ),
    missing="left out: bills without the line, or whose predecessor (same meter, at most 31 days before) or its payable is unknown",
    source="continuity of an account: balance = payable of the bill before − payments",
    needs=("bills", "payables", "balance_lines"),
)
def carried_balance(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    if len(bills) < 2:
        return absent(batch)
    follows = (bills.point[1:] == bills.point[:-1]) & (
        bills.installation_id[1:] == bills.installation_id[:-1]
    )
    gap = bills.period_start[1:] - bills.period_end[:-1]
    follows &= (gap >= 0) & (gap <= _MOST_GAP_DAYS)
    follows &= ~np.isnan(bills.balance_rial[1:]) & (bills.payable_rial[:-1] >= 0)
    rows = np.flatnonzero(follows) + 1
    issued = np.where(bills.issued_on[rows] == NO_DAY, bills.period_end[rows], bills.issued_on[rows])
    settled = bills.paid_on[rows - 1] <= issued  # also where nothing was paid
    low = bills.outstanding_rial[rows - 1].astype(np.float64)
    high = np.where(settled, low, bills.payable_rial[rows - 1])
    carried = bills.balance_rial[rows]
    short, over = np.maximum(low - carried, 0.0), np.maximum(carried - high, 0.0)
    has, at = worst_bill(bills, rows, short + over, points)
    return SignalValues(
        has,
        {
            "difference_rial": take(at, has, by_row(bills, rows, short + over), 0.0),
            "balance_rial": np.nan_to_num(take(at, has, bills.balance_rial, 0.0)),
            "expected_rial": take(at, has, by_row(bills, rows, low), 0.0),
            "missing_rial": take(at, has, by_row(bills, rows, short), 0.0),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
