"""Billed against collected, against a plain computation over the same company."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from typing import Any

import pytest
from sqlalchemy import Date, bindparam

from tarazu.jalali import parse_jalali, to_jalali
from tarazu.receivables.collection import CollectionDimension, collection_ratio_statement

PERIODS = [
    (dt.date(2025, 1, 1), dt.date(2025, 4, 1)),
    (dt.date(2024, 1, 1), dt.date(2026, 1, 1)),
    (dt.date(2030, 1, 1), dt.date(2031, 1, 1)),
]
COLUMNS = {
    CollectionDimension.SECTOR: {"sector"},
    CollectionDimension.DISTRICT: {"district_id", "district_code"},
    CollectionDimension.TARIFF_CLASS: {"tariff_class"},
    CollectionDimension.MONTH: {"month_start"},
}
AMOUNTS = ("billed_rial", "collected_of_billed_rial", "cash_rial", "invoice_count")


def month_start(day: dt.date) -> dt.date | None:
    year, month, _ = to_jalali(day)
    return parse_jalali(f"{year:04d}/{month:02d}/01")


def computed(
    made: Any, from_day: dt.date, to_day: dt.date, by: Any, scope: Any
) -> dict[Any, tuple[int, ...]]:
    names = set().union(*(COLUMNS[dimension] for dimension in by))
    districts = {point.id: point.district for point in made.points}
    last_day = to_day - dt.timedelta(1)
    groups: dict[Any, list[tuple[int, ...]]] = defaultdict(list)

    def add(point_id: int | None, agreement_id: int | None, day: dt.date, amounts: tuple[int, ...]) -> None:
        if not (from_day <= day < to_day and made.sees(scope, point_id)):
            return
        supply, term = made.supply_of(point_id, last_day), made.term_of(point_id, last_day)
        customer = made.customer_of(agreement_id or (supply and supply.agreement_id))
        district = districts.get(point_id)
        keys = {
            "sector": customer and customer.sector,
            "district_id": district and district.id,
            "district_code": district and district.code,
            "tariff_class": term and term.tariff_class,
            "month_start": month_start(day),
        }
        groups[frozenset((k, v) for k, v in keys.items() if k in names)].append(amounts)

    for invoice in made.invoices:
        payable = invoice.payable_rial or 0
        amounts = (payable, min(payable, made.paid(invoice)), 0, 1)
        add(invoice.usage_point_id, invoice.agreement_id, invoice.issued_on or invoice.period_end, amounts)
    for payment in made.payments:
        add(payment.usage_point_id, None, payment.paid_on, (0, 0, payment.amount_rial, 0))
    if not by:
        groups.setdefault(frozenset(), [(0, 0, 0, 0)])
    return {key: tuple(map(sum, zip(*rows, strict=True))) for key, rows in groups.items()}


@pytest.mark.parametrize("seed", range(2))
async def test_collection_matches_a_plain_computation_in_every_scope(
    sessions: Any, company_of: Any, scopes: Any, seed: int
) -> None:
    made = await company_of(seed)
    subsets = [by for n in range(5) for by in itertools.combinations(CollectionDimension, n)]
    for number, ((from_day, to_day), scope) in enumerate(itertools.product(PERIODS, scopes(made))):
        for by in subsets[number % 2 :: 2]:
            statement = collection_ratio_statement(
                bindparam("from_day", from_day, Date), to_day, by, scope.values()
            )
            async with sessions.read() as session:
                rows = [dict(row._mapping) for row in await session.execute(statement)]
            found = {
                frozenset(
                    (k, v) for k, v in row.items() if k not in AMOUNTS and k != "collection_ratio"
                ): tuple(row[name] for name in AMOUNTS)
                for row in rows
            }
            assert len(found) == len(rows)
            assert found == computed(made, from_day, to_day, by, scope)
            for row in rows:
                billed, collected = row["billed_rial"], row["collected_of_billed_rial"]
                assert row["collection_ratio"] == (pytest.approx(collected / billed) if billed else None)
                assert 0 <= (row["collection_ratio"] or 0) <= 1
            billed_in_order = [row["billed_rial"] for row in rows]
            assert billed_in_order == sorted(billed_in_order, reverse=True)


async def test_the_company_of_these_tests_has_what_is_counted(company_of: Any, scopes: Any) -> None:
    made = await company_of(0)
    ((billed, collected, cash, count),) = computed(made, *PERIODS[1], (), scopes(made)[0]).values()
    assert billed > collected > 0 < cash
    assert count > 30
