"""The table of errors in `docs/how-to/integrate.md` is what clients meet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import graphql_api.schema  # noqa: F401  # defines all errors of the API
from graphql_api.errors import BAD_REQUEST, INTERNAL, UNAVAILABLE
from tarazu.app.factory import BODY_BYTES_MAX
from tarazu.errors import TarazuError
from tarazu.security.permissions import Role

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "integrate.md"
COMMENT = """mutation($key: String!, $id: ID!) {
  commentCase(input: {clientMutationKey: $key, caseId: $id, text: "x"}) { __typename } }"""


def told() -> dict[str, set[int]]:
    """The HTTP statuses of each code in the page."""
    rows = re.findall(r"^\| ([\d, ]+) \| ([^|]+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    statuses: dict[str, set[int]] = {}
    for numbers, codes in rows:
        for code in re.findall(r"`([^`]+)`", codes):
            statuses.setdefault(code, set()).update(map(int, numbers.split(", ")))
    return statuses


def known(kind: type[TarazuError] = TarazuError) -> Iterator[str]:
    yield kind.code
    for derived in kind.__subclasses__():
        yield from known(derived)


def test_every_code_of_the_page_is_one_of_ours() -> None:
    ours = {*known(), BAD_REQUEST, INTERNAL, UNAVAILABLE}
    for code in told():
        prefix = code.removesuffix("…")
        assert any(each == code or (prefix != code and each.startswith(prefix)) for each in ours), code
    assert len(told()) > 20


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{ customers ", {}, "graphql.syntax"),
        ("{ nothing }", {}, "graphql.invalid"),
        (
            "query A { districts { totalCount } } query B { districts { totalCount } }",
            {},
            "graphql.operation",
        ),
        ("query($n: Int!) { districts(first: $n) { totalCount } }", {"n": "x"}, "graphql.variables"),
        ("{ customers(first: 1000) { totalCount } }", {}, "graphql.page"),
        ('{ customers(after: "x") { totalCount } }', {}, "graphql.cursor"),
        ('{ node(id: "x") { id } }', {}, "graphql.id"),
        ("{ case { caseNo } }", {}, "graphql.argument"),
        ("{ cases(filter: {and: []}) { totalCount } }", {}, "graphql.filter"),
        ('{ customers(search: "x") { totalCount } }', {}, "customer_service.search"),
        (
            "{ debtSummary(groupBy: [], ageBoundsDays: [2, 1]) { overdueRial } }",
            {},
            "receivables.age_buckets",
        ),
        (COMMENT, {"key": "short", "id": "x"}, "idempotency.key"),
    ],
)
async def test_a_wrong_request_gets_its_code_and_status(
    world: Any, api: Any, query: str, variables: dict[str, Any], code: str
) -> None:
    response = await api.post(query, **variables)
    assert response.json()["errors"][0]["extensions"]["code"] == code
    assert {response.status_code} == told()[code]


async def test_strangers_and_roles_without_permission_are_told_so(world: Any, api: Any) -> None:
    administrator = await api.as_(Role.ADMINISTRATOR)
    refused = await administrator.post("{ customers { totalCount } }")
    stranger = await api.http.post("/graphql", json={}, headers={"authorization": "Bearer nobody"})
    for response, code in ((refused, "access.forbidden"), (stranger, "access.unauthenticated")):
        assert response.json()["errors"][0]["extensions"]["code"] == code
        assert {response.status_code} == told()[code]


async def test_a_body_that_is_none_or_too_large_is_refused(world: Any, api: Any) -> None:
    headers = {"content-type": "application/json"}
    no_json = await api.http.post("/graphql", content="{", headers=headers)
    large = await api.http.post("/graphql", content=b" " * (BODY_BYTES_MAX + 1), headers=headers)
    for response, code in ((no_json, "graphql.body"), (large, BAD_REQUEST)):
        assert response.json()["errors"][0]["extensions"]["code"] == code
        assert {response.status_code} == told()[code]
    assert f"{BODY_BYTES_MAX // 1024} KB" in PAGE.read_text("utf-8")


async def test_an_answer_tells_its_cost_and_its_id(world: Any, api: Any) -> None:
    response = await api.post("{ districts { totalCount } }")
    assert set(response.json()["extensions"]["cost"]) == {"charged", "limit", "remaining"}
    assert response.headers["x-request-id"]
