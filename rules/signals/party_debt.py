"""Debts of persons and bodies over all their points: what they owe elsewhere, and how much of all debt is theirs."""

from __future__ import annotations

import numpy as np

from rules.batch import CustomerBatch, PointBatch

from .debt import overdue_debt
from .registry import Field, SignalValues, absent, signal


@signal(
    name="debt_elsewhere",
    subject="usage_point",
    title_en="overdue debt of the same customer at other points",
    title_fa="بدهی معوق همین مشترک در انشعاب‌های دیگر",
    fields={
        "overdue_rial": Field("rial", "overdue at the other points", "بدهی معوق انشعاب‌های دیگر"),
        "points": Field("count", "other points that owe", "انشعاب‌های بدهکار دیگر"),
        "oldest_days": Field(
            "day",
            "days since the oldest unpaid due day of all points",
            "روزهای گذشته از قدیمی‌ترین سررسید همه انشعاب‌ها",
        ),
        "since": Field("date", "oldest unpaid due day of all points", "قدیمی‌ترین سررسید همه انشعاب‌ها"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula=(
        "overdue debt of all points of the person or body − that of this point; customers with one national id or legal "
        "entity id are one"
    ),
    missing="absent where the customer is unknown or owes nothing elsewhere",
    source="bylaw practice: a debtor's other connections may be cut after notice",
    needs=("bills", "payables"),
)
def debt_elsewhere(batch: PointBatch) -> SignalValues:
    debts = batch.debts
    if debts is None or not len(debts.party_id):
        return absent(batch)
    at = np.minimum(np.searchsorted(debts.party_id, batch.party_id), len(debts.party_id) - 1)
    known = (debts.party_id[at] == batch.party_id) & (batch.party_id >= 0)
    own = overdue_debt(batch)
    mine = np.where(own.present, own.fields["overdue_rial"], 0)
    elsewhere = np.where(known, debts.overdue_rial[at] - mine, 0)
    since = np.where(known, debts.oldest_due[at], batch.as_of).astype(np.int64)
    return SignalValues(
        elsewhere > 0,
        {
            "overdue_rial": elsewhere,
            "points": debts.points[at] - own.present,
            "oldest_days": batch.as_of - since,
            "since": since,
            "until": np.full(len(batch), batch.as_of, np.int64),
        },
    )


@signal(
    name="debt_share",
    subject="customer",
    title_en="share of one customer in all overdue debt",
    title_fa="سهم یک مشترک از کل بدهی معوق",
    fields={
        "share_percent": Field(
            "percent", "overdue of the customer against that of all", "سهم از کل بدهی معوق"
        ),
        "overdue_rial": Field("rial", "overdue at all points of the customer", "بدهی معوق همه انشعاب‌ها"),
        "points": Field("count", "usage points that owe", "انشعاب‌های بدهکار"),
        "since": Field("date", "oldest unpaid due day", "قدیمی‌ترین سررسید"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="overdue debt of the customer / that of all known customers × 100",
    missing="absent where nothing is overdue; points without a known customer count for nobody and not in the whole",
    source="duty list: concentration of debts",
    needs=("bills", "payables"),
)
def debt_share(batch: CustomerBatch) -> SignalValues:
    has = batch.overdue_rial > 0
    return SignalValues(
        has,
        {
            "share_percent": batch.overdue_rial / max(batch.all_overdue_rial, 1) * 100.0,
            "overdue_rial": batch.overdue_rial,
            "points": batch.points,
            "since": np.where(has, batch.oldest_due, batch.as_of).astype(np.int64),
            "until": np.full(len(batch), batch.as_of, np.int64),
        },
    )
