from __future__ import annotations

import numpy as np

from rules.batch import PointBatch, month_starts

from .registry import Field, SignalValues, absent, signal
from .windows import known_mean, known_variation, percent_fall
from .zero_run import MONTH_DAYS

_TWO_YEARS = 24


@signal(
    name="sudden_drop",
    subject="usage_point",
    title_en="drop against the same season of last year",
    title_fa="افت نسبت به فصل مشابه سال قبل",
    fields={
        "drop_percent": Field(
            "percent", "fall from the same season of last year", "افت نسبت به فصل مشابه سال قبل"
        ),
        "variation_before": Field(
            "factor",
            "coefficient of variation of the months before, each divided by its month a year earlier",
            "ضریب تغییرات ماه‌های پیش از آن",
        ),
        "now_daily_kwh": Field("kWh/day", "mean of the last three known months", "میانگین سه ماه اخیر"),
        "then_daily_kwh": Field(
            "kWh/day", "mean of the same months a year earlier", "میانگین همان ماه‌ها در سال قبل"
        ),
        "lost_kwh": Field(
            "kWh",
            "shortfall of the last 12 months against the 12 before",
            "کاهش ۱۲ ماه اخیر نسبت به ۱۲ ماه قبل",
        ),
        "since": Field("date", "first day of the last three known months", "آغاز سه ماه اخیر"),
        "until": Field("date", "end of the last known month", "پایان سه ماه اخیر"),
    },
    formula=(
        "(1 − ADU of the last three known months / ADU of the same months a year earlier) × 100; variation over "
        "ADU[m] / ADU[m − 12], so that a season is no variation, of months −9…−4 or −12…−10, the smaller"
    ),
    missing=(
        "absent where one of the six compared months is unknown, the last bill is older than four months, or "
        "fewer than four of months −9…−4 and three of −12…−10 can be compared with their year before"
    ),
    source="abrupt decrease after season-normalised average daily use (utility practice)",
    needs=("panel",),
)
def sudden_drop(batch: PointBatch) -> SignalValues:
    months = batch.months
    if months < 21:
        return absent(batch)
    aligned = batch.aligned
    now = aligned[:, -3:].mean(axis=1)
    then = aligned[:, -15:-12].mean(axis=1)
    drop = percent_fall(then, now)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = aligned[:, -9:-3] / aligned[:, -21:-15]
        earlier = aligned[:, -12:-9] / aligned[:, -24:-21] if months >= _TWO_YEARS else relative[:, :0]
    relative[~np.isfinite(relative)] = np.nan
    earlier[~np.isfinite(earlier)] = np.nan
    # A drop four to nine months ago lies inside the first window and spoils it; the second is then still before it.
    variation = np.fmin(known_variation(relative, 4), known_variation(earlier, 3))
    shortfall = (
        np.maximum(aligned[:, -24:-12][:, -12:] - aligned[:, -12:], 0.0) if months >= _TWO_YEARS else None
    )
    lost = (
        np.nansum(shortfall, axis=1) * MONTH_DAYS
        if shortfall is not None
        else np.maximum(known_mean(aligned[:, -15:-12], 1) - now, 0.0) * 3 * MONTH_DAYS
    )
    starts = month_starts(batch.last_month, months)
    last = np.maximum(batch.last_known, 2)
    return SignalValues(
        batch.is_current & ~np.isnan(drop) & ~np.isnan(variation),
        {
            "drop_percent": drop,
            "variation_before": variation,
            "now_daily_kwh": now,
            "then_daily_kwh": then,
            "lost_kwh": lost,
            "since": starts[last - 2].astype(np.int64),
            "until": starts[last + 1].astype(np.int64),
        },
    )
