from __future__ import annotations

import numpy as np

from rules.batch import INVOICE_KINDS, PointBatch

from .grouping import take, worst_by_point
from .registry import Field, SignalValues, absent, signal


@signal(
    name="bill_revisions",
    subject="usage_point",
    title_en="revisions of one bill",
    title_fa="اصلاح‌های یک صورتحساب",
    fields={
        "revisions": Field("count", "revised bills of one period", "قبض‌های اصلاحی یک دوره"),
        "change_percent": Field(
            "percent", "smallest against largest energy billed for it", "کمترین در برابر بیشترین مصرف آن دوره"
        ),
        "difference_kwh": Field(
            "kWh", "largest less smallest energy billed for it", "اختلاف بیشترین و کمترین مصرف"
        ),
        "since": Field("date", "start of that period", "آغاز آن دوره"),
        "until": Field("date", "end of the last of its bills", "پایان آخرین قبض آن"),
    },
    formula="count of revised bills of one meter and first day; (largest − smallest) / largest of all its bills × 100",
    missing="absent where no bill is revised",
    source="review of corrections; a bill revised again and again",
    needs=("bills", "revisions"),
)
def bill_revisions(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    revised = bills.kind == INVOICE_KINDS.index("revised")
    if not revised.any():
        return absent(batch)
    # Bills are sorted by point, installation and first day.
    first = np.concatenate(
        (
            [True],
            (bills.point[1:] != bills.point[:-1])
            | (bills.installation_id[1:] != bills.installation_id[:-1])
            | (bills.period_start[1:] != bills.period_start[:-1]),
        )
    )
    starts = np.flatnonzero(first)
    count = np.add.reduceat(revised.astype(np.int64), starts)
    some = count > 0
    largest = np.maximum.reduceat(bills.consumption_kwh, starts)[some]
    smallest = np.minimum.reduceat(bills.consumption_kwh, starts)[some]
    until = np.maximum.reduceat(bills.period_end, starts)[some]
    last = np.append(starts[1:], len(bills))[some] - 1
    rows, count = starts[some], count[some]
    has, worst = worst_by_point(bills.point[rows], count, points)
    change = np.where(largest > 0, (largest - smallest) / np.where(largest > 0, largest, 1.0) * 100.0, 0.0)
    return SignalValues(
        has,
        {
            "revisions": take(worst, has, count, 0),
            "change_percent": take(worst, has, change, 0.0),
            "difference_kwh": take(worst, has, largest - smallest, 0.0),
            "since": take(worst, has, bills.period_start[rows], 0).astype(np.int64),
            "until": take(worst, has, until, 0).astype(np.int64),
        },
        take(worst, has, bills.invoice_id[last], -1).astype(np.int64),
    )
