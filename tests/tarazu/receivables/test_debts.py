"""Debts and debtors as statements, against a plain computation over the same company."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Date, Integer, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from tarazu.models.enums import Sector, TariffClass
from tarazu.paging import Window, cut
from tarazu.receivables.ageing import (
    BOUND_MAX,
    BUCKETS_MAX,
    DEFAULT_BUCKETS,
    AgeBuckets,
    AgeBucketsError,
)
from tarazu.receivables.debts import (
    DEBTOR_ORDERS,
    DebtDimension,
    DebtFilter,
    DebtorFilter,
    DebtorKind,
    debt_summary_statement,
    debtors_statement,
)
from tests.ageing import bucket_of, range_of

DAYS = [dt.date(2025, 1, 10), dt.date(2025, 3, 1), dt.date(2025, 5, 20), dt.date(2030, 1, 1)]


@dataclass(frozen=True)
class Debt:
    point_id: int
    customer_id: int | None
    due_on: dt.date | None
    outstanding: int
    days: int
    keys: dict[str, Any]

    @property
    def overdue(self) -> int:
        return self.outstanding if self.days > 0 else 0


def debts_of(made: Any, as_of: dt.date, scope: Any, buckets: AgeBuckets = DEFAULT_BUCKETS) -> list[Debt]:
    districts = {point.id: point.district for point in made.points}
    found = []
    for invoice in made.invoices:
        outstanding = (invoice.payable_rial or 0) - made.paid(invoice, as_of)
        if outstanding <= 0 or (invoice.issued_on or invoice.period_end) > as_of:
            continue
        if not made.sees(scope, invoice.usage_point_id):
            continue
        last_day = invoice.period_end - dt.timedelta(1)
        supply = made.supply_of(invoice.usage_point_id, last_day)
        customer = made.customer_of(invoice.agreement_id or (supply and supply.agreement_id))
        term = made.term_of(invoice.usage_point_id, last_day)
        days = (as_of - invoice.due_on).days if invoice.due_on else 0
        district = districts[invoice.usage_point_id]
        first, last = range_of(buckets, days)
        keys = {
            "sector": customer and customer.sector,
            "district_id": district.id,
            "district_code": district.code,
            "tariff_class": term and term.tariff_class,
            "segment": term and term.segment,
            "age_from_days": first,
            "age_to_days": last,
        }
        if buckets == DEFAULT_BUCKETS:
            keys["age_bucket"] = bucket_of(days).value
        found.append(
            Debt(invoice.usage_point_id, customer and customer.id, invoice.due_on, outstanding, days, keys)
        )
    return found


COLUMNS = {
    DebtDimension.SECTOR: {"sector"},
    DebtDimension.DISTRICT: {"district_id", "district_code"},
    DebtDimension.TARIFF_CLASS: {"tariff_class"},
    DebtDimension.SEGMENT: {"segment"},
    DebtDimension.AGE_BUCKET: {"age_from_days", "age_to_days", "age_bucket"},
}


def summed(debts: list[Debt], by: Any) -> dict[Any, tuple[int, ...]]:
    names = set().union(*(COLUMNS[dimension] for dimension in by))
    groups: dict[Any, list[Debt]] = defaultdict(list)
    for debt in debts:
        groups[frozenset((k, v) for k, v in debt.keys.items() if k in names)].append(debt)
    if not by:
        groups.setdefault(frozenset(), [])
    return {
        key: (
            sum(debt.outstanding for debt in group),
            sum(debt.overdue for debt in group),
            len(group),
            len({debt.point_id for debt in group}),
        )
        for key, group in groups.items()
    }


async def rows_of(sessions: Any, statement: Any, **values: Any) -> list[dict[str, Any]]:
    async with sessions.read() as session:
        return [dict(row._mapping) for row in await session.execute(statement, values)]


SUMS = ("outstanding_rial", "overdue_rial", "invoice_count", "usage_point_count")


def read(rows: list[dict[str, Any]]) -> dict[Any, tuple[int, ...]]:
    found = {
        frozenset((k, v) for k, v in row.items() if k not in SUMS): tuple(row[name] for name in SUMS)
        for row in rows
    }
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_summaries_match_a_plain_computation_in_every_scope(
    sessions: Any, company_of: Any, scopes: Any, seed: int
) -> None:
    made = await company_of(seed)
    subsets = [by for n in range(6) for by in itertools.combinations(DebtDimension, n)]
    tried = 0
    for number, (as_of, scope) in enumerate(itertools.product(DAYS, scopes(made))):
        debts = debts_of(made, as_of, scope)
        tried += len(debts)
        for by in subsets[number % 6 :: 6]:
            rows = await rows_of(sessions, debt_summary_statement(as_of, by, scope=scope.values()))
            assert read(rows) == summed(debts, by)
            amounts = [row["outstanding_rial"] for row in rows]
            assert amounts == sorted(amounts, reverse=True)
    assert tried


async def test_days_buckets_and_filters_may_be_bound_later(
    sessions: Any, company_of: Any, scopes: Any
) -> None:
    made = await company_of(5)
    buckets = AgeBuckets((10, 45, 200))
    by = (DebtDimension.AGE_BUCKET, DebtDimension.DISTRICT)
    statement = debt_summary_statement(
        bindparam("as_of", type_=Date),
        by,
        DebtFilter(sector=bindparam("sector"), district_code=bindparam("district")),
        bindparam("first_days", type_=ARRAY(Integer)),
    )
    for as_of, sector, code in itertools.product(DAYS, Sector, ("D0", "D1")):
        rows = await rows_of(
            sessions,
            statement,
            as_of=as_of,
            sector=sector.value,
            district=code,
            first_days=list(buckets.first_days),
        )
        debts = debts_of(made, as_of, scopes(made)[0], buckets)
        kept = [d for d in debts if (d.keys["sector"], d.keys["district_code"]) == (sector, code)]
        assert read(rows) == summed(kept, by)


async def test_a_payment_that_is_dated_after_the_day_does_not_count_yet(
    sessions: Any, company_of: Any, scopes: Any
) -> None:
    """Also today: what is maintained holds every payment, those dated tomorrow too."""
    made = await company_of(6)
    everything = scopes(made)[0]
    last = max(allocation.payment.paid_on for allocation in made.allocations)
    (before,) = await rows_of(sessions, debt_summary_statement(last - dt.timedelta(1), ()))
    (then,) = await rows_of(sessions, debt_summary_statement(last, ()))
    for row, day in ((before, last - dt.timedelta(1)), (then, last)):
        assert row["outstanding_rial"] == sum(d.outstanding for d in debts_of(made, day, everything))


@pytest.mark.parametrize("kind", list(DebtorKind))
@pytest.mark.parametrize("seed", range(2))
async def test_debtors_match_a_plain_computation_in_every_scope(
    sessions: Any, company_of: Any, scopes: Any, seed: int, kind: DebtorKind
) -> None:
    made = await company_of(seed)
    for as_of, scope, least in itertools.product(DAYS, scopes(made), (0, 300_000)):
        groups: dict[tuple[int, int], list[Debt]] = defaultdict(list)
        for debt in debts_of(made, as_of, scope):
            if kind is DebtorKind.USAGE_POINT:
                groups[debt.point_id, debt.customer_id or 0].append(debt)
            elif debt.customer_id is not None:
                groups[0, debt.customer_id].append(debt)
        expected = []
        for (point, customer), group in groups.items():
            overdue = sum(debt.overdue for debt in group)
            oldest = min((debt.due_on for debt in group if debt.due_on), default=None)
            days = max((as_of - oldest).days, 0) if oldest else 0
            if overdue >= least:
                outstanding = sum(debt.outstanding for debt in group)
                expected.append(
                    (overdue, outstanding, point, customer, oldest, days, bucket_of(days).value, len(group))
                )
        statement = debtors_statement(
            as_of, kind, debtors=DebtorFilter(min_overdue_rial=least), scope=scope.values()
        )
        debtor = statement.subquery("debtor")
        ordered = cut(select(debtor), dict(debtor.c.items()), DEBTOR_ORDERS[kind], Window(100))
        names = (
            *DEBTOR_ORDERS[kind].keys,
            "oldest_due_on",
            "days_overdue",
            "age_bucket",
            "invoice_count",
        )
        found = [tuple(row[name] for name in names) for row in await rows_of(sessions, ordered)]
        assert found == sorted(expected, key=lambda row: row[:4], reverse=True)


async def test_a_tariff_class_restricts_debts(sessions: Any, company_of: Any, scopes: Any) -> None:
    made = await company_of(2)
    for tariff_class in TariffClass:
        (row,) = await rows_of(
            sessions, debt_summary_statement(DAYS[2], (), DebtFilter(tariff_class=tariff_class))
        )
        kept = [d for d in debts_of(made, DAYS[2], scopes(made)[0]) if d.keys["tariff_class"] == tariff_class]
        assert row["outstanding_rial"] == sum(debt.outstanding for debt in kept)


@pytest.mark.parametrize(
    "bounds",
    [(), (0,), (-1, 3), (30, 30), (60, 30), tuple(range(1, BUCKETS_MAX + 2)), (BOUND_MAX + 1,), (2**63,)],
)
def test_buckets_that_are_none_are_refused(bounds: tuple[int, ...]) -> None:
    with pytest.raises(AgeBucketsError, match="cannot be bounded"):
        AgeBuckets(bounds)


@given(
    st.sets(st.integers(1, BOUND_MAX), min_size=1, max_size=BUCKETS_MAX),
    st.integers(-BOUND_MAX, 2 * BOUND_MAX),
)
def test_every_age_is_in_the_range_of_its_bucket_and_ranges_meet(bounds: set[int], days: int) -> None:
    buckets = AgeBuckets(tuple(sorted(bounds)))
    first, last = range_of(buckets, days)
    assert first is None or first <= days
    assert last is None or days <= last
    if last is not None:
        assert range_of(buckets, last + 1)[0] == last + 1
    assert (first is None) == (days <= 0)
    assert (last is None) == (days > max(bounds))


@given(st.integers(-10, 500))
def test_the_default_buckets_are_those_that_have_names(days: int) -> None:
    first, last = range_of(DEFAULT_BUCKETS, days)
    name = f"{first}-{last}" if first and last else "current" if last == 0 else "over-365"
    assert bucket_of(days).value == name
