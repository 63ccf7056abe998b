from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, TARIFF_CLASSES, PointBatch

from .grouping import bill_period, sum_by_point, take, worst_bill
from .registry import Field, SignalValues, signal

_PRODUCTION = tuple(TARIFF_CLASSES.index(name) for name in ("agricultural", "industrial"))


@signal(
    name="unpriced_licence_expiry",
    subject="usage_point",
    title_en="production tariff billed after the licence, without the difference",
    title_fa="صورتحساب تعرفه تولید پس از انقضای پروانه، بدون تفاوت",
    fields={
        "bills": Field(
            "count",
            "bills that end after the licence and lack the line",
            "قبض‌های پس از انقضا بدون ردیف تفاوت",
        ),
        "expired_days": Field(
            "day", "end of the newest of them less expiry", "روزهای گذشته از انقضا تا پایان تازه‌ترین آن‌ها"
        ),
        "kwh": Field("kWh", "energy that they bill", "انرژی این قبض‌ها"),
        "expired_on": Field("date", "last day of the licence", "تاریخ انقضای پروانه"),
        "since": Field("date", "start of the newest of them", "آغاز دوره تازه‌ترین آن‌ها"),
        "until": Field("date", "end of the newest of them", "پایان دوره تازه‌ترین آن‌ها"),
    },
    formula="period end > expiry, tariff class agricultural or industrial, no line licence_expiry_difference or one of zero",
    missing="bills without any charges are left out; absent where no expiry is known",
    source="line «تفاوت انقضای اعتبار پروانه» of the official bill",
    needs=("bills", "licences", "charges"),
)
def unpriced_licence_expiry(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    expires = batch.licence_expires_on
    concerned = (expires != NO_DAY) & np.isin(batch.tariff_class, _PRODUCTION)
    lacking = concerned[bills.point] & (bills.period_end > expires[bills.point])
    lacking &= ~np.isnan(bills.taxable_rial) & (np.nan_to_num(bills.licence_rial) == 0)
    lacking &= bills.period_start >= batch.terms_since[bills.point]
    rows = np.flatnonzero(lacking)
    has, at = worst_bill(bills, rows, bills.period_end[rows], points)
    day = np.where(has, expires, 0).astype(np.int64)
    return SignalValues(
        has,
        {
            "bills": np.bincount(bills.point[rows], minlength=points),
            "expired_days": take(at, has, bills.period_end, 0).astype(np.int64) - day,
            "kwh": sum_by_point(bills.point[rows], bills.consumption_kwh[rows], points),
            "expired_on": day,
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
