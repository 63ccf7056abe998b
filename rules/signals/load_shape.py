from __future__ import annotations

import numpy as np

from rules.batch import PointBatch
from rules.hourly_use import LEAST_RECENT_DAYS, RECENT_DAYS, known_days, profile

from .four_weeks import TIME_FIELDS, of_four_weeks
from .registry import Field, SignalValues, absent, signal

_NIGHT = np.array([*range(7), 23])


@signal(
    name="load_shape",
    subject="usage_point",
    title_en="load factor and night share by the hour",
    title_fa="ضریب بار و سهم شب از بار ساعتی",
    fields={
        "load_factor_percent": Field(
            "percent", "mean hour over the largest", "میانگین ساعت‌ها نسبت به بیشترین"
        ),
        "peak_kw": Field("kW", "largest hour", "بیشترین ساعت"),
        "peak_of_contract_percent": Field(
            "percent",
            "that over the contracted power, 0 where it is not known",
            "نسبت آن به قدرت قراردادی، صفر اگر نامعلوم باشد",
        ),
        "night_share_percent": Field("percent", "energy from 23 to 7 o'clock", "سهم انرژی ساعت ۲۳ تا ۷"),
        "usual_night_share_percent": Field(
            "percent",
            "the same of the two months before, as now where they are not known",
            "همان در دو ماه پیش، برابر اکنون اگر نامعلوم باشد",
        ),
        "daily_kwh": Field("kWh/day", "use of the last four weeks", "مصرف چهار هفته اخیر"),
        "lost_kwh": Field(
            "kWh",
            "what the two months before used more in four weeks, 0 where they are not known",
            "مازاد دو ماه پیش در چهار هفته، صفر اگر نامعلوم باشد",
        ),
        **TIME_FIELDS,
    },
    formula=(
        "over the last 28 days: mean of the 24 mean hours / largest hour; Σ mean hours from 23 to 7 o'clock / Σ all; peak "
        "/ contracted power"
    ),
    missing="absent where fewer than 14 of the 28 days are known (20 hours of the day delivered), or nothing was used",
    source="load factor as a feature of load profiles; hours of low load of the official tariff",
    needs=("interval_energy", "contracts"),
)
def load_shape(batch: PointBatch) -> SignalValues:
    use = batch.hourly_use
    if not len(use.point):
        return absent(batch)
    now, before = profile(use.recent), profile(use.usual)
    daily, usual = now.sum(axis=1), before.sum(axis=1)
    peak = np.nan_to_num(use.recent).max(axis=(1, 2))
    present = (known_days(use.recent) >= LEAST_RECENT_DAYS) & (peak > 0) & ~np.isnan(daily)
    contract = batch.contracted_power_kw[use.point]
    has_contract = contract > 0
    share = _night_share(now)
    values = {
        "load_factor_percent": np.where(present, daily / 24 / np.where(peak > 0, peak, 1.0), 0.0) * 100.0,
        "peak_kw": peak,
        "peak_of_contract_percent": np.where(has_contract, peak / np.where(has_contract, contract, 1.0), 0.0)
        * 100.0,
        "night_share_percent": share,
        "usual_night_share_percent": np.where(np.nan_to_num(usual) > 0, _night_share(before), share),
        "daily_kwh": daily,
        "lost_kwh": np.where(np.isnan(usual), 0.0, np.maximum(usual - daily, 0.0)) * RECENT_DAYS,
    }
    return of_four_weeks(batch, present, values)


def _night_share(
    profiles: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(n,) percent; 0 where nothing was used or an hour is unknown."""
    whole = np.nan_to_num(profiles.sum(axis=1))
    night = np.nan_to_num(profiles[:, _NIGHT].sum(axis=1))
    return np.where(whole > 0, night / np.where(whole > 0, whole, 1.0), 0.0) * 100.0
