from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .grouping import sum_by_point, take, worst_by_point
from .registry import Field, SignalValues, signal


@signal(
    name="register_arithmetic",
    subject="usage_point",
    title_en="billed energy against the registers",
    title_fa="مغایرت مصرف با شماره‌های کنتور",
    fields={
        "difference_units": Field(
            "units",
            "largest difference of billed energy and register difference × multiplier, in units of the register",
            "بیشترین اختلاف مصرف قبض با تفاوت شماره‌ها ضرب در ضریب، به واحد شمارنده",
        ),
        "difference_kwh": Field(
            "kWh",
            "that difference, positive where too little was billed",
            "همان اختلاف؛ مثبت یعنی کمتر محاسبه شده",
        ),
        "multiplier": Field("factor", "multiplier that should have been used", "ضریبی که باید به‌کار می‌رفت"),
        "billed_multiplier": Field("factor", "multiplier printed on the bill", "ضریب چاپ‌شده در قبض"),
        "unbilled_kwh": Field("kWh", "energy of all bills that was not billed", "انرژی محاسبه‌نشده همه قبض‌ها"),
        "since": Field("date", "start of the worst bill", "آغاز دوره قبض"),
        "until": Field("date", "end of the worst bill", "پایان دوره قبض"),
    },
    formula=(
        "|consumption − (current − previous [+ 10^digits if it rolled over]) × multiplier| / multiplier and "
        "|mid + peak + low − consumption| / multiplier; the multiplier is the installed meter's at the end of the "
        "period, the printed one where that is unknown"
    ),
    missing="absent where no bill has both indexes; a register that went back is left out, but where going on over its end is the shorter way (digits known)",
    source="bill layout (consumption = Δ × coefficient); sum check (VEE)",
    needs=("bills", "registers"),
)
def register_arithmetic(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    right = np.where(np.isnan(bills.installed_multiplier), bills.multiplier, bills.installed_multiplier)
    delta = bills.current_index - bills.previous_index
    with np.errstate(invalid="ignore"):
        back = np.flatnonzero(delta < 0)
    # Of the two ways from the previous index to the current one the shorter: a register that was turned back would
    # else stand for nearly its whole span.
    digits = bills.register_digits[back].astype(np.float64)
    span = 10.0**digits
    delta[back] = np.where((digits > 0) & (-delta[back] > span / 2), delta[back] + span, np.nan)
    shortfall = delta * right - bills.consumption_kwh
    worst_units = np.abs(shortfall) / right
    # Few bills have bands.
    banded = np.flatnonzero(~np.isnan(bills.bands_kwh))
    bands = np.abs(bills.bands_kwh[banded] - bills.consumption_kwh[banded]) / right[banded]
    worst_units[banded] = np.fmax(worst_units[banded], bands)
    comparable = ~np.isnan(worst_units)
    rows = np.arange(len(bills)) if comparable.all() else np.flatnonzero(comparable)
    point, value = bills.point[rows], worst_units[rows]
    has, worst = worst_by_point(point, value, points)
    at = rows[worst] if len(rows) else worst
    return SignalValues(
        has,
        {
            "difference_units": take(at, has, worst_units, 0.0),
            "difference_kwh": np.nan_to_num(take(at, has, shortfall, 0.0)),
            "multiplier": take(at, has, right, 1.0),
            "billed_multiplier": take(at, has, bills.multiplier, 1.0),
            "unbilled_kwh": sum_by_point(point, np.maximum(np.nan_to_num(shortfall[rows]), 0.0), points),
            "since": take(at, has, bills.period_start, 0).astype(np.int64),
            "until": take(at, has, bills.period_end, 0).astype(np.int64),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )
