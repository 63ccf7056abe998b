from __future__ import annotations

import numpy as np

from rules.batch import TransformerBatch, month_starts

from .registry import Field, SignalValues, absent, signal

# A loss must stand in two consecutive months.
BALANCED_MONTHS = 2


@signal(
    name="energy_balance",
    subject="transformer",
    title_en="energy balance of a transformer",
    title_fa="تراز انرژی ترانس",
    fields={
        "non_technical_loss_percent": Field(
            "percent",
            "loss beyond the technical share, the lower of the last two complete months",
            "تلفات غیرفنی، کمترِ دو ماه کامل اخیر",
        ),
        "loss_percent": Field("percent", "all loss, the lower of the two months", "کل تلفات، کمترِ دو ماه"),
        "delivered_kwh": Field("kWh", "energy into the transformer in the two months", "انرژی ورودی دو ماه"),
        "billed_kwh": Field(
            "kWh", "energy billed to its customers in the two months", "انرژی صورتحساب‌شده دو ماه"
        ),
        "lost_kwh": Field("kWh", "unexplained energy in the two months", "انرژی بی‌توضیح دو ماه"),
        "customers": Field("count", "customers at the transformer", "تعداد مشترکان ترانس"),
        "since": Field("date", "first day of the two months", "آغاز دو ماه"),
        "until": Field("date", "end of the two months", "پایان دو ماه"),
    },
    formula="(delivered − billed) / delivered × 100 − technical loss; both of two consecutive months must exceed",
    missing=(
        "absent where no two consecutive months have the transformer's own reading and bills of enough of its "
        "customers (site value balance_coverage_percent)"
    ),
    source="definition of non-technical loss: losses beyond technical ones; two months running as practice",
    needs=("panel", "transformer_energy"),
)
def energy_balance(batch: TransformerBatch) -> SignalValues:
    rows, months = batch.delivered_kwh.shape
    if months < BALANCED_MONTHS:
        return absent(batch)
    complete = (batch.delivered_kwh > 0) & (batch.coverage * 100.0 >= batch.site.balance_coverage_percent)
    pair = complete[:, 1:] & complete[:, :-1]
    present = pair.any(axis=1)
    # Column of the later month of the newest complete pair.
    later = months - 1 - np.argmax(pair[:, ::-1], axis=1)
    row = np.arange(rows)
    earlier = np.maximum(later - 1, 0)
    delivered = np.stack([batch.delivered_kwh[row, earlier], batch.delivered_kwh[row, later]], axis=1)
    billed = np.stack([batch.billed_kwh[row, earlier], batch.billed_kwh[row, later]], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        loss = np.min((delivered - billed) / delivered, axis=1) * 100.0
    technical = batch.site.technical_loss_percent
    lost = (delivered.sum(axis=1) * (1 - technical / 100.0)) - billed.sum(axis=1)
    starts = month_starts(batch.last_month, months)
    return SignalValues(
        present & ~np.isnan(loss),
        {
            "non_technical_loss_percent": loss - technical,
            "loss_percent": loss,
            "delivered_kwh": delivered.sum(axis=1),
            "billed_kwh": billed.sum(axis=1),
            "lost_kwh": np.maximum(lost, 0.0),
            "customers": batch.customers,
            "since": starts[earlier].astype(np.int64),
            "until": starts[later + 1].astype(np.int64),
        },
    )
