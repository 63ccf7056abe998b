from __future__ import annotations

import numpy as np

from rules.batch import DEMAND_ABOVE_KW, SIBLING_REGISTERS, PointBatch

from .grouping import bill_period, by_row, take, worst_bill
from .registry import Field, SignalValues, absent, signal

_ALL = (1 << len(SIBLING_REGISTERS)) - 1
_BITS = np.array([mask.bit_count() for mask in range(_ALL + 1)])


@signal(
    name="missing_registers",
    subject="usage_point",
    title_en="registers missing on a bill",
    title_fa="ثبات‌های غایب در صورتحساب",
    fields={
        "registers": Field(
            "count",
            "of mid, peak, low and reactive, missing on one bill",
            "ثبات‌های غایب از میان، اوج، کم‌بار و راکتیو",
        ),
        "shown": Field("count", "registers that it shows", "ثبات‌های موجود در آن"),
        "kwh": Field("kWh", "energy of that bill", "مصرف آن قبض"),
        "since": Field("date", "start of that bill", "آغاز دوره قبض"),
        "until": Field("date", "end of that bill", "پایان دوره قبض"),
    },
    formula=(
        "registers of the bill before on the same meter that this one lacks; on a bill of a demand customer (more than 30 kW) "
        "that shows any, all four are due"
    ),
    missing="absent where no bill shows a register by band",
    source="sibling measuring components of meter-data validation",
    needs=("bills", "sibling_registers", "contracts"),
)
def missing_registers(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    shown = bills.registers.astype(np.int64)
    if not shown.any():
        return absent(batch)
    with np.errstate(invalid="ignore"):
        demand = batch.bill_power_kw > DEMAND_ABOVE_KW
    expected = np.where(demand & (shown > 0), _ALL, 0)
    same_meter = (bills.point[1:] == bills.point[:-1]) & (
        bills.installation_id[1:] == bills.installation_id[:-1]
    )
    expected[1:] |= np.where(same_meter, shown[:-1], 0)
    rows = np.flatnonzero((shown > 0) | (expected > 0))
    lacking = _BITS[expected[rows] & ~shown[rows]]
    has, at = worst_bill(bills, rows, lacking, points)
    return SignalValues(
        has,
        {
            "registers": take(at, has, by_row(bills, rows, lacking), 0),
            "shown": take(at, has, _BITS[shown], 0),
            "kwh": take(at, has, bills.consumption_kwh, 0.0),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
