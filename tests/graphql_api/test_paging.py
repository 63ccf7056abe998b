"""Lists: every row once, in order, whatever the size of the page; and nothing unbounded."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from tarazu.models import Customer


@pytest.mark.parametrize("first", [1, 4, 34, 100])
async def test_pages_of_cases_hold_every_case_once_in_order_under_ties(
    world: Any, walk: Any, first: int
) -> None:
    nodes, pages = await walk("cases", "caseNo", first=first)
    expected = sorted(world.cases, key=lambda case: (case.priority, case.id.int), reverse=True)
    assert [node["caseNo"] for node in nodes] == [case.case_no for case in expected]
    assert pages == -(-len(expected) // first)


@pytest.mark.parametrize(("order", "reverse"), [("NEWEST", True), ("OLDEST", False)])
async def test_cases_in_order_of_their_numbers(world: Any, walk: Any, order: str, reverse: bool) -> None:
    nodes, _ = await walk("cases", "caseNo", f"order: {order}")
    numbers = sorted((case.case_no for case in world.cases), reverse=reverse)
    assert [node["caseNo"] for node in nodes] == numbers


@pytest.mark.parametrize(
    ("root", "selection", "length"),
    [
        ("customers", "customerNo", lambda world: len(world.customers)),
        ("invoices", "id", lambda world: len(world.invoices)),
        ("quarantinedRows", "rowNumber", lambda _world: 5),
        ("importRuns", "mapping", lambda _world: 1),
        ("scanRuns", "asOf", lambda _world: 1),
    ],
)
async def test_pages_of_each_list_make_the_whole_list(
    world: Any, walk: Any, api: Any, root: str, selection: str, length: Any
) -> None:
    nodes, _ = await walk(root, f"id {selection}", first=3 if root != "invoices" else 40)
    assert len({node["id"] for node in nodes}) == len(nodes) == length(world)
    assert (await api.ask(f"{{ {root} {{ totalCount }} }}"))[root]["totalCount"] == length(world)


async def test_rows_added_meanwhile_move_nothing(database: Any, api_of: Any, sessions: Any) -> None:
    def customer(number: int) -> Customer:
        return Customer(customer_no=f"C{number}")

    query = """query($after: String) { customers(first: 2, after: $after) {
        edges { node { customerNo } } pageInfo { endCursor } } }"""
    async with sessions.write() as session:
        session.add_all([customer(number) for number in range(4)])
    async with api_of(database) as api:
        page = (await api.ask(query))["customers"]
        async with sessions.write() as session:
            await session.delete(await session.scalar(select(Customer).where(Customer.customer_no == "C0")))
            session.add(customer(9))
        following = (await api.ask(query, after=page["pageInfo"]["endCursor"]))["customers"]
    assert [edge["node"]["customerNo"] for edge in following["edges"]] == ["C2", "C3"]


async def test_pages_of_nested_lists_make_the_whole_list(world: Any, api: Any) -> None:
    point = world.usage_points[3]
    query = """
        query($no: String!, $after: String) { usagePoint(subscriptionNo: $no) {
            invoices(first: 2, after: $after) {
              totalCount edges { node { invoiceNo periodEnd } } pageInfo { hasNextPage endCursor } } } }
    """
    days, after = [], None
    for _ in range(3):
        answer = await api.ask(query, no=point.subscription_no, after=after)
        page = answer["usagePoint"]["invoices"]
        assert page["totalCount"] == 5
        days += [edge["node"]["periodEnd"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is (len(days) < 5)
    assert days == [f"2025-0{month}-01" for month in (5, 4, 3, 2, 1)]


async def test_nested_pages_of_many_parents_hold_each_parents_own_rows(world: Any, api: Any) -> None:
    answer = await api.ask(
        "{ customers(first: 30) { edges { node { customerNo agreements { edges { node { agreementNo "
        "supplies { totalCount edges { node { validFrom usagePoint { subscriptionNo } } } } } } } } } } }"
    )
    for edge in answer["customers"]["edges"]:
        number = edge["node"]["customerNo"][1:]
        (agreement,) = edge["node"]["agreements"]["edges"]
        assert agreement["node"]["agreementNo"] == f"A{number}"
        supplies = agreement["node"]["supplies"]
        own = [p for p in world.usage_points if p.subscription_no.startswith(f"S{number}")]
        found = {supply["node"]["usagePoint"]["subscriptionNo"] for supply in supplies["edges"]}
        assert {point.subscription_no for point in own} <= found
        assert supplies["totalCount"] == len(found)
        days = [supply["node"]["validFrom"] for supply in supplies["edges"]]
        assert days == sorted(days, reverse=True)


async def test_an_empty_list_has_an_empty_page(database: Any, api_of: Any) -> None:
    async with api_of(database) as api:
        answer = await api.ask(
            "{ cases { totalCount edges { cursor } pageInfo { hasNextPage startCursor endCursor } } debtSummary(groupBy: []) { outstandingRial invoiceCount } }"
        )
    assert answer["cases"] == {
        "totalCount": 0,
        "edges": [],
        "pageInfo": {"hasNextPage": False, "startCursor": None, "endCursor": None},
    }
    assert answer["debtSummary"] == [{"outstandingRial": 0, "invoiceCount": 0}]


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
@pytest.mark.parametrize(
    "query",
    [
        "query($first: Int!) { cases(first: $first) { totalCount } }",
        "query($first: Int!) { debtors(first: $first) { totalCount } }",
        "query($first: Int!) { customers(first: 1) { edges { node { agreements(first: $first) { totalCount } } } } }",
    ],
)
async def test_pages_outside_the_bounds_are_refused(world: Any, api: Any, query: str, first: int) -> None:
    assert await api.fail(query, first=first) == "graphql.page"


async def test_nested_lists_that_multiply_are_refused(
    world: Any, company: Any, api: Any, api_of: Any, monkeypatch: Any
) -> None:
    # 30 customers × 100 agreements each may be asked for; 30 × 100 × 100 supplies may only as far as there are any.
    bounded = "{ customers(first: 30) { edges { node { agreements(first: 100) { edges { node { supplies(first: 100) { totalCount edges { cursor } } } } } } } } }"
    await api.ask(bounded)
    # A compiled statement reads a page of each parent as it goes; its cost bounds it. Resolvers ask for all at once.
    monkeypatch.setattr("graphql_api.resolving.NESTED_ROWS_MAX", 2_999)
    async with api_of(company.model_copy(update={"api_compiler": False})) as resolving:
        body = (await resolving.post(bounded)).json()
    assert {error["extensions"]["code"] for error in body["errors"]} == {"graphql.page"}


@pytest.mark.parametrize("after", ["x", "", "W10", "bm90IGpzb24", "ء", "a" * 600])
async def test_a_damaged_cursor_is_refused_and_an_empty_one_is_none(world: Any, api: Any, after: str) -> None:
    query = "query($after: String) { cases(first: 1, after: $after) { edges { cursor } } }"
    if after == "":
        assert len((await api.ask(query, after=after))["cases"]["edges"]) == 1
    else:
        assert await api.fail(query, after=after) == "graphql.cursor"


async def test_a_cursor_of_another_order_is_refused(world: Any, api: Any) -> None:
    answer = await api.ask("{ cases(order: NEWEST, first: 1) { edges { cursor } } }")
    cursor = answer["cases"]["edges"][0]["cursor"]
    query = "query($after: String) { cases(order: OLDEST, after: $after) { edges { cursor } } }"
    assert await api.fail(query, after=cursor) == "graphql.cursor"


async def test_nothing_is_counted_that_was_not_asked_for(api_both: Any) -> None:
    with api_both.counting() as statements:
        await api_both.ask("{ cases { edges { cursor } pageInfo { hasNextPage } } }")
    (statement,) = statements
    # What the page itself counts are its own rows, at most `first` and one.
    assert len(re.findall(r"\blimit\b", statement.lower())) == 1
    assert len(re.findall(r'from "?case"?', statement.lower())) == 1
    with api_both.counting() as statements:
        await api_both.ask("{ cases { totalCount } }")
    (statement,) = statements
    assert "count" in statement.lower()
    assert "limit" not in statement.lower()
