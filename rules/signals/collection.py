"""What has to happen next with a debt: the ladder, removal, and supply that came back before the debt was paid."""

from __future__ import annotations

import numpy as np

from rules.batch import NO_DAY, PointBatch

from .debt import disconnectable_debt, overdue_debt
from .grouping import sum_by_point, take, worst_by_point
from .registry import Field, SignalValues, signal


@signal(
    name="collection_ladder",
    subject="usage_point",
    title_en="next step of collection",
    title_fa="گام بعدی وصول مطالبات",
    fields={
        "late_days": Field("day", "days by which the next step is late", "روزهای تأخیر گام بعدی"),
        "next_step": Field(
            "count",
            "1 reminder, 2 notice of the cut, 3 order of the cut",
            "۱ یادآوری، ۲ اخطار قطع، ۳ دستور قطع",
        ),
        "debt_rial": Field("rial", "debt of all bills but the newest", "بدهی بدون آخرین قبض"),
        "since": Field("date", "the last step, or the oldest overdue day", "آخرین گام یا قدیمی‌ترین سررسید"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula=(
        "day of the scan − last step − the site's collection_step_days; before the first step the oldest overdue day counts. "
        "Steps from before that day belong to an earlier debt"
    ),
    missing="absent where nothing is overdue, no bill before the newest is unpaid, or the cut is ordered already",
    source="published notice practice: two weeks to pay, a reminder and one week, a notice and 48 hours, the cut",
    needs=("bills", "payables", "collection_steps"),
)
def collection_ladder(batch: PointBatch) -> SignalValues:
    overdue, debt = overdue_debt(batch), disconnectable_debt(batch)
    oldest = np.where(overdue.present, overdue.fields["since"], batch.as_of)
    counts = (batch.step_on != NO_DAY) & (batch.step_on >= oldest) & (batch.step_on <= batch.as_of)
    step = np.where(counts, batch.step_kind, -1).astype(np.int64)
    present = overdue.present & debt.present & (step < 2)
    base = np.where(counts, batch.step_on, oldest).astype(np.int64)
    waits = np.array([*batch.site.collection_step_days, 0])[step + 1]
    return SignalValues(
        present,
        {
            "late_days": batch.as_of - base - waits,
            "next_step": step + 2,
            "debt_rial": debt.fields["debt_rial"],
            "since": base,
            "until": np.full(len(batch), batch.as_of, np.int64),
        },
    )


@signal(
    name="removal_ground",
    subject="usage_point",
    title_en="grounds to remove the connection",
    title_fa="شرایط جمع‌آوری انشعاب",
    fields={
        "progress_percent": Field("percent", "the larger of the two shares below", "بزرگ‌ترین از دو نسبت زیر"),
        "debt_percent": Field(
            "percent", "outstanding against the cost of a connection", "مانده بدهی به هزینه انشعاب"
        ),
        "cut_percent": Field(
            "percent",
            "days of the cut against the days after which removal is allowed",
            "روزهای قطع به مهلت جمع‌آوری",
        ),
        "outstanding_rial": Field("rial", "outstanding of all bills", "مانده همه قبض‌ها"),
        "cut_days": Field("day", "days since the cut, 0 where connected", "روزهای گذشته از قطع"),
    },
    formula=(
        "outstanding / the site's connection_cost_rial × 100 and days since the cut / removal_after_cut_days × 100"
    ),
    missing="absent where nothing is owed and the supply is not cut",
    source="published service of permanent removal: debt of the whole connection cost, or one year after the cut",
    needs=("bills", "payables"),
)
def removal_ground(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    owed = np.flatnonzero(bills.outstanding_rial > 0)
    outstanding = sum_by_point(bills.point[owed], bills.outstanding_rial[owed], points)
    cut = (batch.disconnected_on != NO_DAY) & (batch.disconnected_on <= batch.as_of)
    days = np.where(cut, batch.as_of - batch.disconnected_on.astype(np.int64), 0)
    debt_percent = outstanding / np.array(batch.site.connection_cost_rial)[batch.tariff_class] * 100.0
    cut_percent = days / batch.site.removal_after_cut_days * 100.0
    return SignalValues(
        (outstanding > 0) | cut,
        {
            "progress_percent": np.maximum(debt_percent, cut_percent),
            "debt_percent": debt_percent,
            "cut_percent": cut_percent,
            "outstanding_rial": outstanding.astype(np.int64),
            "cut_days": days,
        },
    )


@signal(
    name="reconnected_with_debt",
    subject="usage_point",
    title_en="reconnected before the debt was paid",
    title_fa="وصل مجدد پیش از تسویه بدهی",
    fields={
        "debt_rial": Field(
            "rial", "still unpaid of what was overdue at the reconnection", "مانده بدهی سررسیدشده تا روز وصل"
        ),
        "bills": Field("count", "bills of which it is left", "قبض‌های پرداخت‌نشده"),
        "days": Field("day", "days since the reconnection", "روزهای گذشته از وصل"),
        "since": Field("date", "day of the reconnection", "روز وصل"),
        "until": Field("date", "as of", "تا تاریخ"),
    },
    formula="Σ outstanding of the bills that were due before the newest cut ended; what was paid since counts as paid then",
    missing="absent where no cut has ended or all of that is paid; bills without a due day are left out",
    source="bylaw practice: reconnection after full settlement or an approved plan only",
    needs=("bills", "payables", "statuses"),
)
def reconnected_with_debt(batch: PointBatch) -> SignalValues:
    bills, points = batch.bills, len(batch)
    again = batch.reconnected_on
    due = (bills.outstanding_rial > 0) & (bills.due_on != NO_DAY) & (again != NO_DAY)[bills.point]
    rows = np.flatnonzero(due & (bills.due_on < again[bills.point]))
    point = bills.point[rows]
    has, oldest = worst_by_point(point, -bills.due_on[rows].astype(np.int64), points)
    since = np.where(has, again, batch.as_of).astype(np.int64)
    return SignalValues(
        has,
        {
            "debt_rial": sum_by_point(point, bills.outstanding_rial[rows], points).astype(np.int64),
            "bills": np.bincount(point, minlength=points),
            "days": batch.as_of - since,
            "since": since,
            "until": np.full(points, batch.as_of, np.int64),
        },
        take(oldest, has, bills.invoice_id[rows], -1).astype(np.int64),
    )
