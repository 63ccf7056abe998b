from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import bill_period, by_row, sum_by_point, take, worst_bill
from .registry import Field, SignalValues, signal


@signal(
    name="loss_factor",
    subject="usage_point",
    title_en="loss factor of a bill",
    title_fa="ضریب زیان قبض",
    fields={
        "difference": Field(
            "factor", "printed and right factor apart, without sign", "اختلاف ضریب چاپ‌شده با مقدار درست"
        ),
        "printed": Field("factor", "factor as printed", "ضریب چاپ‌شده"),
        "expected": Field("factor", "factor that follows from the power factor", "ضریب حاصل از ضریب توان"),
        "power_factor": Field("factor", "power factor of the period", "ضریب توان دوره"),
        "missing_rial": Field(
            "rial",
            "what all bills lack, of energy and demand charge",
            "کسری همه قبض‌ها از بهای انرژی و دیماند",
        ),
        "since": Field("date", "start of the worst bill", "آغاز دوره قبض"),
        "until": Field("date", "end of the worst bill", "پایان دوره قبض"),
    },
    formula="power factor = kWh / √(kWh² + kvarh²); right factor = max(least_power_factor / power factor − 1, 0)",
    missing="left out: bills without a printed factor, reactive energy, or active energy",
    source="practice of loss factors; the regulation's own formula was not to be had, so the threshold is a site value",
    needs=("bills", "loss_factors", "reactive"),
)
def loss_factor(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    known = ~np.isnan(bills.loss_factor) & ~np.isnan(bills.reactive_kvarh) & (bills.consumption_kwh > 0)
    rows = np.flatnonzero(known)
    active = bills.consumption_kwh[rows]
    power_factor = active / np.hypot(active, bills.reactive_kvarh[rows])
    expected = np.maximum(batch.site.least_power_factor / power_factor - 1.0, 0.0)
    short = expected - bills.loss_factor[rows]
    charged = np.nan_to_num(bills.energy_rial[rows]) + np.nan_to_num(bills.demand_rial[rows])
    has, at = worst_bill(bills, rows, np.abs(short), points)
    return SignalValues(
        has,
        {
            "difference": take(at, has, by_row(bills, rows, np.abs(short)), 0.0),
            "printed": take(at, has, by_row(bills, rows, bills.loss_factor[rows]), 0.0),
            "expected": take(at, has, by_row(bills, rows, expected), 0.0),
            "power_factor": take(at, has, by_row(bills, rows, power_factor), 0.0),
            "missing_rial": np.round(
                sum_by_point(bills.point[rows], np.maximum(short * charged, 0.0), points)
            ),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
