from __future__ import annotations

import numpy as np

from rules.batch import PointBatch, month_starts

from .registry import Field, SignalValues, absent, signal

WINDOW_MONTHS = 12
# Beyond this a factor says no more; it also keeps numbers finite.
MOST_FACTOR = 1000.0
_DAYS = 30


@signal(
    name="spike",
    subject="usage_point",
    title_en="month far above the usual",
    title_fa="جهش مصرف یک ماه",
    fields={
        "factor": Field(
            "factor",
            "largest month against the median of the last year's",
            "نسبت بیشترین ماه به میانه سال اخیر",
        ),
        "daily_kwh": Field("kWh/day", "use of that month", "مصرف آن ماه"),
        "median_daily_kwh": Field("kWh/day", "median of the year's months", "میانه ماه‌های سال"),
        "known_months": Field("month", "months of the year with a bill", "ماه‌های دارای قبض"),
        "excess_kwh": Field("kWh", "30 days of what lies above the median", "مصرف ۳۰ روز بیش از میانه"),
        "since": Field("date", "first day of that month", "نخستین روز آن ماه"),
        "until": Field("date", "first day of the month after", "نخستین روز ماه پس از آن"),
    },
    formula="max / median of the last 12 months up to the last known one; at most 1,000",
    missing="absent where fewer than two of them are known, the median is zero, or the last bill is older than 4 months",
    source="interval spike check of meter-data validation, on months",
    needs=("panel",),
)
def spike(batch: PointBatch) -> SignalValues:
    if batch.months < WINDOW_MONTHS:
        return absent(batch)
    window = batch.aligned[:, -WINDOW_MONTHS:]
    known = WINDOW_MONTHS - np.isnan(window).sum(axis=1)
    ordered = np.sort(window, axis=1)  # NaN last
    rows = np.arange(len(batch))
    low, high = np.maximum((known - 1) // 2, 0), known // 2
    median = (ordered[rows, low] + ordered[rows, np.minimum(high, WINDOW_MONTHS - 1)]) / 2
    column = np.argmax(np.nan_to_num(window, nan=-1.0), axis=1)
    largest = window[rows, column]
    with np.errstate(invalid="ignore"):
        present = batch.is_current & (known >= 2) & (median > 0)
    factor = np.minimum(np.where(present, largest, 0.0) / np.where(present, median, 1.0), MOST_FACTOR)
    month = np.maximum(batch.last_known - (WINDOW_MONTHS - 1 - column), 0)
    starts = month_starts(batch.last_month, batch.months).astype(np.int64)
    return SignalValues(
        present,
        {
            "factor": factor,
            "daily_kwh": np.where(present, largest, 0.0),
            "median_daily_kwh": np.where(present, median, 0.0),
            "known_months": known,
            "excess_kwh": np.where(present, (largest - median) * _DAYS, 0.0),
            "since": starts[month],
            "until": starts[month + 1],
        },
    )
