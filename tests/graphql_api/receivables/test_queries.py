"""The sums of debts and of what was collected: who sees which of them, and what may be asked."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tarazu.models.enums import Sector
from tarazu.security.permissions import Role

DEBTS = (
    'debtSummary(groupBy: [DISTRICT, AGE_BUCKET], asOf: "2025-06-01") '
    "{ district { code } ageBucket outstandingRial overdueRial invoiceCount usagePointCount }"
)
COLLECTION = (
    'collectionRatio(groupBy: [DISTRICT, MONTH], from: "2024-12-01", to: "2025-06-01") '
    "{ district { code } monthStart billedRial collectedOfBilledRial cashRial collectionRatio invoiceCount }"
)
DEBTORS = (
    'debtors(asOf: "2025-06-01", first: 100) '
    "{ totalCount edges { node { usagePoint { subscriptionNo district { code } } outstandingRial } } }"
)


@pytest.mark.parametrize("field", [DEBTS, COLLECTION])
async def test_who_is_limited_to_a_district_gets_its_sums_alone(api_both: Any, field: str) -> None:
    name = field.partition("(")[0]
    everything = (await api_both.ask(f"{{ {field} }}"))[name]
    expected = [row for row in everything if row["district"] == {"code": "D1"}]
    assert 0 < len(expected) < len(everything)
    local = await api_both.as_(Role.ANALYST, districts=["D1"])
    assert (await local.ask(f"{{ {field} }}"))[name] == expected
    nobody = await api_both.as_(Role.ANALYST, districts=[])
    assert (await nobody.ask(f"{{ {field} }}"))[name] == []


async def test_who_is_limited_to_a_district_gets_its_debtors_alone(api_both: Any) -> None:
    everything = (await api_both.ask(f"{{ {DEBTORS} }}"))["debtors"]
    expected = [
        edge for edge in everything["edges"] if edge["node"]["usagePoint"]["district"] == {"code": "D2"}
    ]
    assert 0 < len(expected) < everything["totalCount"] == len(everything["edges"])
    local = await api_both.as_(Role.COLLECTION_OFFICER, districts=["D2"])
    found = (await local.ask(f"{{ {DEBTORS} }}"))["debtors"]
    assert found == {"totalCount": len(expected), "edges": expected}


async def test_who_is_limited_to_a_sector_gets_debts_of_points_that_supply_it_today(
    world: Any, api_both: Any, debts_on: Any
) -> None:
    local = await api_both.as_(Role.ANALYST, sectors=[Sector.GOVERNMENT])
    (row,) = (
        await local.ask('{ debtSummary(groupBy: [], asOf: "2025-06-01") { outstandingRial invoiceCount } }')
    )["debtSummary"]
    # The number of a point begins with that of its customer of today.
    government = {int(c.customer_no[1:]) for c in world.customers if c.sector is Sector.GOVERNMENT}
    debts = [debt for debt in debts_on(world.as_of) if int(debt.usage_point[1:6]) in government]
    assert debts
    assert row == {
        "outstandingRial": sum(debt.outstanding for debt in debts),
        "invoiceCount": len(debts),
    }


@pytest.mark.parametrize("bounds", [(10, 40), (1,), (29, 30, 31, 36_500)])
async def test_buckets_of_age_are_those_that_are_asked_for(
    world: Any, api_both: Any, debts_on: Any, bounds: tuple[int, ...]
) -> None:
    rows = (
        await api_both.ask(
            "query($bounds: [Int!]) { debtSummary(groupBy: [AGE_BUCKET], ageBoundsDays: $bounds, "
            'asOf: "2025-06-01") { ageBucket ageFromDays ageToDays outstandingRial invoiceCount } }',
            bounds=list(bounds),
        )
    )["debtSummary"]
    expected: dict[tuple[int | None, int | None], list[int]] = defaultdict(list)
    starts = [1, *(bound + 1 for bound in bounds)]
    ends = [*bounds, None]
    for debt in debts_on(world.as_of):
        days = (world.as_of - debt.due_on).days if debt.due_on else 0
        reached = [n for n, start in enumerate(starts) if days >= start]
        key = (starts[reached[-1]], ends[reached[-1]]) if reached else (None, 0)
        expected[key].append(debt.outstanding)
    assert {(row["ageFromDays"], row["ageToDays"]): row["outstandingRial"] for row in rows} == {
        key: sum(amounts) for key, amounts in expected.items()
    }
    assert {row["ageBucket"] for row in rows} == {None}


async def test_without_bounds_buckets_have_names_and_days(api_both: Any) -> None:
    query = '{ debtSummary(groupBy: [AGE_BUCKET], asOf: "2025-06-01"%s) { ageBucket ageFromDays ageToDays } }'
    rows = (await api_both.ask(query % ""))["debtSummary"]
    names = {row["ageBucket"]: (row["ageFromDays"], row["ageToDays"]) for row in rows}
    assert names["DAYS_1_30"] == (1, 30)
    assert names["OVER_365_DAYS"] == (366, None)
    for same in (", ageBoundsDays: null", ", ageBoundsDays: [30, 60, 90, 180, 365]"):
        assert (await api_both.ask(query % same))["debtSummary"] == rows


@pytest.mark.parametrize(
    "bounds", ["[]", "[0]", "[30, 30]", "[60, 30]", "[36501]", str([*range(1, 14)]), "[-1, 5]"]
)
async def test_bounds_that_make_no_buckets_are_refused(api_both: Any, bounds: str) -> None:
    query = f"{{ debtSummary(groupBy: [AGE_BUCKET], ageBoundsDays: {bounds}) {{ invoiceCount }} }}"
    assert await api_both.fail(query) == "receivables.age_buckets"


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (
            'collectionRatio(groupBy: [], from: "2025-01-01", to: "2025-01-01") { billedRial }',
            "graphql.argument",
        ),
        (
            'collectionRatio(groupBy: [], from: "2025-02-01", to: "2025-01-01") { billedRial }',
            "graphql.argument",
        ),
        (
            'collectionRatio(groupBy: [], from: "2023-01-01", to: "2025-01-03") { billedRial }',
            "graphql.argument",
        ),
        (
            'collectionRatio(groupBy: [MONTH, MONTH], from: "2025-01-01", to: "2025-02-01") { billedRial }',
            "graphql.argument",
        ),
        ("debtSummary(groupBy: [SEGMENT, SEGMENT]) { invoiceCount }", "graphql.argument"),
        ('debtSummary(groupBy: [], district: "\\u0000") { invoiceCount }', "graphql.filter"),
        ("debtSummary(groupBy: [NAME]) { invoiceCount }", "graphql.invalid"),
        ("debtSummary { invoiceCount }", "graphql.invalid"),
        ("debtors(first: 0) { totalCount }", "graphql.page"),
        ('debtors(after: "x") { totalCount }', "graphql.cursor"),
    ],
)
async def test_wrong_arguments_are_refused(api_both: Any, field: str, code: str) -> None:
    assert await api_both.fail(f"{{ {field} }}") == code


async def test_the_longest_period_is_two_years(api_both: Any) -> None:
    query = '{ collectionRatio(groupBy: [], from: "2023-01-01", to: "2025-01-02") { invoiceCount } }'
    (row,) = (await api_both.ask(query))["collectionRatio"]
    assert row["invoiceCount"] >= 0


@pytest.mark.parametrize("field", [DEBTS, COLLECTION, DEBTORS])
async def test_who_may_not_read_receivables_is_refused(api_both: Any, field: str) -> None:
    inspector = await api_both.as_(Role.INSPECTOR)
    assert await inspector.fail(f"{{ {field} }}") == "access.forbidden"
