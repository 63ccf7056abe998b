from __future__ import annotations

import numpy as np

from rules.batch import QUALITIES, PointBatch

from .grouping import bill_period, by_row, take, worst_bill
from .registry import Field, SignalValues, absent, signal

# Beyond this a difference says no more.
MOST_PERCENT = 1000.0


@signal(
    name="self_reading",
    subject="usage_point",
    title_en="self-reading against the field reading after it",
    title_fa="خوداظهاری در برابر قرائت میدانی بعدی",
    fields={
        "difference_percent": Field(
            "percent",
            "difference to what the field readings imply",
            "اختلاف با آنچه قرائت‌های میدانی نشان می‌دهد",
        ),
        "missing_kwh": Field("kWh", "energy that the self-reading left out", "انرژی کمتر اعلام‌شده"),
        "field_days": Field("day", "days from it to the field reading", "روزهای آن تا قرائت میدانی"),
        "since": Field("date", "start of the self-read bill", "آغاز دوره خوداظهاری"),
        "until": Field("date", "day of the self-reading", "روز خوداظهاری"),
    },
    formula=(
        "expected = previous + (field − previous) × days of the self-read bill / days of both; |self − expected| / "
        "(expected − previous) × 100, at most 1,000; the newest self-reading that a field reading follows"
    ),
    missing="absent without such a pair on one meter with all three indexes, or where the field reading is below the first",
    source="self-declared readings with a photo of the meter",
    needs=("bills", "registers", "self_reads"),
)
def self_reading(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    if len(bills) < 2:
        return absent(batch)
    pair = (bills.quality[:-1] == QUALITIES.index("self_read")) & (
        bills.quality[1:] == QUALITIES.index("actual")
    )
    pair &= (bills.point[1:] == bills.point[:-1]) & (bills.installation_id[1:] == bills.installation_id[:-1])
    pair &= bills.period_end[1:] > bills.period_end[:-1]
    total = bills.current_index[1:] - bills.previous_index[:-1]
    with np.errstate(invalid="ignore"):
        pair &= (total >= 0) & ~np.isnan(bills.current_index[:-1])
    rows = np.flatnonzero(pair)
    own = (bills.period_end[rows] - bills.period_start[rows]).astype(np.int64)
    both = (bills.period_end[rows + 1] - bills.period_start[rows]).astype(np.int64)
    expected = total[rows] * own / np.maximum(both, 1)
    said = bills.current_index[rows] - bills.previous_index[rows]
    off = np.abs(said - expected)
    percent = np.where(
        expected > 0,
        off / np.where(expected > 0, expected, 1.0) * 100.0,
        np.where(off > 0, MOST_PERCENT, 0.0),
    )
    has, at = worst_bill(bills, rows, bills.period_end[rows], points)
    return SignalValues(
        has,
        {
            "difference_percent": take(at, has, by_row(bills, rows, np.minimum(percent, MOST_PERCENT)), 0.0),
            "missing_kwh": take(
                at, has, by_row(bills, rows, (expected - said) * bills.multiplier[rows]), 0.0
            ),
            "field_days": take(at, has, by_row(bills, rows, both - own), 0),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
