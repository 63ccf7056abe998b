from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .registry import Field, SignalValues, absent, signal

if TYPE_CHECKING:
    from rules.batch import PointBatch


@signal(
    name="missing_energy",
    subject="usage_point",
    title_en="use that goes with the missing energy of the transformer",
    title_fa="هم‌سویی مصرف با انرژی گم‌شده ترانس",
    fields={
        "place": Field("count", "place among the customers of the transformer", "رتبه میان مشترکان ترانس"),
        "of": Field("count", "customers compared", "تعداد مشترکان مقایسه‌شده"),
        "correlation": Field(
            "factor",
            "correlation with the missing energy, beyond the season; below zero: less on the meter when more is missing",
            "همبستگی با انرژی گم‌شده، بدون اثر فصل",
        ),
        "evidence": Field(
            "factor",
            "−log10 of the chance, corrected for all customers of losing transformers",
            "منفی لگاریتم احتمال تصادف، با تصحیح تعداد مشترکان",
        ),
        "months": Field("month", "months compared", "ماه‌های مقایسه"),
        "missing_kwh": Field(
            "kWh", "missing at the transformer in these months", "انرژی گم‌شده ترانس در این ماه‌ها"
        ),
        "lost_kwh": Field("kWh", "share of it that the correlation explains", "سهمی که همبستگی توضیح می‌دهد"),
    },
    formula=(
        "partial correlation of the customer's months with (delivered − billed) of its transformer, given the delivered energy; "
        "two-sided t test with two months as one observation; q-values of Benjamini and Hochberg over all customers of "
        "losing transformers; the place is by the chance"
    ),
    missing=(
        "absent where the transformer loses less than mapping_surplus_percent beyond the technical loss or fewer than "
        "mapping_least_months months are balanced, and for customers proposed at another transformer"
    ),
    source="ranking of customers inside an unbalanced area; tests are engineering defaults",
    needs=("panel", "transformer_energy"),
)
def missing_energy(batch: PointBatch) -> SignalValues:
    if batch.signs is None or not len(batch.signs.ranks.usage_point_id):
        return absent(batch)
    table = batch.signs.ranks
    ids = table.usage_point_id
    at = np.minimum(np.searchsorted(ids, batch.usage_point_id), len(ids) - 1)
    names = ("place", "of", "correlation", "evidence", "months", "missing_kwh")
    fields = {name: getattr(table, name)[at] for name in names}
    fields["lost_kwh"] = np.maximum(fields["missing_kwh"], 0.0) * fields["correlation"] ** 2
    return SignalValues(ids[at] == batch.usage_point_id, fields)
