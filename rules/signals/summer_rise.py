from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.batch import TARIFF_CLASSES, PointBatch, month_starts

from .contract_use import peers_at
from .registry import Field, SignalValues, absent, signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Months of the year from 0. Cooling begins with Khordad (22 May) and lasts to the end of Shahrivar.
_APRIL, _AUGUST = 3, 7
_SUMMER_DAYS = 62


@dataclass(frozen=True, slots=True)
class SummerRatio:
    """Arrays are (points,); NaN and −1 where no summer can be judged."""

    ratio: NDArray[np.float64]
    spring_daily_kwh: NDArray[np.float64]
    summer_daily_kwh: NDArray[np.float64]
    april: NDArray[np.int64]  # column of the panel


def summer_ratio(batch: PointBatch) -> SummerRatio:
    """Daily use of July and August over that of April and May, in the newest year in which all four are known."""
    points, months = len(batch), batch.months
    spring, summer = np.full(points, np.nan), np.full(points, np.nan)
    april = np.full(points, -1, np.int64)
    first_month = batch.last_month - months + 1
    firsts = [c for c in range(months) if (first_month + c) % 12 == _APRIL and c + _AUGUST - _APRIL < months]
    for column in reversed(firsts):
        window = batch.daily_kwh[:, column : column + 5].astype(np.float64)
        before, after = (window[:, 0] + window[:, 1]) / 2, (window[:, 3] + window[:, 4]) / 2
        chosen = (april < 0) & ~np.isnan(before) & ~np.isnan(after)
        spring[chosen], summer[chosen], april[chosen] = before[chosen], after[chosen], column
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(spring > 0, summer / spring, np.nan)
    return SummerRatio(ratio, spring, summer, april)


@signal(
    name="summer_rise",
    subject="usage_point",
    title_en="rise of a household's use from spring to summer",
    title_fa="رشد مصرف خانگی از بهار به تابستان",
    fields={
        "ratio": Field("factor", "summer's daily use over spring's", "نسبت مصرف روزانه تابستان به بهار"),
        "peer_ratio": Field("factor", "median ratio of the peers", "میانه نسبت مشترکان مشابه"),
        "peers": Field("count", "points in the peer group", "تعداد مشترکان مشابه"),
        "spring_daily_kwh": Field("kWh/day", "mean of April and May", "میانگین فروردین و اردیبهشت"),
        "summer_daily_kwh": Field("kWh/day", "mean of July and August", "میانگین تیر و مرداد"),
        "lost_kwh": Field(
            "kWh",
            "July's and August's shortfall against spring times the peers' ratio",
            "کمبود دو ماه تابستان نسبت به رشد مشابه‌ها",
        ),
        "since": Field("date", "first day of July", "آغاز دوره تابستان"),
        "until": Field("date", "end of August", "پایان دوره تابستان"),
    },
    formula="(ADU July + August) / (ADU April + May) of the newest year that has them, beside the median of the peers",
    missing=(
        "absent for other tariff classes, where one of the four months is unknown in every year of the panel, where "
        "spring or summer has no use, and without peers"
    ),
    source="seasonal shape of household use in hot regions; engineering default",
    needs=("panel", "peers"),
)
def summer_rise(batch: PointBatch) -> SignalValues:
    groups = batch.summer_rise_peers
    if groups is None or not len(groups.key):
        return absent(batch)
    own = summer_ratio(batch)
    at, found = peers_at(batch.peer_key, groups)
    household = batch.tariff_class == TARIFF_CLASSES.index("residential")
    usual = groups.median[at]
    starts = month_starts(batch.last_month, batch.months)
    july = np.clip(own.april + 3, 0, batch.months - 1)
    return SignalValues(
        found & household & (own.ratio > 0),
        {
            "ratio": own.ratio,
            "peer_ratio": usual,
            "peers": groups.count[at],
            "spring_daily_kwh": own.spring_daily_kwh,
            "summer_daily_kwh": own.summer_daily_kwh,
            "lost_kwh": np.maximum(usual * own.spring_daily_kwh - own.summer_daily_kwh, 0.0) * _SUMMER_DAYS,
            "since": starts[july].astype(np.int64),
            "until": starts[np.minimum(july + 2, batch.months)].astype(np.int64),
        },
    )
