from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .registry import Field, SignalValues, signal


@signal(
    name="unallocated_payment",
    subject="usage_point",
    title_en="payment that settles no bill",
    title_fa="پرداخت تخصیص‌نیافته یا بستانکاری مانده",
    fields={
        "rial": Field("rial", "payments of the point that settle no bill", "پرداخت‌های تخصیص‌نیافته"),
        "days": Field("day", "days since the oldest of them", "روزهای گذشته از قدیمی‌ترین آن‌ها"),
        "since": Field("date", "day of the oldest of them", "روز قدیمی‌ترین آن‌ها"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="Σ (payment − its allocations) of the point's payments; a payment beyond its bill is a credit and counts the same",
    missing="absent where all payments are allocated; payments that name no usage point have no subject",
    source="reconciliation of payments and receivables",
    needs=("unallocated_payments",),
)
def unallocated_payment(batch: PointBatch) -> SignalValues:
    present = (batch.unallocated_rial > 0) & (batch.unallocated_since <= batch.as_of)
    since = np.where(present, batch.unallocated_since, batch.as_of).astype(np.int64)
    return SignalValues(
        present,
        {
            "rial": batch.unallocated_rial,
            "days": batch.as_of - since,
            "since": since,
            "until": np.full(len(batch), batch.as_of, np.int64),
        },
    )
