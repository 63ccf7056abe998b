from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import take, worst_by_point
from .registry import Field, SignalValues, signal


@signal(
    name="physical_capability",
    subject="usage_point",
    title_en="billed energy against what the connection can carry",
    title_fa="مصرف قبض در برابر توان انشعاب",
    fields={
        "percent": Field("percent", "largest share of the possible energy", "بیشترین نسبت به انرژی ممکن"),
        "kwh": Field("kWh", "energy of that bill", "مصرف آن قبض"),
        "possible_kwh": Field(
            "kWh", "contracted power over all hours of that bill", "قدرت قراردادی در همه ساعت‌های دوره"
        ),
        "contracted_kw": Field("kW", "contracted power", "قدرت قراردادی"),
        "excess_kwh": Field("kWh", "what lies above the possible", "مازاد بر انرژی ممکن"),
        "since": Field("date", "start of that bill", "آغاز دوره قبض"),
        "until": Field("date", "end of that bill", "پایان دوره قبض"),
    },
    formula="kWh / (contracted kW × 24 h × days) × 100, the largest over the bills",
    missing="absent where the contracted power is unknown or there is no bill",
    source="a connection carries no more than its fuse or contract lets through; engineering default",
    needs=("bills", "contracts"),
)
def physical_capability(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    power = np.nan_to_num(batch.contracted_power_kw)
    possible = power[bills.point] * 24.0 * (bills.period_end - bills.period_start)
    share = np.where(possible > 0, bills.consumption_kwh / np.where(possible > 0, possible, 1.0), -1.0)
    has, worst = worst_by_point(bills.point, share, points)
    largest = take(worst, has, share, -1.0)
    kwh = take(worst, has, bills.consumption_kwh, 0.0)
    most = take(worst, has, possible, 0.0)
    return SignalValues(
        has & (largest >= 0),
        {
            "percent": largest * 100.0,
            "kwh": kwh,
            "possible_kwh": most,
            "contracted_kw": power,
            "excess_kwh": np.maximum(kwh - most, 0.0),
            "since": take(worst, has, bills.period_start, 0).astype(np.int64),
            "until": take(worst, has, bills.period_end, 0).astype(np.int64),
        },
        take(worst, has, bills.invoice_id, -1).astype(np.int64),
    )
