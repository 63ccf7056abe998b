"""Declared or known circumstances that explain what would else be suspicious."""

from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, PointBatch, month_starts

from .registry import Field, SignalValues, signal


@signal(
    name="declared_vacancy",
    subject="usage_point",
    title_en="declared vacant",
    title_fa="خالی از سکنه (اعلام‌شده)",
    fields={
        "since": Field("date", "start of the vacancy", "آغاز"),
    },
    formula="a declared vacancy touches the last three known months",
    missing="absent where no vacancy is declared in that time",
    source="customer's declaration",
    needs=("statuses",),
)
def declared_vacancy(batch: PointBatch) -> SignalValues:
    starts = month_starts(batch.last_month, batch.months)
    window_start = starts[np.maximum(batch.last_known - 2, 0)]
    ends = np.where(batch.vacant_to == NO_DAY, np.iinfo(np.int32).max, batch.vacant_to)
    present = (batch.vacant_from != NO_DAY) & (batch.vacant_from <= batch.as_of) & (ends > window_start)
    return SignalValues(present, {"since": np.where(present, batch.vacant_from, 0).astype(np.int64)})


@signal(
    name="seasonal_premises",
    subject="usage_point",
    title_en="seasonal premises",
    title_fa="محل مصرف فصلی",
    fields={},
    formula="the point is registered as seasonal",
    missing="absent where it is not",
    source="customer register",
    needs=("statuses",),
)
def seasonal_premises(batch: PointBatch) -> SignalValues:
    return SignalValues(batch.is_seasonal, {})


@signal(
    name="generation_contract",
    subject="usage_point",
    title_en="own generation under contract",
    title_fa="قرارداد تولید پراکنده",
    fields={},
    formula="the point has a generation contract in force",
    missing="absent where it has none",
    source="customer register",
    needs=("statuses",),
)
def generation_contract(batch: PointBatch) -> SignalValues:
    return SignalValues(batch.has_generation, {})


@signal(
    name="government_customer",
    subject="usage_point",
    title_en="government customer",
    title_fa="مشترک دولتی",
    fields={},
    formula="sector of the point's customer is government",
    missing="absent for private customers",
    source="customer register",
    needs=(),
)
def government_customer(batch: PointBatch) -> SignalValues:
    return SignalValues(batch.is_government, {})


@signal(
    name="meter_exchange",
    subject="usage_point",
    title_en="meter exchanged",
    title_fa="تعویض کنتور",
    fields={
        "days_ago": Field(
            "day",
            "days from the installation of the present meter to the scan",
            "روزهای گذشته از نصب کنتور فعلی",
        ),
        "since": Field("date", "installation of the present meter", "روز نصب کنتور فعلی"),
    },
    formula="day of the scan − start of the newest installation, where the point had another meter before",
    missing="absent where the point has had one meter only",
    source="customer register",
    needs=("bills",),
)
def meter_exchange(batch: PointBatch) -> SignalValues:
    present = batch.meter_since != NO_DAY
    days = np.where(present, batch.as_of - batch.meter_since.astype(np.int64), 0)
    return SignalValues(
        present, {"days_ago": days, "since": np.where(present, batch.meter_since, 0).astype(np.int64)}
    )


@signal(
    name="supply_cut",
    subject="usage_point",
    title_en="supply cut or removed",
    title_fa="برق قطع یا انشعاب جمع‌آوری شده",
    fields={"since": Field("date", "day of the cut", "روز قطع")},
    formula="the point is disconnected or removed on the day of the scan",
    missing="absent where it is connected",
    source="customer register",
    needs=("statuses",),
)
def supply_cut(batch: PointBatch) -> SignalValues:
    present = batch.disconnected_on != NO_DAY
    return SignalValues(present, {"since": np.where(present, batch.disconnected_on, 0).astype(np.int64)})


@signal(
    name="history",
    subject="usage_point",
    title_en="known history",
    title_fa="سابقه مصرف",
    fields={
        "known_months": Field("month", "months with a bill in the panel", "ماه‌های دارای قبض"),
        "missing_months": Field(
            "month",
            "months without a bill among the 12 up to the last known",
            "ماه‌های بدون قبض در ۱۲ ماه اخیر",
        ),
    },
    formula="counts of the panel's months with and without a bill",
    missing="never absent",
    source="the panel",
    needs=("panel",),
)
def history(batch: PointBatch) -> SignalValues:
    known = ~np.isnan(batch.aligned)
    return SignalValues(
        np.ones(len(batch), np.bool_),
        {
            "known_months": known.sum(axis=1),
            "missing_months": min(12, batch.months) - known[:, -12:].sum(axis=1),
        },
    )
