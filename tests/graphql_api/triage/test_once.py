"""A mutation is one change, and its answer tells whether it was done."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from graphql import parse
from sqlalchemy import select

from graphql_api.ids import encode_id
from graphql_api.once import mutation_call, settle
from tarazu import models
from tarazu.idempotency import Answer
from tarazu.models import IdempotencyKey

ASSIGN = "assignCase(input: $input) { __typename }"


def of(case: Any, version: int = 1) -> dict[str, Any]:
    return {"caseId": encode_id("Case", str(case.id)), "expectedVersion": version}


async def kept(office: Any) -> list[str]:
    async with office.sessions.read() as session:
        return list(await session.scalars(select(IdempotencyKey.key)))


async def test_a_retry_gets_the_same_bytes_whatever_has_become_of_the_case(clerk: Any, office: Any) -> None:
    given = {**of(office.cases[0]), "assignee": "a"}
    first = await clerk.send("assignCase", key="key-a-001", **given)
    await clerk.do("assignCase", **of(office.cases[0], 2), assignee="b")
    again = await clerk.send("assignCase", key="key-a-001", **given)
    assert (again.content, again.status_code) == (first.content, first.status_code)
    assert again.headers["content-type"] == first.headers["content-type"]
    case = await office.case(office.cases[0])
    assert (case.assignee, case.version) == ("b", 3)


async def test_a_refused_change_is_the_answer_of_its_key_too(clerk: Any, office: Any) -> None:
    given = {**of(office.cases[0], 9), "assignee": "a"}
    first = await clerk.send("assignCase", key="key-a-001", **given)
    assert first.json()["data"]["assignCase"]["__typename"] == "ConflictError"
    for _ in range(8):
        case = await office.case(office.cases[0])
        await clerk.do("commentCase", caseId=of(case)["caseId"], text="x")
    assert (await office.case(office.cases[0])).version == 9
    assert (await clerk.send("assignCase", key="key-a-001", **given)).content == first.content


@pytest.mark.parametrize("change", ["variables", "query", "operation", "verb"])
async def test_another_body_under_the_key_is_refused(clerk: Any, office: Any, change: str) -> None:
    given = {**of(office.cases[0]), "assignee": "a"}
    body = clerk.body("assignCase", key="key-a-001", **given)
    await clerk.post(body)
    if change == "variables":
        other = clerk.body("assignCase", key="key-a-001", **given | {"assignee": "b"})
    elif change == "query":
        other = body | {"query": body["query"] + " "}
    elif change == "operation":
        other = body | {"query": body["query"].replace("mutation(", "mutation M("), "operationName": "M"}
    else:
        other = clerk.body("startCaseReview", key="key-a-001", **of(office.cases[0], 2))
    answer = (await clerk.post(other)).json()
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "idempotency.mismatch"
    case = await office.case(office.cases[0])
    assert (case.assignee, case.version) == ("a", 2)


@pytest.mark.parametrize(
    "query",
    [
        "mutation($input: AssignCaseInput!) { a: %s b: %s }",
        "mutation($input: AssignCaseInput!) { ...F } fragment F on Mutation { %s %s }",
        "mutation($input: AssignCaseInput!) { ... on Mutation { %s } }",
        "mutation($input: AssignCaseInput!) { assignCase(input: $input) @include(if: true) { __typename } }",
        "mutation($input: AssignCaseInput!) { __typename %s }",
    ],
)
async def test_a_mutation_has_exactly_one_field(clerk: Any, office: Any, query: str) -> None:
    body = clerk.body("assignCase", **of(office.cases[0]), assignee="a")
    answer = (await clerk.post(body | {"query": query.replace("%s", ASSIGN)})).json()
    assert answer["errors"][0]["extensions"]["code"] == "graphql.mutation"
    assert (await office.case(office.cases[0])).version == 1


async def test_the_key_is_found_wherever_the_document_has_it(clerk: Any, office: Any) -> None:
    input_ = f'caseId: "{of(office.cases[0])["caseId"]}", text: "x"'
    for n, (query, variables) in enumerate(
        [
            (
                f'mutation {{ commentCase(input: {{ clientMutationKey: "key-lit-01", {input_} }}) {{ __typename }} }}',
                {},
            ),
            (
                f"mutation($key: String!) {{ commentCase(input: {{ clientMutationKey: $key, {input_} }}) {{ __typename }} }}",
                {"key": "key-var-01"},
            ),
            (
                (
                    f'mutation($key: String! = "key-def-01") {{ x: commentCase(input: {{ clientMutationKey: $key, {input_} }}) '
                    "{ __typename } }"
                ),
                {},
            ),
            (
                (
                    f'mutation($input: CommentCaseInput! = {{ clientMutationKey: "key-def-02", {input_} }}) '
                    "{ commentCase(input: $input) { __typename } }"
                ),
                {},
            ),
            (
                (
                    f'query Q {{ node(id: "x") {{ id }} }} mutation M {{ commentCase(input: {{ clientMutationKey: "key-two-01", '
                    f"{input_} }}) {{ __typename }} }}"
                ),
                {"operationName": "M"},
            ),
        ],
        start=1,
    ):
        body = {"query": query, "variables": variables, "operationName": variables.pop("operationName", None)}
        first = await clerk.post(body)
        assert "errors" not in first.json(), first.json()
        assert (await clerk.post(body)).content == first.content
        assert (await office.case(office.cases[0])).version == 1 + n
    assert len(await kept(office)) == n


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("short", "idempotency.key"),
        ("x" * 101, "idempotency.key"),
        (None, "graphql.variables"),
        (7, "graphql.variables"),
    ],
)
async def test_without_a_right_key_nothing_is_done(clerk: Any, office: Any, key: Any, code: str) -> None:
    body = clerk.body("assignCase", **of(office.cases[0]), assignee="a")
    body["variables"]["input"]["clientMutationKey"] = key
    answer = (await clerk.post(body)).json()
    assert answer["errors"][0]["extensions"]["code"] == code
    assert (await office.case(office.cases[0])).version == 1


async def test_who_is_not_known_changes_nothing(clerk: Any, office: Any) -> None:
    body = clerk.body("assignCase", **of(office.cases[0]), assignee="a")
    response = await clerk.http.post("/graphql", json=body)
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "access.unauthenticated"
    assert (await office.case(office.cases[0])).version == 1


async def test_an_answer_with_errors_has_changed_nothing_and_may_be_tried_again(
    clerk: Any, office: Any, entries: Any
) -> None:
    body = clerk.body("assignCase", key="key-a-001", **of(office.cases[0]), assignee="a")
    body["query"] = (
        "mutation($input: AssignCaseInput!, $first: Int!) { assignCase(input: $input) "
        "{ ... on CasePayload { case { version findings(first: $first) { edges { node { id } } } } } } }"
    )
    body["variables"]["first"] = 5_000
    answer = (await clerk.post(body)).json()
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "graphql.page"
    assert (await office.case(office.cases[0])).version == 1
    assert await kept(office) == []
    body["variables"]["first"] = 5
    assert (await clerk.post(body)).json()["data"]["assignCase"]["case"]["version"] == 2


async def test_a_fault_inside_is_masked_undone_and_not_kept(
    clerk: Any, office: Any, monkeypatch: Any
) -> None:
    from tarazu.cases import desk

    async def record(_session: Any, _entries: Any) -> None:
        raise RuntimeError("secret of the log")

    body = clerk.body("assignCase", key="key-a-001", **of(office.cases[0]), assignee="a")
    with monkeypatch.context() as broken:
        broken.setattr(desk.audit, "record", record)
        response = await clerk.post(body)
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "secret" not in response.text
    # No change without its entry in the audit log.
    assert (await office.case(office.cases[0])).version == 1
    assert (await clerk.post(body)).json()["data"]["assignCase"]["case"]["version"] == 2


async def test_a_case_that_somebody_holds_is_unavailable_for_a_moment(clerk: Any, office: Any) -> None:
    body = clerk.body("assignCase", key="key-a-001", **of(office.cases[0]), assignee="a")
    async with office.sessions.write() as session:
        await session.execute(
            select(models.Case).where(models.Case.id == office.cases[0].id).with_for_update()
        )
        response = await clerk.post(body)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (await clerk.post(body)).json()["data"]["assignCase"]["case"]["version"] == 2


async def test_text_that_postgresql_cannot_keep_is_refused_by_name(clerk: Any, office: Any) -> None:
    for text in ("a\0b", "\x07", "", " \n ", "x" * 4001):
        answer = await clerk.do("commentCase", caseId=of(office.cases[0])["caseId"], text=text)
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "text"), text
    query = (
        'mutation { commentCase(input: { clientMutationKey: "key-sur-01", text: "\\ud800", '
        f'caseId: "{of(office.cases[0])["caseId"]}" }}) {{ __typename }} }}'
    )
    answer = (await clerk.post({"query": query})).json()
    assert answer["errors"][0]["extensions"]["code"] == "graphql.syntax"
    assert (await office.case(office.cases[0])).version == 1


def call(query: str, variables: dict[str, Any] | None = None, name: str | None = None) -> Any:
    return mutation_call(parse(query), name, variables or {}, query)


def test_queries_and_wrong_documents_are_no_changes() -> None:
    for query in (
        "{ node(id: 1) { id } }",
        "query mutation { x }",
        "subscription { x }",
        "mutation { a } mutation { b }",
        "fragment F on Mutation { a }",
        "mutation { m }",
        "mutation { m(input: 5) }",
        "mutation { m(input: { clientMutationKey: 5 }) }",
        "mutation($key: String) { m(input: { clientMutationKey: $key }) }",
    ):
        assert call(query) is None, query
    assert call("mutation A { a } mutation B { b }", name="C") is None


def test_the_order_of_keys_of_variables_makes_no_other_body() -> None:
    query = "mutation($input: X!) { m(input: $input) { x } }"
    texts = (
        b'{"input": {"clientMutationKey": "key-0001", "a": 1, "b": {"c": 2, "d": 3}}}',
        b'{"input": {"b": {"d": 3, "c": 2}, "a": 1, "clientMutationKey": "key-0001"}}',
    )
    one, two = (call(query, orjson.loads(text)) for text in texts)
    assert one == two
    assert one is not None
    assert one != call(query, orjson.loads(texts[0].replace(b'"c": 2', b'"c": 3')))


def test_an_answer_with_errors_claims_no_effect_and_is_not_final() -> None:
    done = b'{"data":{"m":{"x":1}}}'
    assert settle(done, 200) == Answer(done, 200)
    failed = settle(b'{"data":{"m":{"x":null}},"errors":[{"message":"m"}]}', 503)
    assert orjson.loads(failed.body) == {"data": None, "errors": [{"message": "m"}]}
    assert (failed.status, failed.final) == (503, False)
