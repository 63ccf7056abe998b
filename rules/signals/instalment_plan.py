from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, PointBatch

from .registry import Field, SignalValues, signal


@signal(
    name="instalment_plan",
    subject="usage_point",
    title_en="plan of instalments in force",
    title_fa="تقسیط در جریان",
    fields={
        "unpaid_rial": Field("rial", "all that is unpaid of the plan", "مانده تقسیط"),
        "overdue_days": Field(
            "day",
            "days since the oldest unpaid instalment was due, negative before",
            "روزهای گذشته از سررسید قدیمی‌ترین قسط پرداخت‌نشده",
        ),
        "since": Field("date", "due day of the oldest unpaid instalment", "سررسید قدیمی‌ترین قسط پرداخت‌نشده"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="Σ (amount − paid) of the instalments of plans in force; a missed one makes the whole balance due",
    missing="absent where the point has no such plan, or all of it is paid",
    source="bylaw practice of instalments",
    needs=("instalments",),
)
def instalment_plan(batch: PointBatch) -> SignalValues:
    present = (batch.instalment_rial > 0) & (batch.instalment_due_on != NO_DAY)
    since = np.where(present, batch.instalment_due_on, batch.as_of).astype(np.int64)
    return SignalValues(
        present,
        {
            "unpaid_rial": batch.instalment_rial,
            "overdue_days": batch.as_of - since,
            "since": since,
            "until": np.full(len(batch), batch.as_of, np.int64),
        },
    )
