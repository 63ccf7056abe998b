from __future__ import annotations

import numpy as np

from rules.batch import DEMAND_ABOVE_KW, PointBatch

from .grouping import bill_period, sum_by_point, take, worst_bill
from .registry import Field, SignalValues, signal


@signal(
    name="bill_segment",
    subject="usage_point",
    title_en="billed by the wrong segment",
    title_fa="صورتحساب با تعرفه دیماندی یا عادی نادرست",
    fields={
        "bills": Field(
            "count", "bills of the present terms made by the wrong segment", "قبض‌های صادرشده با گروه نادرست"
        ),
        "contracted_power_kw": Field("kW", "contracted power", "قدرت قراردادی"),
        "demand_bills": Field("count", "of them bills with a demand", "از آن‌ها قبض‌های دیماندی"),
        "kwh": Field("kWh", "energy that they bill", "انرژی این قبض‌ها"),
        "since": Field("date", "start of the newest of them", "آغاز دوره تازه‌ترین آن‌ها"),
        "until": Field("date", "end of the newest of them", "پایان دوره تازه‌ترین آن‌ها"),
    },
    formula=(
        "a bill is of the demand segment where it has a read or calculated demand; right is demand for more than 30 kW of "
        "contracted power, ordinary for 30 kW and less"
    ),
    missing="bills from before the present terms are left out; absent where the contracted power is unknown or all is right",
    source="official booklet of tariffs: tables for more than 30 kW and for 30 kW and less",
    needs=("bills", "contracts", "demands"),
)
def bill_segment(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    point = bills.point
    power = batch.bill_power_kw
    has_demand = ~np.isnan(bills.read_demand_kw) | ~np.isnan(bills.calculated_demand_kw)
    with np.errstate(invalid="ignore"):
        wrong = ~np.isnan(power) & (has_demand != (power > DEMAND_ABOVE_KW))
    rows = np.flatnonzero(wrong)
    has, at = worst_bill(bills, rows, bills.period_end[rows], points)
    return SignalValues(
        has,
        {
            "bills": np.bincount(point[rows], minlength=points),
            "contracted_power_kw": np.where(has, batch.contracted_power_kw, 0.0),
            "demand_bills": np.bincount(point[rows[has_demand[rows]]], minlength=points),
            "kwh": sum_by_point(point[rows], bills.consumption_kwh[rows], points),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
