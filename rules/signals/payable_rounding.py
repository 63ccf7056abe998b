from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import bill_period, by_row, sum_by_point, take, worst_bill
from .registry import Field, SignalValues, signal

# The payment id carries the amount in thousand rials, so that every payable is a whole number of them.
UNIT_RIAL = 1000


@signal(
    name="payable_rounding",
    subject="usage_point",
    title_en="rounding of the payable amount",
    title_fa="گرد کردن مبلغ قابل پرداخت",
    fields={
        "faulty_bills": Field("count", "bills that are not rounded rightly", "قبض‌های با گردکردن نادرست"),
        "remainder_rial": Field(
            "rial", "payable of the worst one beyond whole thousands", "مانده هزار ریال قابل پرداخت"
        ),
        "rounding_rial": Field("rial", "its rounding line, without its sign", "کسر هزار ریال آن، بدون علامت"),
        "difference_rial": Field("rial", "what all of them are off by", "مجموع اختلاف همه آن‌ها"),
        "since": Field("date", "start of the worst bill", "آغاز دوره قبض"),
        "until": Field("date", "end of the worst bill", "پایان دوره قبض"),
    },
    formula="payable mod 1,000 ≠ 0, or |rounding line| ≥ 1,000; off by the remainder plus what the line exceeds 999 by",
    missing="bills without a payable are left out; one without a rounding line counts as not rounded",
    source="national scheme of electronic payment of bills: amounts in thousand rials",
    needs=("bills", "payables"),
)
def payable_rounding(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    rows = np.flatnonzero(bills.payable_rial >= 0)
    remainder = bills.payable_rial[rows] % UNIT_RIAL
    deduction = np.abs(np.nan_to_num(bills.rounding_rial[rows]))
    off = remainder + np.maximum(deduction - (UNIT_RIAL - 1), 0.0)
    has, at = worst_bill(bills, rows, off, points)
    point = bills.point[rows]
    return SignalValues(
        has,
        {
            "faulty_bills": np.bincount(point[off > 0], minlength=points),
            "remainder_rial": take(at, has, by_row(bills, rows, remainder), 0),
            "rounding_rial": take(at, has, by_row(bills, rows, deduction), 0),
            "difference_rial": sum_by_point(point, off, points),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
