"""What a point owes. Amounts are whole rials."""

from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, CustomerBatch, PointBatch

from .grouping import sum_by_point, take, worst_by_point
from .registry import Field, SignalValues, signal


@signal(
    name="overdue_debt",
    subject="usage_point",
    title_en="overdue debt",
    title_fa="بدهی معوق",
    fields={
        "overdue_rial": Field(
            "rial", "outstanding of bills past their due date", "مانده قبض‌های سررسید گذشته"
        ),
        "outstanding_rial": Field("rial", "outstanding of all bills", "مانده همه قبض‌ها"),
        "oldest_days": Field(
            "day", "days since the oldest unpaid due date", "روزهای گذشته از قدیمی‌ترین سررسید"
        ),
        "bills": Field("count", "unpaid bills past their due date", "قبض‌های پرداخت‌نشده سررسید گذشته"),
        "since": Field("date", "oldest unpaid due date", "قدیمی‌ترین سررسید"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="Σ (payable − payments) over bills with due date before the day of the scan",
    missing="absent where nothing is overdue; bills without payable or due date owe nothing that is known",
    source="ageing of receivables",
    needs=("bills", "payables"),
)
def overdue_debt(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    owed = bills.outstanding_rial > 0
    overdue = np.flatnonzero(owed & (bills.due_on != NO_DAY) & (bills.due_on < batch.as_of))
    point = bills.point[overdue]
    age = batch.as_of - bills.due_on[overdue].astype(np.int64)
    has, oldest = worst_by_point(point, age, points)
    open_rows = np.flatnonzero(owed)
    days = take(oldest, has, age, 0).astype(np.int64)
    return SignalValues(
        has,
        {
            "overdue_rial": sum_by_point(point, bills.outstanding_rial[overdue], points).astype(np.int64),
            "outstanding_rial": sum_by_point(
                bills.point[open_rows], bills.outstanding_rial[open_rows], points
            ).astype(np.int64),
            "oldest_days": days,
            "bills": np.bincount(point, minlength=points),
            "since": batch.as_of - days,
            "until": np.full(points, batch.as_of, np.int64),
        },
        take(oldest, has, bills.invoice_id[overdue], -1).astype(np.int64),
    )


@signal(
    name="disconnectable_debt",
    subject="usage_point",
    title_en="debt for which supply may be cut",
    title_fa="بدهی مشمول قطع",
    fields={
        "debt_rial": Field("rial", "outstanding of all bills but the newest", "مانده همه قبض‌ها جز آخرین قبض"),
        "unpaid_periods": Field(
            "count", "unpaid bills before the newest", "دوره‌های پرداخت‌نشده پیش از آخرین قبض"
        ),
        "since": Field("date", "start of the oldest unpaid bill", "آغاز قدیمی‌ترین قبض پرداخت‌نشده"),
        "until": Field("date", "start of the newest bill", "آغاز آخرین قبض"),
    },
    formula="Σ outstanding − outstanding of the newest bill",
    missing="absent where no bill before the newest is unpaid",
    source="practice of daily debt lists (total minus the latest period); more than one unpaid period → cut",
    needs=("bills", "payables"),
)
def disconnectable_debt(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    unpaid = np.flatnonzero(bills.outstanding_rial > 0)
    concerned = np.zeros(points, np.bool_)
    concerned[bills.point[unpaid]] = True
    rows = np.flatnonzero(concerned[bills.point])
    has, newest = worst_by_point(bills.point[rows], bills.period_end[rows], points)
    newest_start = take(newest, has, bills.period_start[rows], 0).astype(np.int64)
    older = unpaid[bills.period_start[unpaid] < newest_start[bills.point[unpaid]]]
    point = bills.point[older]
    owes, oldest = worst_by_point(point, -bills.period_start[older], points)
    return SignalValues(
        owes,
        {
            "debt_rial": sum_by_point(point, bills.outstanding_rial[older], points).astype(np.int64),
            "unpaid_periods": np.bincount(point, minlength=points),
            "since": take(oldest, owes, bills.period_start[older], 0).astype(np.int64),
            "until": newest_start,
        },
        take(oldest, owes, bills.invoice_id[older], -1).astype(np.int64),
    )


@signal(
    name="government_debt",
    subject="customer",
    title_en="overdue debt of a government body over all its points",
    title_fa="بدهی معوق دستگاه دولتی در همه انشعاب‌ها",
    fields={
        "overdue_rial": Field("rial", "overdue at all points of the body", "بدهی معوق همه انشعاب‌ها"),
        "outstanding_rial": Field("rial", "outstanding at all points", "مانده همه انشعاب‌ها"),
        "oldest_days": Field(
            "day", "days since the oldest unpaid due date", "روزهای گذشته از قدیمی‌ترین سررسید"
        ),
        "points": Field("count", "usage points that owe", "انشعاب‌های بدهکار"),
        "since": Field("date", "oldest unpaid due date", "قدیمی‌ترین سررسید"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="sums of overdue_debt over the points of one government customer",
    missing="absent where nothing is overdue",
    source="consolidated statement of an organisation's bills (national service)",
    needs=("bills", "payables"),
)
def government_debt(batch: CustomerBatch) -> SignalValues:
    has = (batch.overdue_rial > 0) & batch.is_government
    days = np.where(has, batch.as_of - batch.oldest_due.astype(np.int64), 0)
    return SignalValues(
        has,
        {
            "overdue_rial": batch.overdue_rial,
            "outstanding_rial": batch.outstanding_rial,
            "oldest_days": days,
            "points": batch.points,
            "since": batch.as_of - days,
            "until": np.full(len(batch), batch.as_of, np.int64),
        },
    )
