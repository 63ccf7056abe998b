"""Debts against a plain computation from the same invoices, payments and periods."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from typing import Any

import pytest

from tests.ageing import bucket_of

from .conftest import Debt

SUMMARY = """
query($by: [DebtDimension!]!, $asOf: Date, $sector: Sector, $district: String, $class: TariffClass) {
  debtSummary(groupBy: $by, asOf: $asOf, sector: $sector, district: $district, tariffClass: $class) {
    sector tariffClass ageBucket district { code } outstandingRial overdueRial invoiceCount usagePointCount
  }
}
"""
DIMENSIONS = ("SECTOR", "DISTRICT", "TARIFF_CLASS", "AGE_BUCKET")


@pytest.mark.parametrize(
    "as_of", [dt.date(2025, 6, 1), dt.date(2025, 6, 2), dt.date(2025, 3, 20), dt.date(2024, 1, 1)]
)
async def test_summaries_by_any_dimensions_match_a_plain_computation(
    world: Any, api: Any, debts_on: Any, as_of: dt.date
) -> None:
    debts = debts_on(as_of)
    for size in range(len(DIMENSIONS) + 1):
        for by in itertools.combinations(DIMENSIONS, size):
            expected: dict[tuple[Any, ...], list[Debt]] = defaultdict(list)
            for debt in debts:
                expected[tuple(getattr(debt, dimension) for dimension in by)].append(debt)
            rows = (await api.ask(SUMMARY, by=list(by), asOf=as_of.isoformat()))["debtSummary"]
            if not by:
                expected.setdefault((), [])
            found = {
                tuple(
                    {
                        "SECTOR": row["sector"],
                        "DISTRICT": row["district"] and row["district"]["code"],
                        "TARIFF_CLASS": row["tariffClass"],
                        "AGE_BUCKET": row["ageBucket"],
                    }[dimension]
                    for dimension in by
                ): (row["outstandingRial"], row["overdueRial"], row["invoiceCount"], row["usagePointCount"])
                for row in rows
            }
            assert len(found) == len(rows)
            assert found == {
                key: (
                    sum(debt.outstanding for debt in group),
                    sum(debt.overdue for debt in group),
                    len(group),
                    len({debt.usage_point for debt in group}),
                )
                for key, group in expected.items()
            }
            amounts = [row["outstandingRial"] for row in rows]
            assert amounts == sorted(amounts, reverse=True)


async def test_a_summary_is_restricted_by_sector_district_and_class(
    world: Any, api: Any, debts_on: Any
) -> None:
    debts = debts_on(world.as_of)
    chosen = {"sector": "PRIVATE", "district": "D1", "class": "INDUSTRIAL"}
    names = {"sector": "SECTOR", "district": "DISTRICT", "class": "TARIFF_CLASS"}
    for size in range(4):
        for keys in itertools.combinations(chosen, size):
            given = {key: chosen[key] for key in keys}
            (row,) = (await api.ask(SUMMARY, by=[], asOf=world.as_of.isoformat(), **given))["debtSummary"]
            matching = [
                debt for debt in debts if all(getattr(debt, names[key]) == chosen[key] for key in keys)
            ]
            assert matching
            assert row["outstandingRial"] == sum(debt.outstanding for debt in matching)


def debtors_of(debts: list[Debt], by: str) -> dict[tuple[str | None, str | None], list[Debt]]:
    groups: dict[tuple[str | None, str | None], list[Debt]] = defaultdict(list)
    for debt in debts:
        if by == "USAGE_POINT":
            groups[debt.usage_point, debt.customer].append(debt)
        elif debt.customer is not None:
            groups[None, debt.customer].append(debt)
    return groups


FIELDS = (
    "usagePoint { subscriptionNo } customer { customerNo } outstandingRial overdueRial oldestDueOn daysOverdue "
    "ageBucket invoiceCount asOf asOfJalali"
)


@pytest.mark.parametrize("by", ["USAGE_POINT", "CUSTOMER"])
@pytest.mark.parametrize(
    ("arguments", "keeps"),
    [
        ("", lambda _debt: True),
        ("sector: GOVERNMENT", lambda debt: debt.SECTOR == "GOVERNMENT"),
        (
            'district: "D2", tariffClass: OTHER',
            lambda debt: (debt.DISTRICT, debt.TARIFF_CLASS) == ("D2", "OTHER"),
        ),
        ('district: "no such"', lambda _debt: False),
    ],
)
async def test_debtors_match_a_plain_computation_in_order(
    world: Any, walk: Any, debts_on: Any, by: str, arguments: str, keeps: Any
) -> None:
    as_of = world.as_of
    groups = debtors_of([debt for debt in debts_on(as_of) if keeps(debt)], by)
    rows, _ = await walk("debtors", FIELDS, f'{arguments} by: {by}, asOf: "{as_of}"', first=7)
    found = {}
    for row in rows:
        point = row["usagePoint"] and row["usagePoint"]["subscriptionNo"]
        found[point, row["customer"] and row["customer"]["customerNo"]] = row
    assert len(found) == len(rows)
    assert found.keys() == groups.keys()
    for key, group in groups.items():
        row = found[key]
        assert row["outstandingRial"] == sum(debt.outstanding for debt in group)
        assert row["overdueRial"] == sum(debt.overdue for debt in group)
        assert row["invoiceCount"] == len(group)
        oldest = min((debt.due_on for debt in group if debt.due_on), default=None)
        assert row["oldestDueOn"] == (oldest and oldest.isoformat())
        days = max((as_of - oldest).days, 0) if oldest else 0
        assert row["daysOverdue"] == days
        assert row["ageBucket"] == bucket_of(days).name
        assert (row["asOf"], row["asOfJalali"]) == ("2025-06-01", "1404/03/11")
    amounts = [(row["overdueRial"], row["outstandingRial"]) for row in rows]
    assert amounts == sorted(amounts, reverse=True)


@pytest.mark.parametrize("by", ["USAGE_POINT", "CUSTOMER"])
async def test_debtors_are_restricted_by_age_and_amount(world: Any, api: Any, debts_on: Any, by: str) -> None:
    groups = debtors_of(debts_on(world.as_of), by)
    buckets: dict[str, int] = defaultdict(int)
    for group in groups.values():
        oldest = min((debt.due_on for debt in group if debt.due_on), default=world.as_of)
        buckets[bucket_of((world.as_of - oldest).days).name] += 1
    query = (
        "query($bucket: AgeBucket, $least: Rial!, $by: DebtorKind!) { debtors(ageBucket: $bucket, "
        f'minOverdueRial: $least, by: $by, asOf: "{world.as_of}") {{ totalCount }} }}'
    )
    for bucket, count in buckets.items():
        answer = await api.ask(query, bucket=bucket, least=0, by=by)
        assert answer["debtors"]["totalCount"] == count
    for least in (1, 250_001, 9_000_000_000, 2**62):
        answer = await api.ask(query, least=least, by=by)
        expected = sum(sum(debt.overdue for debt in group) >= least for group in groups.values())
        assert answer["debtors"]["totalCount"] == expected


async def test_sums_beyond_32_bits_are_exact(world: Any, api: Any, debts_on: Any) -> None:
    (row,) = (await api.ask(SUMMARY, by=[], asOf=world.as_of.isoformat()))["debtSummary"]
    assert row["outstandingRial"] == sum(debt.outstanding for debt in debts_on(world.as_of)) > 2**32


async def test_without_a_day_debts_are_todays(world: Any, api: Any, debts_on: Any) -> None:
    today = dt.datetime.now().astimezone().date()
    (row,) = (await api.ask(SUMMARY, by=[]))["debtSummary"]
    assert row["overdueRial"] == sum(debt.overdue for debt in debts_on(today))


async def test_a_dimension_named_twice_is_refused(world: Any, api: Any) -> None:
    assert await api.fail(SUMMARY, by=["SECTOR", "SECTOR"]) == "graphql.argument"
    assert await api.fail("{ caseSummary(groupBy: [STATE, STATE]) { caseCount } }") == "graphql.argument"
