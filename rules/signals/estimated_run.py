from __future__ import annotations

import numpy as np

from rules.batch import QUALITIES, PointBatch

from .registry import Field, SignalValues, absent, signal
from .windows import longest_run_end

_ESTIMATED = QUALITIES.index("estimated")
_NO_ACCESS = QUALITIES.index("no_access")


@signal(
    name="estimated_run",
    subject="usage_point",
    title_en="bills without a real reading until now",
    title_fa="قبض‌های پیاپی بدون قرائت واقعی",
    fields={
        "bills": Field(
            "count",
            "newest bills in a row that were estimated or found closed",
            "قبض‌های پیاپی برآوردی یا بسته",
        ),
        "kwh": Field("kWh", "energy of those bills", "مصرف آن قبض‌ها"),
        "since": Field("date", "start of the run", "آغاز"),
        "until": Field("date", "end of the run", "پایان"),
    },
    formula="length of the run of bills with reading quality estimated or no_access that ends at the newest bill",
    missing="absent where the newest bill has a real reading",
    source="prolonged estimation check (VEE); three closed readings are a legal ground for disconnection",
    needs=("bills",),
)
def estimated_run(batch: PointBatch) -> SignalValues:
    bills = batch.bills
    estimated = (bills.quality == _ESTIMATED) | (bills.quality == _NO_ACCESS)
    starts = (
        np.concatenate(([True], bills.point[1:] != bills.point[:-1])) if len(bills) else np.empty(0, np.bool_)
    )
    run_at = longest_run_end(estimated, starts)
    counts = np.diff(bills.offsets)
    newest = np.maximum(bills.offsets[1:] - 1, 0)
    has_bills = counts > 0
    if not len(bills):
        return absent(batch)
    run = np.where(has_bills, run_at[newest], 0)
    first = newest - np.maximum(run - 1, 0)
    energy = np.concatenate(([0.0], np.cumsum(bills.consumption_kwh)))
    return SignalValues(
        run > 0,
        {
            "bills": run,
            "kwh": energy[newest + 1] - energy[first],
            "since": bills.period_start[first].astype(np.int64),
            "until": bills.period_end[newest].astype(np.int64),
        },
        np.where(run > 0, bills.invoice_id[newest], -1),
    )
