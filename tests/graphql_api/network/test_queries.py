"""Energy balances: who sees which of them, and what may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from tarazu.security.permissions import Role

PERIOD = 'from: "2025-01-01", to: "2025-04-01"'
FIELDS = "deliveredKwh billedKwh differenceKwh differencePercent measuredShare billedShare usagePointCount billedPointCount"


def transformers(more: str = "") -> str:
    return (
        f"{{ transformerBalances({PERIOD}{more}) {{ totalCount edges {{ node {{ {FIELDS} "
        "transformer { code feeder { code } district { code } } } } } }"
    )


def feeders(more: str = "") -> str:
    return (
        f"{{ feederBalances({PERIOD}{more}) {{ totalCount edges {{ node {{ {FIELDS} "
        "transformerCount measuredTransformerCount feeder { code } } } } }"
    )


def rounded(node: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in node.items()}


async def nodes(api: Any, query: str) -> list[dict[str, Any]]:
    (page,) = (await api.ask(query)).values()
    assert page["totalCount"] == len(page["edges"])
    # Sums of energies depend in their last digits on the order of their parts.
    return [rounded(edge["node"]) for edge in page["edges"]]


async def test_what_was_delivered_stands_against_what_was_billed(world: Any, api_both: Any) -> None:
    found = await nodes(api_both, transformers())
    assert {node["transformer"]["code"] for node in found} == {"T0", "T1", "T2", "T3"}
    for node in found:
        transformer = next(t for t in world.transformers if t.code == node["transformer"]["code"])
        points = [point for point in world.usage_points if point.transformer is transformer]
        assert node["usagePointCount"] == len(points)
        assert node["differenceKwh"] == pytest.approx(node["deliveredKwh"] - node["billedKwh"])
        assert node["differencePercent"] == pytest.approx(100 * node["differenceKwh"] / node["deliveredKwh"])
        assert node["measuredShare"] == 1.0
    differences = [node["differenceKwh"] for node in found]
    assert differences == sorted(differences, reverse=True)


async def test_a_feeder_is_the_sum_of_its_transformers_in_scope(world: Any, api_both: Any) -> None:
    local = await api_both.as_(Role.ANALYST, districts=["D0"])
    for api, codes in ((api_both, {"T0", "T1", "T2", "T3"}), (local, {"T0", "T3"})):
        parts = await nodes(api, transformers())
        assert {node["transformer"]["code"] for node in parts} == codes
        for feeder in await nodes(api, feeders()):
            own = [node for node in parts if node["transformer"]["feeder"] == feeder["feeder"]]
            assert own
            assert feeder["transformerCount"] == feeder["measuredTransformerCount"] == len(own)
            for name in ("deliveredKwh", "billedKwh", "differenceKwh", "usagePointCount", "billedPointCount"):
                assert feeder[name] == pytest.approx(sum(node[name] for node in own)), name
    # A feeder that crosses districts tells nothing of the others' transformers.
    assert {node["feeder"]["code"] for node in await nodes(local, feeders())} == {"F0", "F1"}
    nobody = await api_both.as_(Role.ANALYST, districts=[])
    assert await nodes(nobody, transformers()) == await nodes(nobody, feeders()) == []


async def test_balances_of_one_transformer_or_feeder_are_those_of_the_whole_list(
    world: Any, api_both: Any
) -> None:
    everything = await nodes(api_both, transformers())
    for code in ("T1", "T3"):
        assert await nodes(api_both, transformers(f', transformer: "{code}"')) == [
            node for node in everything if node["transformer"]["code"] == code
        ]
    assert await nodes(api_both, transformers(', feeder: "F1"')) == [
        node for node in everything if node["transformer"]["feeder"] == {"code": "F1"}
    ]
    assert await nodes(api_both, transformers(', feeder: "F1", transformer: "T0"')) == []
    assert [node["feeder"]["code"] for node in await nodes(api_both, feeders(', feeder: "F1"'))] == ["F1"]


@pytest.mark.parametrize("ask", [transformers, feeders])
async def test_pages_of_balances_hold_each_once(world: Any, api_both: Any, ask: Any) -> None:
    everything = await nodes(api_both, ask())
    found: list[Any] = []
    after = ""
    while True:
        query = ask(f", first: 1{after}").replace("edges", "pageInfo { hasNextPage endCursor } edges", 1)
        (page,) = (await api_both.ask(query)).values()
        found += [rounded(edge["node"]) for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f', after: "{page["pageInfo"]["endCursor"]}"'
    assert found == everything


@pytest.mark.parametrize("field", ["transformerBalances", "feederBalances"])
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ('from: "2025-01-01", to: "2025-01-01"', "graphql.argument"),
        ('from: "2025-02-01", to: "2025-01-01"', "graphql.argument"),
        ('from: "2023-01-01", to: "2025-01-03"', "graphql.argument"),
        ('from: "2025-01-01"', "graphql.invalid"),
        (f'{PERIOD}, feeder: "\\u0000"', "graphql.filter"),
        (f"{PERIOD}, first: 101", "graphql.page"),
        (f'{PERIOD}, after: "x"', "graphql.cursor"),
    ],
)
async def test_wrong_arguments_are_refused(api_both: Any, field: str, given: str, code: str) -> None:
    assert await api_both.fail(f"{{ {field}({given}) {{ totalCount }} }}") == code
