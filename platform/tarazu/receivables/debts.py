"""Debts and debtors as statements: sums of what `tarazu.receivables.owed` finds.

Who owes an invoice is the customer of its agreement, or, where the source names none, whoever was supplied on the last
day of the billed period. The tariff class is the one in force on that day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    case,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import Grouping

from tarazu.expressions import Given, day, total
from tarazu.models.enums import Sector, TariffClass
from tarazu.paging import Order
from tarazu.receivables.ageing import AGE_RANGES, DEFAULT_BUCKETS, AgeBucket, AgeBuckets
from tarazu.receivables.dimensions import located
from tarazu.receivables.owed import owed
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues


class DebtDimension(StrEnum):
    """What debts can be summed by."""

    SECTOR = "sector"
    DISTRICT = "district"
    TARIFF_CLASS = "tariff_class"
    SEGMENT = "segment"
    AGE_BUCKET = "age_bucket"


class DebtorKind(StrEnum):
    """Whether a debtor is a customer at one point, or a customer with all points."""

    USAGE_POINT = "usage_point"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class DebtFilter:
    """Which debts: of one sector, district (by code) or tariff class. None does not restrict."""

    sector: Given[Sector] | None = None
    district_code: Given[str] | None = None
    tariff_class: Given[TariffClass] | None = None


@dataclass(frozen=True, slots=True)
class DebtorFilter:
    """Which debtors: by the bucket of their oldest debt, and by how much is overdue at least."""

    age_bucket: Given[AgeBucket] | None = None
    min_overdue_rial: Given[int] = 0


# Which of the buckets, counted from "not overdue" as 0.
_AGE_PLACE: Final = "age_place"
_COLUMNS: Final[Mapping[DebtDimension, tuple[str, ...]]] = {
    DebtDimension.SECTOR: ("sector",),
    DebtDimension.DISTRICT: ("district_id", "district_code"),
    DebtDimension.TARIFF_CLASS: ("tariff_class",),
    DebtDimension.SEGMENT: ("segment",),
    DebtDimension.AGE_BUCKET: (_AGE_PLACE,),
}

ALL_DEBTS: Final = DebtFilter()
ALL_DEBTORS: Final = DebtorFilter()

DEBTOR_KEYS: Final = ("overdue_rial", "outstanding_rial", "usage_point_key", "customer_key")
# A key of a page may not be null: 0 stands for an unknown customer and for "all points".
NO_ID: Final = 0


DEBTOR_ORDERS: Final[Mapping[DebtorKind, Order]] = {
    kind: Order(f"debtor.{kind}", DEBTOR_KEYS, (int, int, int, int), descending=True)
    for kind in DebtorKind
}


def debt_summary_statement(
    as_of: Given[dt.date],
    group_by: Collection[DebtDimension],
    debts: DebtFilter = ALL_DEBTS,
    buckets: AgeBuckets | ColumnElement[Any] = DEFAULT_BUCKETS,
    scope: ScopeValues = UNRESTRICTED,
) -> Select[*tuple[Any, ...]]:
    """Debts on the day `as_of` summed by the dimensions, the largest first; without dimensions, one row.

    Columns: `sector`, `district_id` and `district_code`, `tariff_class`, `segment` where grouped by; for AGE_BUCKET
    `age_from_days` and `age_to_days` (both ends belong to the bucket, null is without end) and, for the default
    buckets, `age_bucket`; then `outstanding_rial`, `overdue_rial`, `invoice_count`, `usage_point_count`. A dimension is
    null where it is unknown. `buckets` may be a bound integer array: of `AgeBuckets.first_days`.
    """
    debt = _debts(as_of, debts, set(group_by), scope, buckets).cte("debt")
    dimensions = [
        name for dimension in DebtDimension if dimension in group_by for name in _COLUMNS[dimension]
    ]
    # A count of distinct points would sort all debts; grouped by point first, all is hashed: 120 against 300 ms of
    # 26,000 debts.
    by_point = (
        select(
            *(debt.c[name] for name in dimensions),
            debt.c.usage_point_id,
            func.sum(debt.c.outstanding_rial).label("outstanding_rial"),
            func.sum(debt.c.overdue_rial).label("overdue_rial"),
            func.count().label("invoice_count"),
        )
        .group_by(*(debt.c[name] for name in dimensions), debt.c.usage_point_id)
        .cte("debt_by_point")
    )
    keys = [by_point.c[name] for name in dimensions]
    shown: list[ColumnElement[Any]] = [key for key in keys if key.key != _AGE_PLACE]
    if DebtDimension.AGE_BUCKET in group_by:
        shown += _bucket_columns(by_point.c[_AGE_PLACE], buckets)
    outstanding = total(by_point.c.outstanding_rial)
    return (
        select(
            *shown,
            outstanding.label("outstanding_rial"),
            total(by_point.c.overdue_rial).label("overdue_rial"),
            total(by_point.c.invoice_count).label("invoice_count"),
            func.count(by_point.c.usage_point_id).label("usage_point_count"),
        )
        .group_by(*keys)
        .order_by(outstanding.desc(), *keys)
    )


def debtors_statement(
    as_of: Given[dt.date],
    kind: DebtorKind,
    debts: DebtFilter = ALL_DEBTS,
    debtors: DebtorFilter = ALL_DEBTORS,
    scope: ScopeValues = UNRESTRICTED,
) -> Select[*tuple[Any, ...]]:
    """One row a debtor on the day `as_of`, in no order; the keys of `DEBTOR_ORDERS` are columns of it.

    Columns: `usage_point_key` and `customer_key` (ids; 0 is none), `outstanding_rial`, `overdue_rial`, `oldest_due_on`,
    `days_overdue`, `age_bucket`, `invoice_count`, `as_of`.
    """
    debt = _debts(as_of, debts, {DebtDimension.SECTOR}, scope).cte("debt")
    by_point = kind is DebtorKind.USAGE_POINT
    usage_point = debt.c.usage_point_id if by_point else literal(NO_ID, BigInteger)
    overdue = total(debt.c.overdue_rial)
    oldest = func.min(debt.c.due_on)
    days = func.greatest(_days(oldest, as_of), 0)
    bucket = _bucket(days)
    statement = (
        select(
            usage_point.label("usage_point_key"),
            func.coalesce(debt.c.customer_id, NO_ID).label("customer_key"),
            total(debt.c.outstanding_rial).label("outstanding_rial"),
            overdue.label("overdue_rial"),
            oldest.label("oldest_due_on"),
            days.label("days_overdue"),
            bucket.label("age_bucket"),
            func.count().label("invoice_count"),
            day(as_of).label("as_of"),
        )
        .group_by(*([debt.c.usage_point_id] if by_point else []), debt.c.customer_id)
        .having(overdue >= debtors.min_overdue_rial)
    )
    if not by_point:
        # Without a name there is nobody to collect from; the points are in the other list.
        statement = statement.where(debt.c.customer_id.is_not(None))
    if debtors.age_bucket is not None:
        statement = statement.having(bucket == debtors.age_bucket)
    return statement


def _debts(
    as_of: Given[dt.date],
    debts: DebtFilter,
    needed: set[DebtDimension],
    scope: ScopeValues,
    buckets: AgeBuckets | ColumnElement[Any] = DEFAULT_BUCKETS,
) -> Select[*tuple[Any, ...]]:
    """One row an invoice of which something is owed. Joins only what is grouped or filtered by."""
    claim = owed(as_of, scope, debts.district_code)
    days = _days(claim.c.due_on, as_of)
    columns: list[ColumnElement[Any]] = [
        claim.c.usage_point_id,
        claim.c.due_on,
        claim.c.outstanding_rial,
        case((days > 0, claim.c.outstanding_rial), else_=0).label("overdue_rial"),
    ]
    if DebtDimension.AGE_BUCKET in needed:
        # The number of buckets that begin on that day or before.
        columns.append(func.width_bucket(days, _first_days(buckets)).label(_AGE_PLACE))
    term = bool(needed & {DebtDimension.TARIFF_CLASS, DebtDimension.SEGMENT})
    found = located(
        claim,
        claim.c.period_end - 1,
        customer=DebtDimension.SECTOR in needed or debts.sector is not None,
        district=DebtDimension.DISTRICT in needed,
        term=term or debts.tariff_class is not None,
    )
    columns += [column.label(name) for name, column in found.columns.items()]
    statement = select(*columns).select_from(found.source)
    if debts.sector is not None:
        statement = statement.where(found.columns["sector"] == debts.sector)
    if debts.tariff_class is not None:
        statement = statement.where(found.columns["tariff_class"] == debts.tariff_class)
    return statement


def _days(due_on: ColumnElement[Any], as_of: Given[dt.date]) -> ColumnElement[int]:
    # A difference of dates is whole days in PostgreSQL; without a due date a debt is never overdue.
    return func.coalesce(cast(day(as_of) - due_on, Integer), 0)


def _bucket(days: ColumnElement[int]) -> ColumnElement[str]:
    bounded = [(days <= age.last_day, age.bucket.value) for age in AGE_RANGES if age.last_day is not None]
    return case(*bounded, else_=AGE_RANGES[-1].bucket.value)


def _first_days(buckets: AgeBuckets | ColumnElement[Any]) -> Any:
    given = list(buckets.first_days) if isinstance(buckets, AgeBuckets) else buckets
    # In parentheses, or PostgreSQL takes a subscript for a part of the type's name.
    return Grouping(cast(given, ARRAY(Integer)))


def _bucket_columns(
    place: ColumnElement[int], buckets: AgeBuckets | ColumnElement[Any]
) -> list[ColumnElement[Any]]:
    first_days = _first_days(buckets)
    columns: list[ColumnElement[Any]] = [
        # What is beyond the ends of an array is null.
        first_days[place].label("age_from_days"),
        (first_days[place + 1] - 1).label("age_to_days"),
    ]
    if buckets == DEFAULT_BUCKETS:
        names = {number: age.bucket.value for number, age in enumerate(AGE_RANGES)}
        columns.append(case(names, value=place).label("age_bucket"))
    return columns
