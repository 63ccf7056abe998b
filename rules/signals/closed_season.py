from __future__ import annotations

import numpy as np

from rules.batch import TARIFF_CLASSES, PointBatch, month_starts

from .registry import Field, SignalValues, signal
from .windows import known_mean
from .zero_run import MONTH_DAYS

_YEAR = 12
_LEAST_MONTHS = 3  # of each season


@signal(
    name="closed_season",
    subject="usage_point",
    title_en="agricultural use while irrigation is closed",
    title_fa="مصرف کشاورزی در فصل بسته آبیاری",
    fields={
        "share_percent": Field(
            "percent",
            "daily use of the closed months over that of the open ones",
            "نسبت مصرف فصل بسته به فصل باز",
        ),
        "closed_daily_kwh": Field("kWh/day", "mean of the closed months", "میانگین ماه‌های بسته"),
        "open_daily_kwh": Field("kWh/day", "mean of the open months", "میانگین ماه‌های باز"),
        "closed_kwh": Field("kWh", "energy of the closed months", "انرژی ماه‌های بسته"),
        "since": Field("date", "first day of the last 12 months", "آغاز ۱۲ ماه اخیر"),
        "until": Field("date", "end of the last known month", "پایان آخرین ماه"),
    },
    formula="means over the last 12 months; closed: the site value closed_irrigation_months",
    missing=(
        "absent for other tariff classes, where fewer than three months of a season are known, nothing was used in the "
        "open ones, or the last bill is older than four months"
    ),
    source="irrigation licences hold for a season; engineering default",
    needs=("panel",),
)
def closed_season(batch: PointBatch) -> SignalValues:
    points, months = len(batch), batch.months
    rows = np.flatnonzero(batch.is_current & (batch.tariff_class == TARIFF_CLASSES.index("agricultural")))
    column = batch.last_known[rows, None] + np.arange(1 - _YEAR, 1)[None, :]
    daily = batch.daily_kwh[rows[:, None], np.clip(column, 0, months - 1)].astype(np.float64)
    daily = np.where(column >= 0, daily, np.nan)
    month_of_year = (batch.last_month - months + 1 + column) % _YEAR + 1
    closed = np.isin(month_of_year, batch.site.closed_irrigation_months)
    in_closed, in_open = np.where(closed, daily, np.nan), np.where(closed, np.nan, daily)
    shut, running = np.full(points, np.nan), np.full(points, np.nan)
    shut[rows], running[rows] = known_mean(in_closed, _LEAST_MONTHS), known_mean(in_open, _LEAST_MONTHS)
    energy = np.zeros(points)
    energy[rows] = np.nansum(in_closed, axis=1) * MONTH_DAYS
    starts = month_starts(batch.last_month, months)
    last = np.maximum(batch.last_known, 0)
    return SignalValues(
        ~np.isnan(shut) & (running > 0),
        {
            "share_percent": shut / np.where(running > 0, running, 1.0) * 100.0,
            "closed_daily_kwh": shut,
            "open_daily_kwh": running,
            "closed_kwh": energy,
            "since": starts[np.maximum(last - _YEAR + 1, 0)].astype(np.int64),
            "until": starts[last + 1].astype(np.int64),
        },
    )
