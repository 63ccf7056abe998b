"""Debts, computed from invoices less what was paid for them until a day.

An invoice is owed from the day it was issued (or read, where the source does not say when it was issued). What is
owed of it is `payable_rial − Σ allocated`, where that is positive; an overpaid invoice offsets no other one. An
invoice whose payable amount is unknown counts as nothing.

Who owes an invoice is the customer of its agreement, or, where the source names none, whoever was supplied on the
last day of the billed period. The tariff class is the one in force on that day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Row,
    Select,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from tarazu.database import ReadSession
from tarazu.models import (
    AgreementUsagePoint,
    Customer,
    District,
    Invoice,
    Payment,
    PaymentAllocation,
    SupplyAgreement,
    UsagePoint,
    UsagePointTerm,
)
from tarazu.models.enums import Sector, TariffClass
from tarazu.paging import Order, Page, Window, cut, page_of
from tarazu.receivables.ageing import AGE_RANGES, AgeBucket, bucket_of, days_overdue


class DebtDimension(StrEnum):
    """What debts can be summed by."""

    SECTOR = "sector"
    DISTRICT = "district"
    TARIFF_CLASS = "tariff_class"
    AGE_BUCKET = "age_bucket"


class DebtorKind(StrEnum):
    """Whether a debtor is a customer at one point, or a customer with all points."""

    USAGE_POINT = "usage_point"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class DebtFilter:
    """Which debts: of one sector, district (by code) or tariff class. None does not restrict."""

    sector: Sector | None = None
    district_code: str | None = None
    tariff_class: TariffClass | None = None


@dataclass(frozen=True, slots=True)
class DebtorFilter:
    """Which debtors: by the bucket of their oldest debt, and by how much is overdue at least."""

    age_bucket: AgeBucket | None = None
    min_overdue_rial: int = 0


@dataclass(frozen=True, slots=True)
class DebtSummaryRow:
    """Debts of one group. A dimension is None where it was not asked for, or where it is not known.

    The age bucket is each invoice's own.
    """

    sector: Sector | None
    district_id: int | None
    district_code: str | None
    tariff_class: TariffClass | None
    age_bucket: AgeBucket | None
    outstanding_rial: int
    overdue_rial: int
    invoice_count: int
    usage_point_count: int


@dataclass(frozen=True, slots=True)
class DebtorRow:
    """What a customer owes: at one usage point, or (`usage_point_id` None) at all."""

    usage_point_id: int | None
    customer_id: int | None
    outstanding_rial: int
    overdue_rial: int
    oldest_due_on: dt.date | None
    invoice_count: int
    as_of: dt.date

    @property
    def days_overdue(self) -> int:
        return days_overdue(self.oldest_due_on, self.as_of)

    @property
    def age_bucket(self) -> AgeBucket:
        return bucket_of(self.days_overdue)


_DEBTOR_KEYS: Final = ("overdue_rial", "outstanding_rial", "usage_point_key", "customer_key")
# A key of a page may not be null: 0 stands for an unknown customer and for "all points".
_NONE: Final = 0


class _DebtorOrder(Order):
    """By what is overdue; the keys of a row are its ids with 0 for None."""

    def key_of(self, row: Any) -> tuple[int, ...]:
        return (
            row.overdue_rial,
            row.outstanding_rial,
            row.usage_point_id or _NONE,
            row.customer_id or _NONE,
        )


DEBTOR_ORDERS: Final[Mapping[DebtorKind, Order]] = {
    kind: _DebtorOrder(f"debtor.{kind}", _DEBTOR_KEYS, (int, int, int, int), descending=True)
    for kind in DebtorKind
}


async def debt_summary(
    session: ReadSession,
    as_of: dt.date,
    group_by: Sequence[DebtDimension] = (DebtDimension.SECTOR, DebtDimension.AGE_BUCKET),
    debts: DebtFilter = DebtFilter(),
) -> list[DebtSummaryRow]:
    """Debts on the day `as_of` summed by the dimensions, the largest first; without dimensions, one row."""
    debt = _debts(as_of, debts, set(group_by)).cte("debt")
    columns: list[ColumnElement[Any]] = []
    for dimension in DebtDimension:
        if dimension in group_by:
            columns += (
                [debt.c.district_id, debt.c.district_code]
                if dimension is DebtDimension.DISTRICT
                else [debt.c[dimension.value]]
            )
    outstanding = _total(debt.c.outstanding_rial)
    statement = (
        select(
            *columns,
            outstanding.label("outstanding_rial"),
            _total(debt.c.overdue_rial).label("overdue_rial"),
            func.count().label("invoice_count"),
            func.count(debt.c.usage_point_id.distinct()).label("usage_point_count"),
        )
        .group_by(*columns)
        .order_by(outstanding.desc(), *columns)
    )
    return [_summary_row(row) for row in await session.execute(statement)]


def _summary_row(row: Row[*tuple[Any, ...]]) -> DebtSummaryRow:
    given = row._mapping  # noqa: SLF001  # the public name of a row's names in SQLAlchemy
    bucket = given.get("age_bucket")
    return DebtSummaryRow(
        sector=given.get("sector"),
        district_id=given.get("district_id"),
        district_code=given.get("district_code"),
        tariff_class=given.get("tariff_class"),
        age_bucket=None if bucket is None else AgeBucket(bucket),
        outstanding_rial=given["outstanding_rial"],
        overdue_rial=given["overdue_rial"],
        invoice_count=given["invoice_count"],
        usage_point_count=given["usage_point_count"],
    )


async def debtors(
    session: ReadSession,
    as_of: dt.date,
    kind: DebtorKind,
    window: Window,
    debts: DebtFilter = DebtFilter(),
    debtors: DebtorFilter = DebtorFilter(),
) -> Page[DebtorRow]:
    """Who owes on the day `as_of`, most overdue first."""
    debtor = _debtors(as_of, kind, debts, debtors)
    statement = cut(select(debtor), dict(debtor.c.items()), DEBTOR_ORDERS[kind], window)
    rows = [
        DebtorRow(
            usage_point_id=row.usage_point_key or None,
            customer_id=row.customer_key or None,
            outstanding_rial=row.outstanding_rial,
            overdue_rial=row.overdue_rial,
            oldest_due_on=row.oldest_due_on,
            invoice_count=row.invoice_count,
            as_of=as_of,
        )
        for row in await session.execute(statement)
    ]
    return page_of(rows, window)


async def debtor_count(
    session: ReadSession,
    as_of: dt.date,
    kind: DebtorKind,
    debts: DebtFilter = DebtFilter(),
    debtors: DebtorFilter = DebtorFilter(),
) -> int:
    """How many debtors the list has."""
    debtor = _debtors(as_of, kind, debts, debtors)
    return int(await session.scalar(select(func.count()).select_from(debtor)) or 0)


def _debtors(as_of: dt.date, kind: DebtorKind, debts: DebtFilter, debtors: DebtorFilter) -> CTE:
    debt = _debts(as_of, debts, {DebtDimension.SECTOR}).cte("debt")
    by_point = kind is DebtorKind.USAGE_POINT
    usage_point = debt.c.usage_point_id if by_point else literal(_NONE, BigInteger)
    customer = func.coalesce(debt.c.customer_id, _NONE)
    overdue = _total(debt.c.overdue_rial)
    oldest = func.min(debt.c.due_on)
    statement = (
        select(
            usage_point.label("usage_point_key"),
            customer.label("customer_key"),
            _total(debt.c.outstanding_rial).label("outstanding_rial"),
            overdue.label("overdue_rial"),
            oldest.label("oldest_due_on"),
            func.count().label("invoice_count"),
        )
        .group_by(*([debt.c.usage_point_id] if by_point else []), debt.c.customer_id)
        .having(overdue >= debtors.min_overdue_rial)
    )
    if not by_point:
        # Without a name there is nobody to collect from; the points are in the other list.
        statement = statement.where(debt.c.customer_id.is_not(None))
    if debtors.age_bucket is not None:
        statement = statement.having(_bucket(_days(oldest, as_of)) == debtors.age_bucket.value)
    return statement.cte("debtor")


def _debts(as_of: dt.date, debts: DebtFilter, needed: set[DebtDimension]) -> Select[*tuple[Any, ...]]:
    """One row an invoice of which something is owed. Joins only what is grouped or filtered by."""
    owed = _owed(as_of, few=debts.district_code is not None).cte("owed")
    last_day = owed.c.period_end - 1
    columns: list[ColumnElement[Any]] = [
        owed.c.usage_point_id,
        owed.c.due_on,
        owed.c.outstanding_rial,
        case((owed.c.due_on < as_of, owed.c.outstanding_rial), else_=0).label("overdue_rial"),
        _bucket(_days(owed.c.due_on, as_of)).label("age_bucket"),
    ]
    source: Any = owed
    conditions: list[ColumnElement[bool]] = []
    if DebtDimension.SECTOR in needed or debts.sector is not None:
        supplied = _in_force(AgreementUsagePoint.agreement_id, AgreementUsagePoint, owed, last_day)
        agreement = func.coalesce(owed.c.agreement_id, supplied)
        source = source.outerjoin(SupplyAgreement, SupplyAgreement.id == agreement)
        source = source.outerjoin(Customer, Customer.id == SupplyAgreement.customer_id)
        columns += [SupplyAgreement.__table__.c.customer_id, Customer.__table__.c.sector]
        if debts.sector is not None:
            conditions.append(Customer.sector == debts.sector)
    if DebtDimension.DISTRICT in needed or debts.district_code is not None:
        source = source.join(UsagePoint, UsagePoint.id == owed.c.usage_point_id)
        source = source.join(District, District.id == UsagePoint.district_id)
        columns += [
            District.__table__.c.id.label("district_id"),
            District.__table__.c.code.label("district_code"),
        ]
        if debts.district_code is not None:
            conditions.append(District.code == debts.district_code)
    if DebtDimension.TARIFF_CLASS in needed or debts.tariff_class is not None:
        tariff_class = _in_force(UsagePointTerm.tariff_class, UsagePointTerm, owed, last_day)
        columns.append(tariff_class.label("tariff_class"))
        if debts.tariff_class is not None:
            conditions.append(tariff_class == debts.tariff_class)
    return select(*columns).select_from(source).where(*conditions)


def _owed(as_of: dt.date, *, few: bool) -> Select[*tuple[Any, ...]]:
    """Invoices of which something is owed; `few` where only a part of the company's are wanted."""
    allocated = (
        select(_total(PaymentAllocation.amount_rial).label("paid_rial"))
        .join(Payment, Payment.id == PaymentAllocation.payment_id)
        .where(Payment.paid_on <= as_of)
    )
    # For all invoices one pass over all payments is quickest, for a district's a look-up for each invoice. Of 1.2 M
    # invoices in 20 districts, all take 7 s against 9 s, those of one district 5 s against 1 s (two cores, busy).
    paid: Any
    if few:
        paid = allocated.where(PaymentAllocation.invoice_id == Invoice.id).correlate(Invoice).lateral("paid")
        match: Any = true()
    else:
        grouped = allocated.add_columns(PaymentAllocation.invoice_id).group_by(PaymentAllocation.invoice_id)
        paid = grouped.subquery("paid")
        match = paid.c.invoice_id == Invoice.id
    outstanding = Invoice.payable_rial - func.coalesce(paid.c.paid_rial, 0)
    return (
        select(
            Invoice.usage_point_id,
            Invoice.agreement_id,
            Invoice.period_end,
            Invoice.due_on,
            outstanding.label("outstanding_rial"),
        )
        .outerjoin(paid, match)
        .where(outstanding > 0, func.coalesce(Invoice.issued_on, Invoice.period_end) <= as_of)
    )


