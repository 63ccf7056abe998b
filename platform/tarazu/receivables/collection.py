"""What was billed in a period, how much of it was paid, and what money came in meanwhile.

Two figures, because they answer different questions. `collected_of_billed_rial` follows the invoices of the period: how
much of them is paid by now, whenever that was; at most the payable amount of each, so that an overpaid invoice does not
cover another. `cash_rial` follows the money: all payments of the period, whatever they pay for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Double,
    Select,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)

from tarazu.expressions import Given, day, jalali_month_start, total
from tarazu.models import Payment, Receivable
from tarazu.receivables.dimensions import located_at
from tarazu.security import row_scope
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues


class CollectionDimension(StrEnum):
    """What collection can be summed by; months are Jalali."""

    SECTOR = "sector"
    DISTRICT = "district"
    TARIFF_CLASS = "tariff_class"
    MONTH = "month"


_COLUMNS: Final[Mapping[CollectionDimension, tuple[str, ...]]] = {
    CollectionDimension.SECTOR: ("sector",),
    CollectionDimension.DISTRICT: ("district_id", "district_code"),
    CollectionDimension.TARIFF_CLASS: ("tariff_class",),
    CollectionDimension.MONTH: ("month_start",),
}
_AMOUNTS: Final = ("billed_rial", "collected_of_billed_rial", "cash_rial", "invoice_count")


def collection_ratio_statement(
    from_day: Given[dt.date],
    to_day: Given[dt.date],
    group_by: Collection[CollectionDimension],
    scope: ScopeValues = UNRESTRICTED,
) -> Select[*tuple[Any, ...]]:
    """Billed against collected in the half-open period [from_day, to_day), most billed first; or one row of all.

    Columns: `sector`, `district_id` and `district_code`, `tariff_class`, `month_start` (first day of a Jalali month)
    where grouped by; `billed_rial`, `collected_of_billed_rial`, `cash_rial`, `invoice_count`, and `collection_ratio`:
    collected of billed, 0 to 1, null where nothing was billed.

    An invoice counts on the day it was issued (or read, where the source does not say when it was issued), a payment on
    the day it was paid. The sector is that of the customer whose agreement the invoice names; for other invoices, and
    for payments, of who is supplied at the point on the last day of the period. The class is the one of that day. A
    payment that names no usage point is nobody's: null, and outside every scope.
    """
    by_month = CollectionDimension.MONTH in group_by
    amounts = union_all(
        _billed(from_day, to_day, scope, by_month=by_month), _cash(from_day, to_day, scope, by_month=by_month)
    ).subquery("amounts")
    found = located_at(
        amounts,
        day(to_day) - 1,
        customer=CollectionDimension.SECTOR in group_by,
        district=CollectionDimension.DISTRICT in group_by,
        term=CollectionDimension.TARIFF_CLASS in group_by,
    )
    known = {**found.columns, "month_start": amounts.c.month_start}
    keys = [
        known[name].label(name)
        for dimension in CollectionDimension
        if dimension in group_by
        for name in _COLUMNS[dimension]
    ]
    billed, collected, cash, invoices = (total(amounts.c[name]) for name in _AMOUNTS)
    return (
        select(
            *keys,
            billed.label("billed_rial"),
            collected.label("collected_of_billed_rial"),
            cash.label("cash_rial"),
            invoices.label("invoice_count"),
            case((billed > 0, cast(collected, Double) / billed)).label("collection_ratio"),
        )
        .select_from(found.source)
        .group_by(*keys)
        .order_by(billed.desc(), cash.desc(), *keys)
    )


def _billed(
    from_day: Given[dt.date], to_day: Given[dt.date], scope: ScopeValues, *, by_month: bool
) -> Select[*tuple[Any, ...]]:
    """What was billed to each point and agreement, by month or at all."""
    collected = func.least(Receivable.paid_rial, Receivable.payable_rial)
    return _of_period(
        Receivable.__table__.c,
        Receivable.__table__.c.owed_from,
        (Receivable.__table__.c.usage_point_id, Receivable.__table__.c.agreement_id),
        (total(Receivable.payable_rial), total(collected), _zero(), func.count()),
        (from_day, to_day),
        scope,
        by_month=by_month,
    )


def _cash(
    from_day: Given[dt.date], to_day: Given[dt.date], scope: ScopeValues, *, by_month: bool
) -> Select[*tuple[Any, ...]]:
    """What was paid at each point, by month or at all."""
    return _of_period(
        Payment.__table__.c,
        Payment.__table__.c.paid_on,
        (Payment.__table__.c.usage_point_id, cast(null(), BigInteger).label("agreement_id")),
        (_zero(), _zero(), total(Payment.amount_rial), _zero()),
        (from_day, to_day),
        scope,
        by_month=by_month,
    )


def _of_period(
    columns: row_scope.Columns,
    counts_on: ColumnElement[dt.date],
    whose: tuple[ColumnElement[Any], ...],
    amounts: tuple[ColumnElement[Any], ...],
    period: tuple[Given[dt.date], Given[dt.date]],
    scope: ScopeValues,
    *,
    by_month: bool,
) -> Select[*tuple[Any, ...]]:
    month = jalali_month_start(counts_on) if by_month else cast(null(), Date)
    from_day, to_day = period
    statement = (
        select(
            *whose,
            month.label("month_start"),
            *(amount.label(name) for amount, name in zip(amounts, _AMOUNTS, strict=True)),
        )
        .where(counts_on >= day(from_day), counts_on < day(to_day))
        # By place: an expression repeated here would carry bound values of its own.
        .group_by(*(literal_column(str(place + 1)) for place in range(len(whose) + 1)))
    )
    in_scope = row_scope.of_usage_point(columns, scope)
    return statement if in_scope is None else statement.where(in_scope)


def _zero() -> ColumnElement[int]:
    return literal(0, BigInteger)
