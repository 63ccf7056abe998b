"""Wrong requests and faults: a clean answer with a code, and nothing of the inside."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
from graphql import build_client_schema, get_introspection_query
from pydantic import SecretStr
from sqlalchemy import literal_column

from graphql_api.compiler.arguments import LookupReader
from tarazu.security.roles import role_policies


async def test_own_errors_pass_with_their_code_and_mend(world: Any, api: Any) -> None:
    body = (await api.post("{ cases(first: 500) { totalCount } }")).json()
    (error,) = body["errors"]
    assert error["message"] == "`first` is 500; it may be 1 to 100."
    assert error["extensions"] == {"code": "graphql.page"}
    assert error["path"] == ["cases"]


async def test_faults_of_the_program_are_masked_and_logged(
    api_both: Any, summary_is: Any, caplog: Any
) -> None:
    summary_is("CAST('the secret inside'::text AS integer)")
    response = await api_both.post("{ caseSummary(groupBy: []) { caseCount } }")
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL"}
    assert "secret" not in response.text
    assert "caseSummary" in caplog.text


async def test_a_database_that_is_away_is_unavailable_with_a_hint_to_retry(
    database: Any, api_of: Any
) -> None:
    gone = database.model_copy(
        update={"database_url": SecretStr("postgresql://tarazu:secret@127.0.0.1:9/tarazu")}
    )
    async with api_of(gone) as api:
        response = await api.post("{ cases { totalCount } }")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
    assert "127.0.0.1" not in response.text
    assert "tarazu" not in response.text.lower()


@pytest.mark.parametrize("whose", ["setting", "role"])
@pytest.mark.parametrize("compiles", [True, False])
async def test_a_read_that_takes_too_long_is_ended_and_the_next_one_works(
    database: Any, api_of: Any, monkeypatch: Any, summary_is: Any, compiles: bool, whose: str
) -> None:
    settings_ms, role_ms = (100, 60_000) if whose == "setting" else (60_000, 100)
    monkeypatch.setattr(
        "tarazu.security.principals.role_policies",
        lambda: {
            role: dataclasses.replace(policy, statement_timeout_ms=role_ms)
            for role, policy in role_policies().items()
        },
    )
    hasty = database.model_copy(update={"statement_timeout_ms": settings_ms, "api_compiler": compiles})
    summary_is("pg_sleep(5)")
    async with api_of(hasty) as api:
        body = (await api.post("{ caseSummary(groupBy: []) { caseCount } customers { totalCount } }")).json()
        assert body["errors"][0]["extensions"]["code"] == "operational"
        assert (await api.ask("{ customers { totalCount } }"))["customers"]["totalCount"] == 0
        assert api.sessions.engine.sync_engine.pool.checkedout() == 0
        assert api.reads.in_use == 0


async def test_a_fault_of_the_compiler_is_masked_and_logged(api: Any, monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr("graphql_api.compiler.prepared.Builder.statement", lambda *_: 1 / 0)
    response = await api.post("{ customers { totalCount } }")
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (200, "INTERNAL")
    assert "division" not in error["message"]
    assert "ZeroDivisionError" in caplog.text


async def test_reads_cannot_write(api_both: Any, summary_is: Any, caplog: Any) -> None:
    summary_is("nextval(pg_get_serial_sequence('district', 'id'))")
    assert await api_both.fail("{ caseSummary(groupBy: []) { caseCount } }") == "INTERNAL"
    assert "read-only transaction" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ cases { totalCount } }", "operationName": "other"},
        {"query": "query A { cases { totalCount } } query B { cases { totalCount } }", "operationName": "C"},
        {"query": "{ cases { totalCount } }", "operationName": 5},
        {"query": "{ cases { totalCount } "},
        {"query": "{ nothing }"},
        {"query": "fragment F on Case { id }"},
        {"query": "mutation { nothing }"},
        {"query": "subscription { nothing }"},
        {"query": ""},
        {"query": None},
        {"query": 5},
        {"query": []},
        {},
        {"query": "{ cases { totalCount } }", "variables": []},
        {"query": "{ cases { totalCount } }", "variables": "x"},
        {"query": "query($n: Int!) { cases(first: $n) { totalCount } }"},
        {"query": "query($n: Int!) { cases(first: $n) { totalCount } }", "variables": {"n": 2**31}},
        {"query": "query($n: Int!) { cases(first: $n) { totalCount } }", "variables": {"n": 2**64}},
        {"query": "query($n: Int!) { cases(first: $n) { totalCount } }", "variables": {"n": "ten"}},
        {"query": f"{{ cases(first: {2**31}) {{ totalCount }} }}"},
        {"query": f"{{ cases(first: {2**63}) {{ totalCount }} }}"},
        {"query": f"{{ case(caseNo: {2**63}) {{ id }} }}"},
        {"query": '{ case(caseNo: "1") { id } }'},
        {"query": "query($n: Long) { case(caseNo: $n) { id } }", "variables": {"n": 1.5}},
        {"query": "query($n: Long) { case(caseNo: $n) { id } }", "variables": {"n": True}},
        {"query": "query($n: Long) { case(caseNo: $n) { id } }", "variables": {"n": 2**63}},
        {"query": '{ debtSummary(groupBy: [], asOf: "1404/01/01") { invoiceCount } }'},
        {"query": '{ debtSummary(groupBy: [], asOf: "2025-13-01") { invoiceCount } }'},
        {"query": "{ debtSummary(groupBy: [COLOUR]) { invoiceCount } }"},
        {"query": "{ cases(order: priority) { totalCount } }"},
        [{"query": "{ cases { totalCount } }"}],
        "text",
        5,
        None,
    ],
)
async def test_wrong_requests_are_refused_cleanly(world: Any, api: Any, body: Any) -> None:
    response = await api.http.post("/graphql", json=body)
    assert response.status_code in (200, 400)
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes <= {
        "graphql.body",
        "graphql.limit.batch",
        "graphql.syntax",
        "graphql.invalid",
        "graphql.operation",
        "graphql.variables",
    }
    assert not answer.get("data")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"query": "{ cases { totalCount } }", "variables": {"a": NaN}}',
        b'{"query": "\\ud800"}',
        b"[" * 5_000,
        b'{"a":' * 5_000,
    ],
)
async def test_bodies_that_are_no_json_are_refused_cleanly(world: Any, api: Any, content: bytes) -> None:
    response = await api.http.post("/graphql", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "graphql.body"


@pytest.mark.parametrize("number", [b"9" * 400, b"-" + b"9" * 5_000, b"1e999"])
async def test_numbers_beyond_all_bounds_are_refused_cleanly(world: Any, api: Any, number: bytes) -> None:
    content = b'{"query": "query($n: Long) { case(caseNo: $n) { id } }", "variables": {"n": ' + number + b"}}"
    response = await api.http.post("/graphql", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] in ("graphql.body", "graphql.variables")


@pytest.mark.parametrize(
    "query",
    [
        '{ usagePoint(subscriptionNo: "a\\u0000b") { id } }',
        '{ customer(customerNo: "\\u0000") { id } }',
        '{ customers(search: "ab\\u0000") { totalCount } }',
        '{ debtSummary(groupBy: [], district: "\\u0000") { invoiceCount } }',
    ],
)
async def test_text_that_no_database_holds_is_refused_cleanly(world: Any, api: Any, query: str) -> None:
    assert await api.fail(query) == "graphql.filter"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_bodies_a_foreign_page_could_send_are_refused(world: Any, api: Any, content_type: str) -> None:
    response = await api.http.post(
        "/graphql", content=b'{"query": "{ cases { totalCount } }"}', headers={"content-type": content_type}
    )
    assert response.status_code == 400
    assert "data" not in response.json()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
async def test_only_post_is_served(world: Any, api: Any, method: str) -> None:
    response = await api.http.request(
        method, "/graphql?query={cases{totalCount}}", headers={"accept": "text/html"}
    )
    assert response.status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        "{ " + " ".join(f"a{n}: cases {{ totalCount }}" for n in range(31)) + " }",
        "{ cases { " + "totalCount " * 2_100 + "} }",
        "{ cases { edges { node "
        + "{ usagePoint { cases { edges { node " * 5
        + "{ id }"
        + " } } } }" * 5
        + " } } }",
        "{ cases" * 1_000 + "}" * 1_000,
    ],
)
async def test_documents_beyond_the_limits_are_refused(world: Any, api: Any, query: str) -> None:
    assert (await api.fail(query)).startswith("graphql.limit.")


async def test_the_usual_introspection_query_is_within_the_limits(
    world: Any, company: Any, api_of: Any
) -> None:
    async with api_of(company.model_copy(update={"api_development": True})) as api:
        build_client_schema(await api.ask(get_introspection_query(input_value_deprecation=True)))


async def test_identifiers_in_variables_do_not_reach_the_log(
    world: Any, api: Any, caplog: Any, monkeypatch: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    await api.post("query($s: String) { customers(search: $s) { totalCount } }", s=world.secrets[0])
    await api.post("query($s: Int) { customers(first: $s) { totalCount } }", s=world.secrets[0])
    assert not any(secret in caplog.text for secret in world.secrets)


async def test_a_failed_read_does_not_spoil_the_other_reads_of_its_request(
    api_both: Any, monkeypatch: Any
) -> None:
    source = LookupReader.source

    def broken(self: Any, shape: Any, bind: Any, values: Any, row: Any) -> Any:
        found = source(self, shape, bind, values, row)
        if row.table.name != "usage_point":
            return found
        return dataclasses.replace(found, conditions=(*found.conditions, literal_column("1 / 0 = 1")))

    monkeypatch.setattr(LookupReader, "source", broken)
    body = (
        await api_both.post(
            '{ usagePoint(subscriptionNo: "S000000") { id } customer(customerNo: "C00000") { customerNo } }'
        )
    ).json()
    assert body["data"] == {"usagePoint": None, "customer": {"customerNo": "C00000"}}
    assert [error["path"] for error in body["errors"]] == [["usagePoint"]]
