from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import sum_by_point, take, worst_by_point
from .registry import Field, SignalValues, signal

# Stands for "no rollover could explain it": the register's length or the usual consumption is unknown or zero.
IMPLAUSIBLE = 1e6


@signal(
    name="register_regression",
    subject="usage_point",
    title_en="register went backwards",
    title_fa="بازگشت شماره کنتور",
    fields={
        "bills": Field("count", "bills whose register went backwards", "قبض‌های با شماره کمتر از قبل"),
        "rollover_factor": Field(
            "factor",
            "energy that a rollover would mean, in multiples of the usual consumption of such a period",
            "نسبت مصرفِ حاصل از صفر شدن شمارنده به مصرف معمول دوره",
        ),
        "backward_kwh": Field("kWh", "how far back the register went at most", "بیشترین بازگشت"),
        "since": Field("date", "start of the bill that went back most implausibly", "آغاز دوره قبض"),
        "until": Field("date", "end of that bill", "پایان دوره قبض"),
    },
    formula="(10^digits − previous + current) × multiplier / (usual daily use × days), the largest over the bills",
    missing=(
        "absent where no bill has current < previous; the factor is 1,000,000 where the number of register digits "
        "is unknown or too small for the indexes, or the usual consumption is unknown: then no rollover can explain it"
    ),
    source="negative consumption check (VEE)",
    needs=("bills", "registers"),
)
def register_regression(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    with np.errstate(invalid="ignore"):
        back = bills.current_index < bills.previous_index
    days = (bills.period_end - bills.period_start).astype(np.float64)
    rows = np.flatnonzero(back)
    point = bills.point[rows]
    # The usual daily use of the points concerned, from their bills that went forward.
    concerned = np.zeros(points, np.bool_)
    concerned[point] = True
    forward = np.flatnonzero(~back & concerned[bills.point])
    usual_kwh = sum_by_point(bills.point[forward], bills.consumption_kwh[forward], points)
    usual_days = sum_by_point(bills.point[forward], days[forward], points)
    expected = usual_kwh[point] / np.maximum(usual_days[point], 1.0) * days[rows]

    step_back = bills.previous_index[rows] - bills.current_index[rows]
    digits = bills.register_digits[rows].astype(np.float64)
    rolled_kwh = (10.0**digits - step_back) * bills.multiplier[rows]
    # A register that went back by more than it can count has other digits than are said: no rollover either.
    possible = (digits > 0) & (expected > 0) & (rolled_kwh >= 0)
    factor = np.where(
        possible, np.minimum(rolled_kwh / np.where(possible, expected, 1.0), IMPLAUSIBLE), IMPLAUSIBLE
    )
    has, worst = worst_by_point(point, factor, points)
    return SignalValues(
        has,
        {
            "bills": np.bincount(point, minlength=points),
            "rollover_factor": take(worst, has, factor, 0.0),
            "backward_kwh": take(worst, has, step_back * bills.multiplier[rows], 0.0),
            "since": take(worst, has, bills.period_start[rows], 0).astype(np.int64),
            "until": take(worst, has, bills.period_end[rows], 0).astype(np.int64),
        },
        take(worst, has, bills.invoice_id[rows], -1).astype(np.int64),
    )
