from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, TARIFF_CLASSES, PointBatch

from .registry import Field, SignalValues, signal

_PRODUCTION = [TARIFF_CLASSES.index("agricultural"), TARIFF_CLASSES.index("industrial")]
_YEAR_DAYS = 365


@signal(
    name="expired_licence",
    subject="usage_point",
    title_en="production tariff without a licence in force",
    title_fa="تعرفه تولید بدون پروانه معتبر",
    fields={
        "days": Field("day", "days since the licence expired", "روزهای گذشته از پایان پروانه"),
        "daily_kwh": Field("kWh/day", "mean of the last three known months", "میانگین سه ماه اخیر"),
        "difference_rial": Field(
            "rial",
            "use since then, of a year at most, at the difference to the price of other use",
            "تفاوت بهای مصرف از آن روز تا حداکثر یک سال با تعرفه سایر مصارف",
        ),
        "since": Field("date", "last day of the licence", "پایان اعتبار پروانه"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="day of the scan − last day of the licence, for agricultural and industrial tariffs",
    missing=(
        "absent for other tariffs, where no licence date is known, while it is in force, and where the use of the "
        "last three months is unknown"
    ),
    source="validity of the licence on the bill of production tariffs",
    needs=("licences", "panel"),
)
def expired_licence(batch: PointBatch) -> SignalValues:
    known = batch.licence_expires_on != NO_DAY
    expiry = np.where(known, batch.licence_expires_on, batch.as_of).astype(np.int64)
    days = batch.as_of - expiry
    daily = batch.recent_daily_kwh
    prices = np.array(batch.site.energy_price_rial_per_kwh)
    difference = np.maximum(prices[TARIFF_CLASSES.index("other")] - prices[batch.tariff_class], 0.0)
    kwh = np.nan_to_num(daily) * np.clip(days, 0, _YEAR_DAYS)
    return SignalValues(
        known & (days > 0) & np.isin(batch.tariff_class, _PRODUCTION) & ~np.isnan(daily),
        {
            "days": days,
            "daily_kwh": daily,
            "difference_rial": np.rint(kwh * difference).astype(np.int64),
            "since": expiry,
            "until": np.full(len(batch), batch.as_of, np.int64),
        },
    )
