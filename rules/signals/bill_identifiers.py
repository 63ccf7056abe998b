from __future__ import annotations

import numpy as np

from rules.batch import PointBatch
from tarazu.identifiers import arrays as ids

from .grouping import take, worst_by_point
from .registry import Field, SignalValues, signal


@signal(
    name="bill_identifiers",
    subject="usage_point",
    title_en="bill and payment ids that do not hold",
    title_fa="ایراد شناسه قبض و شناسه پرداخت",
    fields={
        "faulty_bills": Field(
            "count", "bills with at least one fault in their ids", "قبض‌های دارای ایراد شناسه"
        ),
        "check_digit_faults": Field("count", "bills with a wrong check digit", "قبض‌های با رقم کنترل نادرست"),
        "wrong_company": Field(
            "count", "bills of another company or service", "قبض‌های با کد شرکت یا خدمت دیگر"
        ),
        "amount_faults": Field(
            "count", "bills whose payment id carries another amount", "قبض‌های با مبلغ متفاوت در شناسه پرداخت"
        ),
        "amount_difference_rial": Field("rial", "largest difference of amount", "بیشترین اختلاف مبلغ"),
        "since": Field("date", "start of the first faulty bill with the largest difference", "آغاز دوره قبض"),
        "until": Field("date", "end of that bill", "پایان دوره قبض"),
    },
    formula="modulo-11 check digits; service type and company code; amount field × 1,000 = payable",
    missing="absent where no bill has a bill id; the company is checked only where its code is set",
    source="national scheme of electronic payment of bills",
    needs=("bills", "bill_ids"),
)
def bill_identifiers(batch: PointBatch) -> SignalValues:
    bills, points, site = batch.bills, len(batch), batch.site
    has_id = bills.bill_id >= 0
    has_payment = has_id & (bills.payment_id >= 0)
    wrong_digit = has_id & ~ids.bill_check_valid(bills.bill_id)
    wrong_digit |= has_payment & ~ids.payment_check_valid(bills.bill_id, bills.payment_id)
    elsewhere = has_id & (ids.bill_service_type(bills.bill_id) != site.service_type)
    if site.company_code >= 0:
        elsewhere |= has_id & (ids.bill_company_code(bills.bill_id) != site.company_code)
    comparable = has_payment & (bills.payable_rial >= 0)
    difference = np.where(
        comparable, np.abs(ids.payment_amount_rial(bills.payment_id) - bills.payable_rial), 0
    )
    wrong_amount = difference != 0
    faulty = wrong_digit | elsewhere | wrong_amount
    rows = np.flatnonzero(faulty)
    point = bills.point[rows]
    has, worst = worst_by_point(point, difference[rows], points)

    def count(
        flags: np.ndarray[tuple[int], np.dtype[np.bool_]],
    ) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.bincount(bills.point[flags], minlength=points).astype(np.int64)

    return SignalValues(
        count(has_id) > 0,
        {
            "faulty_bills": np.bincount(point, minlength=points),
            "check_digit_faults": count(wrong_digit),
            "wrong_company": count(elsewhere),
            "amount_faults": count(wrong_amount),
            "amount_difference_rial": take(worst, has, difference[rows], 0).astype(np.int64),
            "since": take(worst, has, bills.period_start[rows], 0).astype(np.int64),
            "until": take(worst, has, bills.period_end[rows], 0).astype(np.int64),
        },
        take(worst, has, bills.invoice_id[rows], -1).astype(np.int64),
    )
