from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .registry import Field, SignalValues, absent, signal

if TYPE_CHECKING:
    from rules.batch import PointBatch


@signal(
    name="mapping_proposal",
    subject="usage_point",
    title_en="recorded at another transformer than it seems to hang on",
    title_fa="تخصیص احتمالاً نادرست به ترانس",
    fields={
        "recorded": Field("code", "transformer in the register", "ترانس ثبت‌شده"),
        "proposed": Field("code", "transformer that explains the differences", "ترانس پیشنهادی"),
        "kwh": Field("kWh", "billed in the months compared", "انرژی صورتحساب‌شده در ماه‌های مقایسه"),
        "months": Field("month", "months compared", "ماه‌های مقایسه"),
        "evidence": Field(
            "factor",
            "−log10 of the chance that it explains both differences, corrected for all customers tried",
            "منفی لگاریتم احتمال تصادف، با تصحیح تعداد مشترکان آزموده",
        ),
        "recorded_before_percent": Field(
            "percent",
            "loss beyond the technical one at the recorded transformer; below zero more was sold than delivered",
            "تلفات غیرفنی ترانس ثبت‌شده پیش از جابه‌جایی (منفی: فروش بیش از ورودی)",
        ),
        "recorded_after_percent": Field(
            "percent", "the same with all proposals made", "همان پس از جابه‌جایی‌های پیشنهادی"
        ),
        "proposed_before_percent": Field(
            "percent",
            "loss beyond the technical one at the proposed transformer",
            "تلفات غیرفنی ترانس پیشنهادی پیش از جابه‌جایی",
        ),
        "proposed_after_percent": Field(
            "percent", "the same with all proposals made", "همان پس از جابه‌جایی‌های پیشنهادی"
        ),
        "lost_kwh": Field(
            "kWh", "lost by it: nothing, the energy is billed", "زیان: صفر، انرژی صورتحساب شده است"
        ),
    },
    formula=(
        "of customers of a transformer that sold more than was delivered, those whose months, moved to a losing transformer of "
        "the same feeder, explain both differences: one-sided t tests of both regressions (what is proportional to the "
        "delivered energy taken out, two months as one observation), slope between one half and one and a half, the weaker "
        "of both corrected for all (customer, transformer) tried (Bonferroni), and no other customer nearly as good; several "
        "are found together by steps forward, then backward"
    ),
    missing=(
        "absent where no balance of the feeder says so, where fewer than mapping_least_months months are balanced at both "
        "transformers, and for customers whose use is too small or too even to show"
    ),
    source="energy balance of transformers with customers recorded at a neighbour; tests are engineering defaults",
    needs=("panel", "transformer_energy"),
)
def mapping_proposal(batch: PointBatch) -> SignalValues:
    if batch.signs is None or not len(batch.signs.proposals.usage_point_id):
        return absent(batch)
    table = batch.signs.proposals
    ids = table.usage_point_id
    at = np.minimum(np.searchsorted(ids, batch.usage_point_id), len(ids) - 1)
    names = (
        "recorded",
        "proposed",
        "kwh",
        "months",
        "evidence",
        "recorded_before_percent",
        "recorded_after_percent",
        "proposed_before_percent",
        "proposed_after_percent",
    )
    fields = {name: getattr(table, name)[at] for name in names}
    return SignalValues(ids[at] == batch.usage_point_id, {**fields, "lost_kwh": np.zeros(len(batch))})