def _in_force(
    value: InstrumentedAttribute[Any],
    table: type[AgreementUsagePoint | UsagePointTerm],
    owed: CTE,
    day: ColumnElement[dt.date],
) -> ColumnElement[Any]:
    """`value` of the row that was valid at the point on that day; the newest one where periods overlap."""
    return (
        select(value)
        .where(
            table.usage_point_id == owed.c.usage_point_id,
            table.valid_from <= day,
            or_(table.valid_to.is_(None), table.valid_to > day),
        )
        .order_by(table.valid_from.desc())
        .limit(1)
        .correlate(owed)
        .scalar_subquery()
    )


def _days(due_on: ColumnElement[Any], as_of: dt.date) -> ColumnElement[int]:
    # A difference of dates is whole days in PostgreSQL; without a due date a debt is never overdue.
    return func.coalesce(cast(literal(as_of, Date) - due_on, Integer), 0)


def _bucket(days: ColumnElement[int]) -> ColumnElement[str]:
    bounded = [(days <= age.last_day, age.bucket.value) for age in AGE_RANGES if age.last_day is not None]
    return case(*bounded, else_=AGE_RANGES[-1].bucket.value)


def _total(amount: Any) -> ColumnElement[int]:
    # Sums of bigint are numeric in PostgreSQL.
    return func.coalesce(cast(func.sum(amount), BigInteger), 0)
