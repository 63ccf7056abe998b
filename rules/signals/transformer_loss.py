from __future__ import annotations

import numpy as np

from rules.batch import PointBatch

from .registry import Field, SignalValues, absent, signal


@signal(
    name="transformer_loss",
    subject="usage_point",
    title_en="loss at the point's transformer, and what visits behind it explain",
    title_fa="تلفات ترانس تغذیه‌کننده و سهم توضیح‌داده‌شده آن",
    fields={
        "non_technical_loss_percent": Field(
            "percent", "loss beyond the technical share in two months running", "تلفات غیرفنی در دو ماه پیاپی"
        ),
        "lost_kwh": Field("kWh", "lost in a month", "انرژی ازدست‌رفته در ماه"),
        "explained_percent": Field(
            "percent",
            "share of it that visits of the last six months found at the point or its neighbours",
            "سهمی از آن که بازدیدهای شش ماه اخیر نزد مشترک یا همسایگان یافته‌اند",
        ),
        "since": Field("date", "as of", "تا تاریخ"),
    },
    formula="energy_balance of the transformer; explained: a twelfth of the unregistered energy found / lost × 100",
    missing="absent where the point has no transformer, its balance is not known, or nothing is lost",
    source="hierarchy of balances; a loss is somebody's, and a neighbour's found theft may be all of it",
    needs=("panel", "transformer_energy"),
)
def transformer_loss(batch: PointBatch) -> SignalValues:
    losses = batch.losses
    if losses is None or not len(losses.transformer_id):
        return absent(batch)
    at = np.searchsorted(losses.transformer_id, batch.transformer_id)
    at = np.minimum(at, len(losses.transformer_id) - 1)
    found = losses.transformer_id[at] == batch.transformer_id
    percent, lost = losses.non_technical_loss_percent[at], losses.lost_kwh[at]
    present = found & ~np.isnan(percent) & (lost > 0)
    return SignalValues(
        present,
        {
            "non_technical_loss_percent": percent,
            "lost_kwh": np.where(present, lost, 0.0),
            "explained_percent": losses.explained_kwh[at] / np.where(present, lost, 1.0) * 100.0,
            "since": np.full(len(batch), batch.as_of, np.int64),
        },
    )
