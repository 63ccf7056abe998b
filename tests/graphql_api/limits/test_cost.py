"""What operations cost."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import build_schema
from hypothesis import given
from hypothesis import strategies as st

from graphql_api.documents import Documents
from graphql_api.limits.cost import Cost, CostError, Costs
from graphql_api.limits.weights import Weights, WeightsError, load_weights
from graphql_api.schema import schema

GRAPH = schema._schema
LIMIT = 200_000

SMALL = build_schema(
    """
    type Query { items(first: Int! = 20): ItemConnection!  item: Item  sums: [Sum!]! }
    type Item { id: ID!  name: String  owner: Item  parts(first: Int! = 20): ItemConnection!  few: [Sum!]! }
    type Sum { total: Int!  item: Item }
    type ItemConnection { edges: [ItemEdge!]!  pageInfo: PageInfo!  totalCount: Int! }
    type ItemEdge { node: Item!  cursor: String! }
    type PageInfo { endCursor: String }
    """
)
WEIGHTS = Weights(
    roots={"Query.items": 10, "Query.item": 0, "Query.sums": 100},
    root_count=1000,
    nested_count=5,
    sizes={"Item.few": 3, "Query.sums": 50},
    default_size=20,
)


def cost(text: str, limit: int = LIMIT, **variables: Any) -> int:
    documents = Documents(SMALL)
    document = documents.get(text)
    values = documents.coerce(document, variables)
    found = Costs(SMALL, WEIGHTS, limit=limit).charge(document, values.coerced)
    assert found.limit == limit
    return found.total


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename }", 0),
        ("{ item { id name } }", 1),
        ("{ item { owner { owner { id } } } }", 3),
        ("{ items { totalCount } }", 11 + 1000),
        ("{ items { pageInfo { endCursor } } }", 11),
        ("{ items { edges { node { id } } } }", 11 + 20),
        ("{ items { edges { cursor } } }", 11 + 20),
        ("{ items(first: 100) { edges { node { id owner { id } } } } }", 11 + 100 * 2),
        (
            "{ items(first: 5) { edges { node { parts(first: 3) { totalCount edges { node { id } } } } } } }",
            11 + 5 * (1 + 1 + 5 + 3),
        ),
        ("{ sums { total } }", 100 + 50),
        ("{ sums { item { id } } }", 100 + 50 * 2),
        ("{ item { few { total } } }", 1 + 3),
        ("{ a: item { id } b: item { id } }", 2),
        ("{ ...F } fragment F on Query { item { ...G } } fragment G on Item { owner { id } }", 2),
        ("{ item { ... on Item { owner { id } } } }", 2),
        (
            (
                "{ items { ...C } } fragment C on ItemConnection { edges { ...E } } "
                "fragment E on ItemEdge { node { id } }"
            ),
            11 + 20,
        ),
        ("{ item @skip(if: true) { id } }", 0),
        ("{ item @include(if: false) { id } }", 0),
        ("{ item @include(if: true) @skip(if: false) { id } }", 1),
        ("{ items(first: -5) { edges { node { id } } } }", 11),
    ],
)
def test_objects_cost_one_and_lists_multiply(text: str, expected: int) -> None:
    assert cost(text) == expected


def test_sizes_and_conditions_come_from_variables() -> None:
    text = (
        "query($n: Int! = 7, $with: Boolean!) "
        "{ items(first: $n) { edges { node { owner @include(if: $with) { id } } } } }"
    )
    assert cost(text, **{"with": False}) == 11 + 7
    assert cost(text, **{"with": True}) == 11 + 14
    assert cost(text, **{"with": True, "n": 50}) == 11 + 100
    assert cost(text, **{"with": True, "n": -3}) == 11


def test_the_same_document_costs_what_its_variables_say() -> None:
    documents, costs = Documents(SMALL), Costs(SMALL, WEIGHTS, limit=LIMIT)
    document = documents.get("query($n: Int!) { items(first: $n) { edges { node { id } } } }")
    found = [costs.charge(document, {"n": n}).total for n in (1, 2, 1, 100, 2)]
    assert found == [12, 13, 12, 111, 13]


def test_products_are_capped_and_refused() -> None:
    deep = (
        "{ items(first: 2147483647) { edges { node { id "
        + ("parts(first: 2147483647) { edges { node { id " * 3 + "} } } " * 3)
        + "} } } }"
    )
    with pytest.raises(CostError, match=r"one operation may cost 200,000") as caught:
        cost(deep)
    assert caught.value.cost == Cost(10**15, LIMIT)
    assert caught.value.code == "graphql.limit.cost"


def test_the_limit_itself_may_be_spent() -> None:
    assert cost("{ items(first: 89) { edges { node { id } } } }", limit=100) == 100
    with pytest.raises(CostError):
        cost("{ items(first: 90) { edges { node { id } } } }", limit=100)


@given(first=st.integers(0, 100), inner=st.integers(0, 100))
def test_a_page_costs_at_least_the_rows_that_it_may_hold(first: int, inner: int) -> None:
    text = "query($a: Int!, $b: Int!) { items(first: $a) { edges { node { parts(first: $b) { edges { node { id } } } } } } }"
    assert cost(text, a=first, b=inner) >= first + first * inner


def ask(text: str) -> int:
    documents = Documents(GRAPH)
    document = documents.get(text)
    return Costs(GRAPH, load_weights(), limit=LIMIT).charge(document, {}).total


def test_a_hundred_customers_with_meters_and_twelve_invoices_each_may_be_asked_for() -> None:
    assert (
        5_000
        < ask(
            "{ customers(first: 100) { edges { node { customerNo agreements { edges { node { supplies { edges { node "
            "{ usagePoint { subscriptionNo installations { edges { node { meter { serialNo } } } } "
            "invoices(first: 12) { edges { node { invoiceNo payableRial } } } } } } } } } } } } } }"
        )
        < LIMIT
    )


def test_full_pages_in_full_pages_in_full_pages_may_not() -> None:
    with pytest.raises(CostError):
        ask(
            "{ cases(first: 100) { edges { node { usagePoint { invoices(first: 100) { edges { node "
            "{ allocations(first: 100) { edges { node { amountRial } } } } } } } } } } }"
        )


def test_every_root_field_has_a_weight_and_every_weight_a_field() -> None:
    load_weights().check(GRAPH)


@pytest.mark.parametrize(
    ("schema_text", "message"),
    [
        ("type Query { item: Int more: Int }", "no weight for Query.more"),
        ("type Query { item: Int } type Mutation { do: Int }", "no weight for Mutation.do"),
        ("type Query { other: Int item: Int }", "no weight for Query.other"),
        ("type Query { item: Int }", "no Query.gone"),
    ],
)
def test_weights_that_do_not_fit_the_schema_are_refused(schema_text: str, message: str) -> None:
    roots = {"Query.item": 1, **({"Query.gone": 1} if "gone" in message else {})}
    weights = Weights(roots=roots, root_count=1, nested_count=1, sizes={}, default_size=1)
    with pytest.raises(WeightsError, match=message):
        weights.check(build_schema(schema_text))
