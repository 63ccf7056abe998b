"""What visits found before, and what came after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rules.batch import OUTCOMES, TAMPER_EVENTS, PointBatch, month_starts

from .grouping import take, worst_by_point
from .registry import Field, SignalValues, signal
from .windows import percent_fall
from .zero_run import MONTH_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_THEFT = OUTCOMES.index("theft")
_WINDOW = 3  # months whose mean is a level


def newest_theft(batch: PointBatch) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """((points,) whether a visit found theft, (points,) its row among all visits, (points,) the newest one's day)."""
    visits = batch.inspections
    rows = np.flatnonzero((visits.outcome == _THEFT) & (visits.day <= batch.as_of))
    has, at = worst_by_point(visits.point[rows], visits.day[rows], len(batch))
    row = take(at, has, rows, 0).astype(np.int64)
    return has, row, take(at, has, visits.day[rows], 0).astype(np.int64)


@signal(
    name="confirmed_theft",
    subject="usage_point",
    title_en="theft found by an earlier visit",
    title_fa="برق غیرمجاز تاییدشده در بازدید پیشین",
    fields={
        "days_ago": Field("day", "days since the newest such visit", "روزهای گذشته از آخرین این بازدیدها"),
        "visits": Field("count", "visits that found theft", "بازدیدهای منجر به کشف"),
        "unregistered_kwh": Field(
            "kWh",
            "energy that the newest one estimated, 0 where it estimated none",
            "انرژی ثبت‌نشده برآوردی",
        ),
        "since": Field("date", "day of the newest such visit", "روز آخرین این بازدیدها"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="visits with outcome theft up to the day of the scan",
    missing="absent where no visit found theft",
    source="repeated unauthorised use is fined at the maximum, with a cut of three to six months",
    needs=("inspections",),
)
def confirmed_theft(batch: PointBatch) -> SignalValues:
    has, row, day = newest_theft(batch)
    visits, points = batch.inspections, len(batch)
    counted = (visits.outcome == _THEFT) & (visits.day <= batch.as_of)
    return SignalValues(
        has,
        {
            "days_ago": np.where(has, batch.as_of - day, 0),
            "visits": np.bincount(visits.point[counted], minlength=points),
            "unregistered_kwh": np.nan_to_num(take(row, has, visits.unregistered_kwh, 0.0)),
            "since": day,
            "until": np.full(points, batch.as_of, np.int64),
        },
    )


@signal(
    name="fall_after_theft",
    subject="usage_point",
    title_en="fall of use after a visit that found theft",
    title_fa="افت دوباره مصرف پس از بازدید",
    fields={
        "fall_percent": Field(
            "percent", "fall from the level after the visit", "افت نسبت به سطح پس از بازدید"
        ),
        "corrected_daily_kwh": Field(
            "kWh/day", "mean of the three months after the visit's", "میانگین سه ماه پس از ماه بازدید"
        ),
        "now_daily_kwh": Field("kWh/day", "mean of the last three known months", "میانگین سه ماه اخیر"),
        "lost_kwh": Field("kWh", "the fall over the last three months", "کاهش سه ماه اخیر"),
        "since": Field("date", "day of the visit", "روز بازدید"),
        "until": Field("date", "end of the last known month", "پایان آخرین ماه"),
    },
    formula="(1 − ADU of the last three known months / ADU of the three months after the month of the visit) × 100",
    missing=(
        "absent where no visit found theft, one of the six months is unknown, they overlap, or the last bill is older "
        "than four months"
    ),
    source="use that was corrected by a visit and falls again; engineering default",
    needs=("inspections", "panel"),
)
def fall_after_theft(batch: PointBatch) -> SignalValues:
    points, months = len(batch), batch.months
    has, _, day = newest_theft(batch)
    starts = month_starts(batch.last_month, months)
    visit = np.searchsorted(starts, day, side="right") - 1
    inside = has & (visit >= 0) & (visit < months) & (visit + 2 * _WINDOW <= batch.last_known)
    rows = np.flatnonzero(inside)
    columns = visit[rows, None] + 1 + np.arange(_WINDOW)[None, :]
    corrected = np.full(points, np.nan)
    corrected[rows] = batch.daily_kwh[rows[:, None], columns].astype(np.float64).mean(axis=1)
    now = batch.recent_daily_kwh
    fall = percent_fall(corrected, now)
    last = np.maximum(batch.last_known, 0)
    return SignalValues(
        inside & ~np.isnan(fall),
        {
            "fall_percent": fall,
            "corrected_daily_kwh": corrected,
            "now_daily_kwh": now,
            "lost_kwh": np.maximum(np.nan_to_num(corrected - now), 0.0) * _WINDOW * MONTH_DAYS,
            "since": day,
            "until": starts[last + 1].astype(np.int64),
        },
    )


@signal(
    name="tamper_after_theft",
    subject="usage_point",
    title_en="tamper event after a visit that found theft",
    title_fa="رخداد دستکاری پس از بازدید",
    fields={
        "events": Field("count", "tamper events after the day of the visit", "رخدادهای دستکاری پس از بازدید"),
        "days_after": Field(
            "day", "days from the visit to the first of them", "فاصله بازدید تا نخستین رخداد"
        ),
        "since": Field("date", "day of the visit", "روز بازدید"),
        "until": Field("date", "day of the newest event", "روز آخرین رخداد"),
    },
    formula="tamper events with day of the newest visit that found theft < day ≤ day of the scan",
    missing="absent where no visit found theft or no event followed",
    source="meter event lists (DLMS events 40–49)",
    needs=("inspections", "events"),
)
def tamper_after_theft(batch: PointBatch) -> SignalValues:
    points, events = len(batch), batch.events
    has, _, day = newest_theft(batch)
    after = has[events.point] & (events.day > day[events.point]) & (events.day <= batch.as_of)
    rows = np.flatnonzero(after & (events.kind < len(TAMPER_EVENTS)))
    point, when = events.point[rows], events.day[rows].astype(np.int64)
    followed, newest = worst_by_point(point, when, points)
    _, first = worst_by_point(point, -when, points)
    return SignalValues(
        followed,
        {
            "events": np.bincount(point, minlength=points),
            "days_after": np.where(followed, take(first, followed, when, 0) - day, 0).astype(np.int64),
            "since": day,
            "until": take(newest, followed, when, 0).astype(np.int64),
        },
    )
