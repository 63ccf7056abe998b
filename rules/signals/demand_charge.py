"""Demand that is billed: what has to be calculated from the read one, and what goes beyond the contract."""

from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import bill_period, by_row, sum_by_point, take, worst_bill
from .registry import Field, SignalValues, signal


@signal(
    name="calculated_demand",
    subject="usage_point",
    title_en="calculated demand of a bill",
    title_fa="قدرت محاسبه‌شده قبض",
    fields={
        "difference_kw": Field(
            "kW", "calculated and right demand apart, without sign", "اختلاف قدرت محاسبه‌شده با مقدار درست"
        ),
        "calculated_kw": Field("kW", "demand as calculated", "قدرت محاسبه‌شده"),
        "expected_kw": Field("kW", "demand that is right", "قدرت درست"),
        "read_kw": Field("kW", "demand as read", "قدرت قرائت‌شده"),
        "missing_rial": Field("rial", "demand charge that all bills lack", "کسری بهای دیماند همه قبض‌ها"),
        "since": Field("date", "start of the worst bill", "آغاز دوره قبض"),
        "until": Field("date", "end of the worst bill", "پایان دوره قبض"),
    },
    formula=(
        "|calculated − max(read, least_demand_percent of contracted)|; missing charge = demand charge × (right / calculated − 1)"
    ),
    missing="left out: bills without either demand, from before the present terms, or with unknown contracted power",
    source="published tariff conditions: the read demand, 90 % of the contracted one at least",
    needs=("bills", "demands", "calculated_demands", "contracts"),
)
def calculated_demand(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    power = batch.bill_power_kw
    known = ~np.isnan(power) & ~np.isnan(bills.read_demand_kw) & ~np.isnan(bills.calculated_demand_kw)
    rows = np.flatnonzero(known)
    calculated = bills.calculated_demand_kw[rows]
    expected = np.maximum(bills.read_demand_kw[rows], batch.site.least_demand_percent / 100.0 * power[rows])
    positive = calculated > 0
    factor = np.where(positive, expected / np.where(positive, calculated, 1.0) - 1.0, 0.0)
    short = np.maximum(np.nan_to_num(bills.demand_rial[rows]) * factor, 0.0)
    off = np.abs(calculated - expected)
    has, at = worst_bill(bills, rows, off, points)
    return SignalValues(
        has,
        {
            "difference_kw": take(at, has, by_row(bills, rows, off), 0.0),
            "calculated_kw": take(at, has, by_row(bills, rows, calculated), 0.0),
            "expected_kw": take(at, has, by_row(bills, rows, expected), 0.0),
            "read_kw": take(at, has, by_row(bills, rows, bills.read_demand_kw[rows]), 0.0),
            "missing_rial": np.round(sum_by_point(bills.point[rows], short, points)),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )


@signal(
    name="exceedance_charge",
    subject="usage_point",
    title_en="charge for exceeded power",
    title_fa="ردیف تجاوز از قدرت",
    fields={
        "mismatch_kw": Field(
            "kW",
            "exceedance that was not charged, or power left where one was",
            "تجاوز محاسبه‌نشده، یا ظرفیت باقی‌مانده با وجود ردیف تجاوز",
        ),
        "exceeded_kw": Field("kW", "read less contracted demand, 0 where within", "تجاوز از قدرت قراردادی"),
        "read_kw": Field("kW", "demand as read", "قدرت قرائت‌شده"),
        "contracted_kw": Field("kW", "contracted power", "قدرت قراردادی"),
        "charged_rial": Field("rial", "charge for exceeded power", "بهای تجاوز از قدرت"),
        "missing_rial": Field(
            "rial",
            "at the bill's own demand rate, what all bills lack",
            "کسری همه قبض‌ها با نرخ دیماند خود قبض",
        ),
        "since": Field("date", "start of the worst bill", "آغاز دوره قبض"),
        "until": Field("date", "end of the worst bill", "پایان دوره قبض"),
    },
    formula="read − contracted where positive and not charged; contracted − read where not exceeded and yet charged",
    missing="left out: bills without charges or read demand, from before the present terms, or with unknown contracted power",
    source="official bill: «میزان تجاوز از قدرت» and its charge; its legal multiple is not known, so one demand rate is counted",
    needs=("bills", "demands", "contracts", "exceedance_charges"),
)
def exceedance_charge(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    power = batch.bill_power_kw
    known = ~np.isnan(power) & ~np.isnan(bills.read_demand_kw) & ~np.isnan(bills.taxable_rial)
    rows = np.flatnonzero(known)
    above = bills.read_demand_kw[rows] - power[rows]
    charged = np.nan_to_num(bills.exceedance_rial[rows])
    exceeded = np.maximum(above, 0.0)
    mismatch = np.where(charged > 0, np.maximum(-above, 0.0), exceeded)
    calculated = np.nan_to_num(bills.calculated_demand_kw[rows])
    rate = np.where(
        calculated > 0,
        np.nan_to_num(bills.demand_rial[rows]) / np.where(calculated > 0, calculated, 1.0),
        0.0,
    )
    short = np.where(charged > 0, 0.0, exceeded * np.maximum(rate, 0.0))
    has, at = worst_bill(bills, rows, mismatch, points)
    return SignalValues(
        has,
        {
            "mismatch_kw": take(at, has, by_row(bills, rows, mismatch), 0.0),
            "exceeded_kw": take(at, has, by_row(bills, rows, exceeded), 0.0),
            "read_kw": take(at, has, by_row(bills, rows, bills.read_demand_kw[rows]), 0.0),
            "contracted_kw": take(at, has, by_row(bills, rows, power[rows]), 0.0),
            "charged_rial": take(at, has, by_row(bills, rows, charged), 0.0),
            "missing_rial": np.round(sum_by_point(bills.point[rows], short, points)),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
