from __future__ import annotations

import numpy as np

from rules.batch import PointBatch, month_starts

from .registry import Field, SignalValues, signal
from .windows import known_mean

# Mean length of a month, days: energy of a month from its daily use.
MONTH_DAYS = 365.25 / 12


@signal(
    name="zero_run",
    subject="usage_point",
    title_en="zero consumption until now",
    title_fa="مصرف صفر تا کنون",
    fields={
        "months": Field(
            "month", "months without consumption up to the last bill", "ماه‌های بدون مصرف تا آخرین قبض"
        ),
        "usual_daily_kwh": Field(
            "kWh/day",
            "mean daily use of the 12 known months before the run",
            "میانگین مصرف روزانه در ۱۲ ماه پیش از آن",
        ),
        "lost_kwh": Field(
            "kWh", "usual daily use times the days of the run", "مصرف معمول در روزهای بدون مصرف"
        ),
        "since": Field("date", "first day of the run", "آغاز دوره"),
        "until": Field("date", "end of the last bill's month", "پایان دوره"),
    },
    formula="length of the run of months with daily use 0 that ends at the last known month",
    missing="absent where the last bill is older than four months, or its month has consumption",
    source="revenue-protection practice: zero consumption check (VEE)",
    needs=("panel",),
)
def zero_run(batch: PointBatch) -> SignalValues:
    aligned = batch.aligned
    months = batch.months
    # Columns from the newest backwards; the run ends at the first that is not zero (an unknown month ends it too).
    is_zero = aligned[:, ::-1] == 0.0
    run = np.where(is_zero.all(axis=1), months, np.argmin(is_zero, axis=1))
    present = batch.is_current & (run > 0)

    # Of the few that are at zero, what they used before.
    rows = np.flatnonzero(present)
    column = np.arange(months)[None, :]
    first = (months - run[rows])[:, None]
    before = np.where((column >= first - 12) & (column < first), aligned[rows], np.nan)
    usual = np.zeros(len(batch))
    usual[rows] = np.nan_to_num(known_mean(before, 1))
    starts = month_starts(batch.last_month, months)
    last = np.maximum(batch.last_known, 0)
    return SignalValues(
        present,
        {
            "months": run,
            "usual_daily_kwh": usual,
            "lost_kwh": usual * run * MONTH_DAYS,
            "since": starts[np.maximum(last - run + 1, 0)].astype(np.int64),
            "until": starts[last + 1].astype(np.int64),
        },
    )
