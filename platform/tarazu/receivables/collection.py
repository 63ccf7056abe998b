"""What was billed in a period, how much of it was paid, and what money came in meanwhile.

Two figures, because they answer different questions. `collected_of_billed_rial` follows the invoices of the period: how
much of them is paid by now, whenever that was; at most the payable amount of each, so that an overpaid invoice does not
cover another. `cash_rial` follows the money: all payments of the period, whatever they pay for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
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
    """What was billed to points and agreements."""
    columns = Receivable.__table__.c
    amounts = {
        "billed_rial": columns.payable_rial,
        "collected_of_billed_rial": func.least(columns.paid_rial, columns.payable_rial),
        "cash_rial": _number(0),
        "invoice_count": _number(1),
    }
    whose = [columns.usage_point_id, columns.agreement_id]
    return _of_period(columns, columns.owed_from, whose, amounts, from_day, to_day, scope, by_month=by_month)


def _cash(
    from_day: Given[dt.date], to_day: Given[dt.date], scope: ScopeValues, *, by_month: bool
) -> Select[*tuple[Any, ...]]:
    """What was paid at points."""
    columns = Payment.__table__.c
    amounts = {
        "billed_rial": _number(0),
        "collected_of_billed_rial": _number(0),
        "cash_rial": columns.amount_rial,
        "invoice_count": _number(0),
    }
    return _of_period(
        columns,
        columns.paid_on,
        [columns.usage_point_id],
        amounts,
        from_day,
        to_day,
        scope,
        by_month=by_month,
    )


def _of_period(
    columns: row_scope.Columns,
    counts_on: ColumnElement[dt.date],
    whose: Sequence[ColumnElement[Any]],
    amounts: Mapping[str, ColumnElement[Any]],
    from_day: Given[dt.date],
    to_day: Given[dt.date],
    scope: ScopeValues,
    *,
    by_month: bool,
) -> Select[*tuple[Any, ...]]:
    """usage_point_id, agreement_id, month_start and the amounts; summed, where a point has more than one row of them."""
    owner = whose if len(whose) > 1 else [*whose, cast(null(), BigInteger).label("agreement_id")]
    conditions = [counts_on >= day(from_day), counts_on < day(to_day)]
    if (in_scope := row_scope.of_usage_point(columns, scope)) is not None:
        conditions.append(in_scope)
    if by_month:
        # A point has about one invoice and one payment a month: sums would spare nothing.
        month = jalali_month_start(counts_on).label("month_start")
        return select(*owner, month, *(amount.label(name) for name, amount in amounts.items())).where(
            *conditions
        )
    no_month = cast(null(), Date).label("month_start")
    sums = (total(amount).label(name) for name, amount in amounts.items())
    return select(*owner, no_month, *sums).where(*conditions).group_by(*whose)


def _number(value: int) -> ColumnElement[int]:
    return literal(value, BigInteger)
