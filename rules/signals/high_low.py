from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .registry import Field, SignalValues, absent, signal
from .windows import known_mean

# Caps the factor where one side is zero: "a thousand times" says as much as infinity, and is a number.
MOST = 1000.0


@signal(
    name="high_low",
    subject="usage_point",
    title_en="newest bill against the usual (high/low)",
    title_fa="هایلو: آخرین قبض در برابر مصرف معمول",
    fields={
        "factor": Field(
            "factor",
            "newest bill ÷ usual or usual ÷ newest bill, the larger",
            "نسبت آخرین قبض به مصرف معمول یا برعکس",
        ),
        "daily_kwh": Field("kWh/day", "daily use of the newest bill", "مصرف روزانه آخرین قبض"),
        "usual_daily_kwh": Field(
            "kWh/day",
            "mean of the three months before and the same season of last year",
            "میانگین سه ماه پیش و فصل مشابه سال قبل",
        ),
        "difference_kwh": Field(
            "kWh", "energy above or below the usual in the period", "تفاوت با مصرف معمول در دوره"
        ),
        "since": Field("date", "start of the newest bill", "آغاز دوره"),
        "until": Field("date", "end of the newest bill", "پایان دوره"),
    },
    formula="max(c / u, u / c), c = kWh/day of the newest bill, u = mean of the known ones of both reference windows",
    missing="absent where neither reference window is known, both sides are zero, or the last bill is older than four months",
    source="high/low check («هایلو»): limits from the previous and last year's window",
    needs=("bills", "panel"),
)
def high_low(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    if not len(bills):
        return absent(batch)
    aligned = batch.aligned
    before = known_mean(aligned[:, -5:-2], 1)
    year_before = known_mean(aligned[:, -14:-11], 1) if batch.months >= 14 else np.full(points, np.nan)
    usual = known_mean(np.stack([before, year_before], axis=1), 1)
    newest = np.maximum(bills.offsets[1:] - 1, 0)
    days = np.maximum(bills.period_end[newest] - bills.period_start[newest], 1).astype(np.float64)
    daily = bills.consumption_kwh[newest] / days
    larger, smaller = np.maximum(daily, usual), np.minimum(daily, usual)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(smaller > 0, np.minimum(larger / smaller, MOST), MOST)
    present = batch.is_current & (np.diff(bills.offsets) > 0) & (larger > 0)
    return SignalValues(
        present,
        {
            "factor": factor,
            "daily_kwh": daily,
            "usual_daily_kwh": usual,
            "difference_kwh": np.abs(daily - usual) * days,
            "since": bills.period_start[newest].astype(np.int64),
            "until": bills.period_end[newest].astype(np.int64),
        },
        bills.invoice_id[newest],
    )
