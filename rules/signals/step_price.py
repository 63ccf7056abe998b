from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rules.batch import DEMAND_ABOVE_KW, TARIFF_CLASSES, PointBatch

from .grouping import bill_period, by_row, sum_by_point, take, worst_bill
from .registry import Field, SignalValues, absent, signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.site import StepTariff

_DAYS = 30.0  # the steps are for so many
_RESIDENTIAL = TARIFF_CLASSES.index("residential")


@signal(
    name="step_price",
    subject="usage_point",
    title_en="energy charge against the steps",
    title_fa="بهای انرژی در برابر پله‌های تعرفه",
    fields={
        "difference_rial": Field(
            "rial", "charged and right price apart, without sign", "اختلاف بهای دریافتی با مقدار درست"
        ),
        "difference_percent": Field(
            "percent", "that, of the right price", "همان اختلاف، درصدی از مقدار درست"
        ),
        "charged_rial": Field("rial", "energy charge", "بهای انرژی"),
        "expected_rial": Field("rial", "price by the steps", "بهای حاصل از پله‌ها"),
        "missing_rial": Field("rial", "what all bills charged too little", "کسری همه قبض‌ها"),
        "since": Field("date", "start of the worst bill", "آغاز دوره قبض"),
        "until": Field("date", "end of the worst bill", "پایان دوره قبض"),
    },
    formula=(
        "use for 30 days = kWh / days × 30, shared out over the steps; Σ step × rate × days / 30, by the site's step_tariff in "
        "force over the whole period"
    ),
    missing="left out: bills without an energy charge, in whose period the tariff changed, or from before the present terms",
    source="published example of the 30-day normalisation of stepped prices",
    needs=("bills", "energy_charges", "contracts", "step_tariff"),
)
def step_price(batch: PointBatch) -> SignalValues:
    bills, points, tariffs = batch.bills, len(batch), batch.site.step_tariff
    if not tariffs:
        return absent(batch)
    with np.errstate(invalid="ignore"):
        judged = (batch.bill_power_kw <= DEMAND_ABOVE_KW) & ~np.isnan(bills.energy_rial)
    rows = np.flatnonzero(judged & (batch.tariff_class == _RESIDENTIAL)[bills.point])
    start = np.array([tariff.valid_from for tariff in tariffs])
    first = np.searchsorted(start, bills.period_start[rows], side="right") - 1
    last = np.searchsorted(start, bills.period_end[rows] - 1, side="right") - 1
    priced = np.array([bool(tariff.rates_rial) for tariff in tariffs])
    whole = (first == last) & (first >= 0) & priced[np.maximum(first, 0)]
    rows, which = rows[whole], first[whole]
    days = np.maximum(bills.period_end[rows] - bills.period_start[rows], 1).astype(np.float64)
    expected = np.zeros(len(rows))
    for i, tariff in enumerate(tariffs):
        of = np.flatnonzero(which == i)
        if len(of):
            expected[of] = _price(tariff, bills.consumption_kwh[rows[of]], days[of])
    short = expected - bills.energy_rial[rows]
    percent = np.abs(short) / np.maximum(expected, 1.0) * 100.0
    has, at = worst_bill(bills, rows, np.abs(short), points)
    return SignalValues(
        has,
        {
            "difference_rial": take(at, has, by_row(bills, rows, np.abs(short)), 0.0),
            "difference_percent": take(at, has, by_row(bills, rows, percent), 0.0),
            "charged_rial": np.nan_to_num(take(at, has, bills.energy_rial, 0.0)),
            "expected_rial": take(at, has, by_row(bills, rows, expected), 0.0),
            "missing_rial": np.round(sum_by_point(bills.point[rows], np.maximum(short, 0.0), points)),
            **bill_period(bills, at, has),
        },
        take(at, has, bills.invoice_id, -1).astype(np.int64),
    )


def _price(tariff: StepTariff, kwh: NDArray[np.float64], days: NDArray[np.float64]) -> NDArray[np.float64]:
    """(bills,) rial."""
    monthly = kwh / days * _DAYS
    lower, price = 0.0, np.zeros(len(kwh))
    for end, rate in zip((*tariff.steps_kwh, np.inf), tariff.rates_rial, strict=True):
        price += np.maximum(np.minimum(monthly, end) - lower, 0.0) * rate
        lower = end
    return price * days / _DAYS
