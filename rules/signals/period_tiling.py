from __future__ import annotations

import numpy as np

from rules.batch import PointBatch, month_start

from .grouping import take, worst_by_point
from .registry import Field, SignalValues, absent, signal


@signal(
    name="period_tiling",
    subject="usage_point",
    title_en="periods that do not follow each other",
    title_fa="دوره‌های ناپیوسته",
    fields={
        "untiled_days": Field("day", "the larger of gap and overlap", "بیشترینِ فاصله و هم‌پوشانی"),
        "gap_days": Field(
            "day", "longest time without a bill between two bills", "بیشترین فاصله میان دو قبض"
        ),
        "overlap_days": Field(
            "day", "longest time billed twice on one meter", "بیشترین هم‌پوشانی دو قبض یک کنتور"
        ),
        "unbilled_kwh": Field(
            "kWh", "daily use of that bill times the untiled days", "مصرف روزانه آن قبض در روزهای ناپیوسته"
        ),
        "since": Field("date", "start of the bill that does not follow", "آغاز دوره قبض"),
        "until": Field("date", "end of that bill", "پایان دوره قبض"),
    },
    formula=(
        "gap = start − latest end of all earlier bills of the point; overlap = end of the bill before on the same "
        "meter − start (two meters billed at once do not overlap each other)"
    ),
    missing="bills without a recorded first day are left out; absent where fewer than two are left in the panel's months",
    source="bills of one point must tile; duplicate check (VEE)",
    needs=("bills", "period_starts"),
)
def period_tiling(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    # Of the time before the panel a batch has only the bills that are still owed: they need not follow each other.
    # Nor need periods whose first day is only reckoned.
    recent = bills.period_end > month_start(batch.last_month - batch.months + 1)
    recent &= ~bills.is_start_derived
    rows = slice(None) if recent.all() else np.flatnonzero(recent)
    point, start, end = bills.point[rows], bills.period_start[rows], bills.period_end[rows]
    installation = bills.installation_id[rows]
    if len(point) < 2:
        return absent(batch)
    same_point = np.concatenate(([False], point[1:] == point[:-1]))
    same_meter = same_point & np.concatenate(([False], installation[1:] == installation[:-1]))
    # Running latest end within each point: days of different points cannot meet once each is lifted by its own span.
    lift = point.astype(np.int64) << 32
    latest = np.maximum.accumulate(lift + end) - lift
    before = np.concatenate(([0], latest[:-1]))
    gap = np.where(same_point, np.maximum(start - before, 0), 0)
    overlap = np.where(same_meter, np.maximum(np.concatenate(([0], end[:-1])) - start, 0), 0)
    has, worst = worst_by_point(point, np.maximum(gap, overlap), points)
    untiled = take(worst, has, np.maximum(gap, overlap), 0).astype(np.int64)
    days = np.maximum(take(worst, has, end - start, 1), 1)
    several = np.bincount(point, minlength=points) > 1
    return SignalValues(
        has & several,
        {
            "untiled_days": untiled,
            "gap_days": take(worst, has, gap, 0).astype(np.int64),
            "overlap_days": take(worst, has, overlap, 0).astype(np.int64),
            "unbilled_kwh": take(worst, has, bills.consumption_kwh[rows], 0.0) / days * untiled,
            "since": take(worst, has, start, 0).astype(np.int64),
            "until": take(worst, has, end, 0).astype(np.int64),
        },
        take(worst, has, bills.invoice_id[rows], -1).astype(np.int64),
    )
