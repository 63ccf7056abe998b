from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, TAMPER_EVENTS, PointBatch, month_starts

from .grouping import take, worst_by_point
from .registry import Field, SignalValues, signal
from .windows import known_mean, percent_fall
from .zero_run import MONTH_DAYS


@signal(
    name="tamper_event",
    subject="usage_point",
    title_en="tamper event with consumption around it",
    title_fa="رخداد دستکاری و مصرف پیرامون آن",
    fields={
        "events": Field("count", "tamper events in the panel's months", "رخدادهای دستکاری در بازه"),
        "drop_percent": Field(
            "percent",
            "largest fall of the three-month mean at or next to the month of an event",
            "بیشترین افت میانگین سه‌ماهه در ماه رخداد یا کنار آن",
        ),
        "days_to_drop": Field(
            "day", "days from the event to the month of that fall", "فاصله رخداد تا ماه افت"
        ),
        "lost_kwh": Field("kWh", "the fall times the days since", "افت مصرف در روزهای پس از آن"),
        "since": Field("date", "day of the event", "روز رخداد"),
        "until": Field("date", "end of the last known month", "پایان آخرین ماه"),
    },
    formula=(
        "for months s ∈ {e − 1, e, e + 1} around the month e of an event: (1 − ADU(s+1…s+3) / ADU(s−3…s−1)) × 100, "
        "the largest over s and events"
    ),
    missing="absent where no tamper event has a known month on both sides",
    source="meter event lists (DLMS events 40–49); proximity to a drop by revenue-protection practice",
    needs=("panel", "events"),
)
def tamper_event(batch: PointBatch) -> SignalValues:
    points, months = len(batch), batch.months
    starts = month_starts(batch.last_month, months)
    events = batch.events
    # Column of the event's month; outside the panel it cannot be judged.
    column = np.searchsorted(starts, events.day, side="right") - 1
    inside = np.flatnonzero((column >= 0) & (column < months) & (events.kind < len(TAMPER_EVENTS)))
    point, day, column = events.point[inside], events.day[inside].astype(np.int64), column[inside]

    best = np.full(len(inside), -np.inf)
    fall_kwh = np.zeros(len(inside))
    distance = np.zeros(len(inside), np.int64)
    since = day.copy()
    daily = batch.daily_kwh
    around = np.arange(-3, 4)
    for shift in (0, -1, 1):
        split = column + shift
        columns = split[:, None] + around[None, :]
        valid = (columns >= 0) & (columns < months)
        window = np.where(
            valid, daily[point[:, None], np.clip(columns, 0, months - 1)].astype(np.float64), np.nan
        )
        before, after = known_mean(window[:, :3], 1), known_mean(window[:, 4:], 1)
        fall = percent_fall(before, after)
        better = fall > np.where(np.isneginf(best), -np.inf, best)
        better &= ~np.isnan(fall)
        best[better] = fall[better]
        fall_kwh[better] = (before - after)[better]
        inside_split = np.clip(split, 0, months - 1)
        gap = np.maximum(starts[inside_split] - day, day - (starts[inside_split + 1] - 1))
        distance[better] = np.maximum(gap, 0)[better]
    judged = np.flatnonzero(~np.isneginf(best))
    has, worst = worst_by_point(point[judged], best[judged], points)
    last = np.maximum(batch.last_known, 0)
    until = starts[last + 1].astype(np.int64)
    event_day = take(worst, has, since[judged], int(NO_DAY)).astype(np.int64)
    elapsed = np.maximum(until - event_day, 0)
    lost = np.maximum(take(worst, has, fall_kwh[judged], 0.0), 0.0) * np.minimum(elapsed, 12 * MONTH_DAYS)
    return SignalValues(
        has,
        {
            "events": np.bincount(point, minlength=points),
            "drop_percent": take(worst, has, best[judged], 0.0),
            "days_to_drop": take(worst, has, distance[judged], 0).astype(np.int64),
            "lost_kwh": np.where(has, lost, 0.0),
            "since": np.where(has, event_day, 0),
            "until": until,
        },
    )
