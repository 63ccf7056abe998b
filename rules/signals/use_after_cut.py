from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, PointBatch

from .grouping import sum_by_point, take, worst_by_point
from .registry import Field, SignalValues, signal


@signal(
    name="use_after_cut",
    subject="usage_point",
    title_en="consumption after the supply was cut",
    title_fa="مصرف پس از قطع برق",
    fields={
        "kwh": Field(
            "kWh", "consumption of the bills that begin on or after the cut", "مصرف قبض‌های پس از قطع"
        ),
        "bills": Field("count", "such bills", "تعداد این قبض‌ها"),
        "since": Field("date", "day of the cut", "روز قطع"),
        "until": Field("date", "end of the last such bill", "پایان آخرین قبض"),
    },
    formula="Σ consumption of bills with start ≥ day of the cut, while the point is cut or removed",
    missing="absent where the point is not cut or removed, or no bill begins after the cut",
    source="use on a disconnected account; a second self-reconnection leads to removal (regulation 4-51-3)",
    needs=("bills", "statuses"),
)
def use_after_cut(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    cut = batch.disconnected_on
    cut_points = cut != NO_DAY
    if not cut_points.any():
        rows = np.empty(0, np.int64)
    else:
        rows = np.flatnonzero(cut_points[bills.point] & (bills.period_start >= cut[bills.point]))
    point = bills.point[rows]
    has, last = worst_by_point(point, bills.period_end[rows], points)
    return SignalValues(
        has,
        {
            "kwh": sum_by_point(point, bills.consumption_kwh[rows], points),
            "bills": np.bincount(point, minlength=points),
            "since": np.where(has, cut, 0).astype(np.int64),
            "until": take(last, has, bills.period_end[rows], 0).astype(np.int64),
        },
        take(last, has, bills.invoice_id[rows], -1).astype(np.int64),
    )
