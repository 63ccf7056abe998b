from __future__ import annotations

import numpy as np

from rules.batch import DEMAND_ABOVE_KW, INVOICE_KINDS, PointBatch

from .grouping import bill_period, by_row, take, worst_bill
from .registry import Field, SignalValues, signal


@signal(
    name="period_length",
    subject="usage_point",
    title_en="days of a billing period",
    title_fa="طول دوره صورتحساب",
    fields={
        "outside_days": Field(
            "day", "days by which the period is too short or too long", "روزهای کوتاه‌تر یا بلندتر از حد"
        ),
        "days": Field("day", "days of that period", "روزهای آن دوره"),
        "least_days": Field("day", "least days of such a bill", "حداقل روزهای چنین قبضی"),
        "most_days": Field("day", "most days of such a bill", "حداکثر روزهای چنین قبضی"),
        "bills": Field("count", "bills of a length outside the bounds", "قبض‌های با طول نامتعارف"),
        "shifted_kwh": Field(
            "kWh", "daily use of that bill times the days outside", "مصرف روزانه آن قبض در روزهای بیرون از حد"
        ),
        "since": Field("date", "start of that bill", "آغاز دوره قبض"),
        "until": Field("date", "end of that bill", "پایان دوره قبض"),
    },
    formula=(
        "max(least − days, days − most, 0); bounds by segment, the site's billing_period_days (demand: more than 30 kW "
        "of contracted power)"
    ),
    missing=(
        "left out: bills without a recorded first day, last bills of an account, the first bill of a connection, bills "
        "from before the present terms; absent where none is left or the contracted power is unknown"
    ),
    source="bylaw practice: two-monthly reading of ordinary customers, monthly of demand customers",
    needs=("bills", "period_starts", "contracts"),
)
def period_length(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    point = bills.point
    judged = ~bills.is_start_derived & (bills.kind != INVOICE_KINDS.index("final"))
    judged &= ~np.isnan(batch.bill_power_kw) & (bills.period_start > batch.energised_on[point])
    rows = np.flatnonzero(judged)
    segment = (batch.bill_power_kw[rows] > DEMAND_ABOVE_KW).astype(np.int64)
    bounds = np.array(batch.site.billing_period_days)[segment]
    days = (bills.period_end[rows] - bills.period_start[rows]).astype(np.int64)
    outside = np.maximum(np.maximum(bounds[:, 0] - days, days - bounds[:, 1]), 0)
    shifted = bills.consumption_kwh[rows] / np.maximum(days, 1) * outside
    has, at = worst_bill(bills, rows, outside, points)
    return SignalValues(
        has,
        {
            "outside_days": take(at, has, by_row(bills, rows, outside), 0),
            "days": take(at, has, by_row(bills, rows, days), 0),
            "least_days": take(at, has, by_row(bills, rows, bounds[:, 0]), 0),
            "most_days": take(at, has, by_row(bills, rows, bounds[:, 1]), 0),
            "bills": np.bincount(point[rows[outside > 0]], minlength=points),
            "shifted_kwh": take(at, has, by_row(bills, rows, shifted), 0.0),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
