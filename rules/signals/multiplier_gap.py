from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import sum_by_point, take, worst_by_point
from .registry import Field, SignalValues, signal

# Equal up to what a decimal in a file can lose.
_SAME = 1e-9


@signal(
    name="multiplier_gap",
    subject="usage_point",
    title_en="multiplier of the bills against that of the installed transformers",
    title_fa="ضریب قبض در برابر ضریب نصب‌شده",
    fields={
        "deviation_percent": Field(
            "percent", "distance from the installed one, of the newest such bill", "فاصله از ضریب نصب‌شده"
        ),
        "billed_multiplier": Field("factor", "multiplier of that bill", "ضریب آن قبض"),
        "installed_multiplier": Field("factor", "registered with the meter", "ضریب ثبت‌شده کنتور"),
        "bills": Field("count", "bills with another multiplier", "قبض‌های دارای ضریب دیگر"),
        "lost_kwh": Field("kWh", "energy that a smaller multiplier left out", "انرژی محاسبه‌نشده"),
        "since": Field("date", "start of the first such bill", "آغاز نخستین قبض"),
        "until": Field("date", "end of the newest such bill", "پایان آخرین قبض"),
    },
    formula="|1 − billed / installed| × 100; lost: Σ kWh × (installed / billed − 1) where that is positive",
    missing="absent where no bill has both multipliers, or all agree",
    source="multiplier check of meter-data validation; current and voltage transformer ratios",
    needs=("bills",),
)
def multiplier_gap(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    # NaN, an unknown ratio, compares as false.
    rows = np.flatnonzero(
        np.abs(bills.multiplier - bills.installed_multiplier) > _SAME * np.abs(bills.installed_multiplier)
    )
    point, billed, installed = bills.point[rows], bills.multiplier[rows], bills.installed_multiplier[rows]
    has, newest = worst_by_point(point, bills.period_end[rows], points)
    _, first = worst_by_point(point, -bills.period_start[rows], points)
    lost = np.maximum(bills.consumption_kwh[rows] * (installed / billed - 1.0), 0.0)
    printed, registered = take(newest, has, billed, 1.0), take(newest, has, installed, 1.0)
    return SignalValues(
        has,
        {
            "deviation_percent": np.abs(1.0 - printed / registered) * 100.0,
            "billed_multiplier": printed,
            "installed_multiplier": registered,
            "bills": np.bincount(point, minlength=points),
            "lost_kwh": sum_by_point(point, lost, points),
            "since": take(first, has, bills.period_start[rows], 0).astype(np.int64),
            "until": take(newest, has, bills.period_end[rows], 0).astype(np.int64),
        },
        take(newest, has, bills.invoice_id[rows], -1).astype(np.int64),
    )
