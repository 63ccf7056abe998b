"""The thirteen checks of graphql-cop, restated; and what a good client is told of its cost."""

from __future__ import annotations

from typing import Any

import pytest


async def refused(api: Any, body: Any, code: str) -> None:
    response = await api.http.post("/graphql", json=body)
    answer = response.json()
    assert response.status_code == 400
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}
    assert "data" not in answer


async def test_01_alias_overloading_is_refused(world: Any, api: Any) -> None:
    query = "{ " + " ".join(f"alias{n}: __typename" for n in range(101)) + " }"
    await refused(api, {"query": query}, "graphql.limit.aliases")


async def test_02_batches_are_refused(world: Any, api: Any) -> None:
    await refused(api, [{"query": "{ __typename }"}] * 10, "graphql.limit.batch")
    await refused(api, [{"query": "{ __typename }"}], "graphql.limit.batch")
    await refused(api, [], "graphql.limit.batch")


async def test_03_directive_overloading_is_refused(world: Any, api: Any) -> None:
    await refused(api, {"query": "{ __typename " + "@aa" * 10 + " }"}, "graphql.limit.directives")


async def test_04_field_duplication_is_refused(world: Any, api: Any) -> None:
    await refused(api, {"query": "{ " + "__typename \n" * 500 + " }"}, "graphql.limit.root_fields")
    inside = "{ cases { edges { node { " + "id \n" * 500 + " } } } }"
    await refused(api, {"query": inside}, "graphql.limit.repeats")


async def test_05_circular_introspection_is_refused(world: Any, company: Any, api: Any, api_of: Any) -> None:
    query = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"
    await refused(api, {"query": query}, "graphql.invalid")
    async with api_of(company.model_copy(update={"api_development": True})) as developing:
        await refused(developing, {"query": query}, "graphql.invalid")


@pytest.mark.parametrize(
    "query", ["{ cases { totalCoun } }", "{ case }", "{ custome }", "{ cases(firs: 1) { totalCount } }"]
)
async def test_06_no_name_is_suggested(world: Any, api: Any, query: str) -> None:
    response = await api.post(query)
    assert "did you mean" not in response.text.lower()
    for name in ("totalCount", "caseSummary", "customer", "first"):
        assert name not in response.text.replace(query, "") or name in query


@pytest.mark.parametrize(
    "path", ["/", "/graphql", "/graphiql", "/playground", "/console", "/graphql/console"]
)
async def test_07_there_is_no_ide(world: Any, api: Any, path: str) -> None:
    response = await api.http.get(path, headers={"accept": "text/html"})
    assert response.status_code in (404, 405)
    assert "<html" not in response.text.lower()


async def test_08_introspection_is_off(world: Any, api: Any) -> None:
    await refused(api, {"query": "{ __schema { queryType { name } } }"}, "graphql.invalid")
    await refused(api, {"query": '{ __type(name: "Case") { name } }'}, "graphql.invalid")
    await refused(
        api,
        {"query": "{ ...F } fragment F on Query { a: __schema { queryType { name } } }"},
        "graphql.invalid",
    )


async def test_09_answers_hold_no_trace_of_their_making(world: Any, api: Any) -> None:
    body = (await api.post("{ cases { totalCount } }")).json()
    assert set(body["extensions"]) == {"cost"}


async def test_10_errors_hold_no_detail_of_the_inside(api_both: Any, summary_is: Any) -> None:
    summary_is("CAST('SELECT secret FROM /srv/tarazu/inside.py'::text AS integer)")
    response = await api_both.post("{ caseSummary(groupBy: []) { caseCount } }")
    assert response.json()["errors"][0]["extensions"] == {"code": "INTERNAL"}
    for word in ("Traceback", "SELECT", "inside.py", "Error", "cast", "integer"):
        assert word not in response.text


async def test_11_a_mutation_cannot_be_sent_by_get(world: Any, api: Any) -> None:
    response = await api.http.get("/graphql", params={"query": "mutation { __typename }"})
    assert response.status_code == 405


async def test_12_a_query_cannot_be_sent_by_get(world: Any, api: Any) -> None:
    response = await api.http.get("/graphql", params={"query": "{ __typename }"})
    assert response.status_code == 405


async def test_13_a_form_cannot_be_sent(world: Any, api: Any) -> None:
    response = await api.http.post("/graphql", data={"query": "{ __typename }"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "graphql.body"
    response = await api.http.post("/graphql", files={"operations": b'{"query": "{ __typename }"}'})
    assert response.status_code == 400


async def test_an_answer_says_what_it_cost(world: Any, company: Any, api_of: Any) -> None:
    small = company.model_copy(
        update={"api_cost_per_minute": dict.fromkeys(company.api_cost_per_minute, 100)}
    )
    async with api_of(small) as api:
        query = "{ cases(first: 5) { edges { node { id } } } }"
        body = (await api.post(query)).json()
        assert body["extensions"]["cost"] == {"charged": 16, "limit": 200_000, "remaining": 84}
        body = (await api.post(query)).json()
        assert body["extensions"]["cost"]["remaining"] == 68


async def test_a_principal_over_its_budget_is_told_when_to_come_again(
    world: Any, company: Any, api_of: Any
) -> None:
    small = company.model_copy(update={"api_cost_per_minute": dict.fromkeys(company.api_cost_per_minute, 20)})
    async with api_of(small) as api:
        query = "{ cases(first: 5) { edges { node { id } } } }"
        assert (await api.post(query)).status_code == 200
        response = await api.post(query)
        assert response.status_code == 429
        assert 1 <= int(response.headers["retry-after"]) <= 120
        assert response.json()["errors"][0]["extensions"] == {"code": "graphql.rate"}


async def test_an_operation_over_the_limit_of_cost_touches_no_database(world: Any, api: Any) -> None:
    with api.counting() as statements:
        code = await api.fail(
            "{ cases(first: 100) { edges { node { usagePoint { invoices(first: 100) { edges { node "
            "{ allocations(first: 100) { edges { node { amountRial } } } } } } } } } } }"
        )
    assert code == "graphql.limit.cost"
    assert statements == []


async def test_several_operations_without_a_name_run_none(world: Any, api: Any) -> None:
    with api.counting() as statements:
        assert await api.fail("query A { cases { totalCount } } query B { customers { totalCount } }") == (
            "graphql.operation"
        )
    assert statements == []


async def test_subscriptions_are_not_sent_by_post(world: Any, api: Any) -> None:
    assert await api.fail("subscription { __typename }") in ("graphql.operation", "graphql.invalid")
