from __future__ import annotations

import numpy as np

from rules.batch import QUALITIES, PointBatch, month_starts

from .grouping import take, worst_by_point
from .registry import Field, SignalValues, signal
from .windows import known_mean, longest_run_end


@signal(
    name="stuck_register",
    subject="usage_point",
    title_en="the register shows the same reading after reading",
    title_fa="شماره ثابت کنتور در قرائت‌های پیاپی",
    fields={
        "reads": Field(
            "count", "actual readings with one index, up to the newest", "قرائت‌های واقعی با یک شماره تا آخرین"
        ),
        "usual_daily_kwh": Field(
            "kWh/day",
            "mean daily use of the 12 months before the month of the first of them",
            "میانگین مصرف روزانه ۱۲ ماه پیش از نخستین آن‌ها",
        ),
        "lost_kwh": Field(
            "kWh", "usual daily use times the days between the first and the last", "مصرف معمول در این روزها"
        ),
        "since": Field("date", "day of the first of these readings", "روز نخستین این قرائت‌ها"),
        "until": Field("date", "day of the newest", "روز آخرین قرائت"),
    },
    formula="length of the run of equal indexes among the actual readings of the point's newest meter",
    missing=(
        "absent where the point has no actual reading, the last bill is older than four months, or the newest two "
        "readings differ; estimated and missing readings between are passed over"
    ),
    source="days without internal consumption as a feature of smart meters",
    needs=("bills", "registers", "panel"),
)
def stuck_register(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    read = np.flatnonzero((bills.quality == QUALITIES.index("actual")) & ~np.isnan(bills.current_index))
    point, meter, index = bills.point[read], bills.installation_id[read], bills.current_index[read]
    day = bills.period_end[read]
    fresh = np.ones(len(read), np.bool_)
    fresh[1:] = (point[1:] != point[:-1]) | (meter[1:] != meter[:-1])
    same = np.zeros(len(read), np.bool_)
    same[1:] = ~fresh[1:] & (index[1:] == index[:-1])
    run = longest_run_end(same, fresh)
    has, newest = worst_by_point(point, day, points)
    length = take(newest, has, run, 0).astype(np.int64)
    until = take(newest, has, day, 0).astype(np.int64)
    since = take(np.maximum(newest - length, 0), has, day, 0).astype(np.int64)
    present = has & (length > 0) & batch.is_current

    starts = month_starts(batch.last_month, batch.months)
    rows = np.flatnonzero(present)
    first = (np.searchsorted(starts, since[rows], side="right") - 1)[:, None]
    column = np.arange(batch.months)[None, :]
    daily = batch.daily_kwh[rows].astype(np.float64)
    usual = np.zeros(points)
    usual[rows] = np.nan_to_num(
        known_mean(np.where((column >= first - 12) & (column < first), daily, np.nan), 1)
    )
    return SignalValues(
        present,
        {
            "reads": length + 1,
            "usual_daily_kwh": usual,
            "lost_kwh": usual * np.maximum(until - since, 0),
            "since": since,
            "until": until,
        },
        take(newest, has, bills.invoice_id[read], -1).astype(np.int64),
    )
