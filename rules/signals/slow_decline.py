from __future__ import annotations

import numpy as np

from rules.batch import PointBatch, month_starts

from .registry import Field, SignalValues, absent, signal
from .windows import percent_fall
from .zero_run import MONTH_DAYS

_YEAR = 12


@signal(
    name="slow_decline",
    subject="usage_point",
    title_en="steady decline over two years or more",
    title_fa="کاهش تدریجی در دو سال یا بیشتر",
    fields={
        "correlation": Field(
            "factor",
            "Pearson correlation of time and the twelve-month mean",
            "همبستگی زمان و میانگین دوازده‌ماهه",
        ),
        "fall_percent": Field(
            "percent",
            "fall from the first to the last twelve-month mean",
            "افت از نخستین تا آخرین میانگین دوازده‌ماهه",
        ),
        "months": Field("month", "known months that were used", "ماه‌های به‌کار رفته"),
        "first_daily_kwh": Field("kWh/day", "the first twelve-month mean", "نخستین میانگین دوازده‌ماهه"),
        "last_daily_kwh": Field("kWh/day", "the last twelve-month mean", "آخرین میانگین دوازده‌ماهه"),
        "lost_kwh": Field("kWh", "difference of the two means over a year", "تفاوت دو میانگین در یک سال"),
        "since": Field("date", "first day of the first twelve months", "آغاز نخستین دوازده ماه"),
        "until": Field("date", "end of the last known month", "پایان آخرین ماه"),
    },
    formula="r(k, mean of months k−11…k) and 1 − last mean / first mean, over the unbroken known months up to now",
    missing="absent where fewer than 24 unbroken months are known, or the last bill is older than four months",
    source="windowed Pearson coefficient for slow decreases (method used at Endesa)",
    needs=("panel",),
)
def slow_decline(batch: PointBatch) -> SignalValues:
    aligned, months = batch.aligned, batch.months
    known = ~np.isnan(aligned)
    # Unbroken months up to now, counted from the newest.
    backwards = known[:, ::-1]
    unbroken = np.where(backwards.all(axis=1), months, np.argmin(backwards, axis=1))
    present = batch.is_current & (unbroken >= 2 * _YEAR)

    sums = np.cumsum(np.where(known, aligned, 0.0), axis=1)
    # (points, months − 11): mean of the twelve months up to column k + 11.
    means = sums[:, _YEAR - 1 :].copy()
    means[:, 1:] -= sums[:, :-_YEAR]
    means /= _YEAR
    windows = max(means.shape[1], 0)
    if windows == 0:
        return absent(batch)
    first = np.clip(months - unbroken, 0, windows - 1)
    used = np.arange(windows)[None, :] >= first[:, None]
    count = used.sum(axis=1)
    time = np.arange(windows, dtype=np.float64)[None, :]
    mean_time = (time * used).sum(axis=1) / count
    mean_use = (means * used).sum(axis=1) / count
    dt = np.where(used, time - mean_time[:, None], 0.0)
    du = np.where(used, means - mean_use[:, None], 0.0)
    scale = np.sqrt((dt * dt).sum(axis=1) * (du * du).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(scale > 0, (dt * du).sum(axis=1) / scale, 0.0)
    start = means[np.arange(len(batch)), first]
    end = means[:, -1]
    fall = percent_fall(start, end)
    starts = month_starts(batch.last_month, months)
    last = np.maximum(batch.last_known, 0)
    return SignalValues(
        present & ~np.isnan(fall),
        {
            "correlation": correlation,
            "fall_percent": fall,
            "months": unbroken,
            "first_daily_kwh": start,
            "last_daily_kwh": end,
            "lost_kwh": np.maximum(start - end, 0.0) * _YEAR * MONTH_DAYS,
            "since": starts[np.maximum(last - unbroken + 1, 0)].astype(np.int64),
            "until": starts[last + 1].astype(np.int64),
        },
    )
