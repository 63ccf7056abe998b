"""Who may subscribe, to what, how often, and what is closed with which code."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from graphql_api.subscriptions import endpoint, types
from tarazu.app import websocket_protocol
from tarazu.errors import DatabaseUnavailableError
from tarazu.models.enums import Sector
from tarazu.security.permissions import Permission
from tarazu.security.principal import RowScope

GOVERNMENT = RowScope(sectors=frozenset({Sector.GOVERNMENT}))
PROTOCOL = "graphql-transport-ws"
MANY = " ".join(f"a{n}: subjectKey" for n in range(28))
BULKY = f"subscription {{ caseFlagged {{ ... on CaseFlagged {{ case {{ {MANY} }} }} }} }}"


@asynccontextmanager
async def raw(server: Any, *protocols: str, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(server.url, subprotocols=list(protocols or (PROTOCOL,)), **options) as it:
        yield it


async def closing(it: ClientConnection) -> tuple[int | None, str | None]:
    async with asyncio.timeout(10):
        await it.wait_closed()
    return it.close_code, it.close_reason


async def greet(it: ClientConnection, payload: Any = None) -> None:
    await it.send(json.dumps({"type": "connection_init", "payload": payload}))


# --- who ---


async def test_strangers_are_closed_out(start: Any) -> None:
    server = start()
    wrong = ({"authorization": given} for given in ("Bearer unknown", 7, None))
    for payload in (None, {}, *wrong):
        async with raw(server) as it:
            await greet(it, payload)
            assert await closing(it) == (4401, "Unauthorized")


async def test_nobody_subscribes_before_the_greeting(start: Any) -> None:
    async with raw(start()) as it:
        await it.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}}))
        assert (await closing(it))[0] == 4401


async def test_the_header_of_the_handshake_counts_before_the_payload(start: Any) -> None:
    server = start()
    async with raw(server, additional_headers={"authorization": "Bearer all"}) as it:
        await greet(it)
        assert json.loads(await it.recv()) == {"type": "connection_ack"}
    async with raw(server, additional_headers={"authorization": "Bearer unknown"}) as it:
        await greet(it, {"authorization": "Bearer all"})
        assert (await closing(it))[0] == 4401


async def test_without_an_authenticator_nobody_is_let_in(start: Any) -> None:
    server = start()
    server.uvicorn.lifespan.state["authenticator"] = None
    async with raw(server) as it:
        await greet(it, {"authorization": "Bearer all"})
        assert (await closing(it))[0] == 4403


async def test_a_database_that_is_away_is_not_a_wrong_token(start: Any) -> None:
    server = start()

    async def authenticate(_authorization: str | None) -> Any:
        raise DatabaseUnavailableError("Away.")

    server.tokens.authenticate = authenticate
    async with raw(server) as it:
        await greet(it, {"authorization": "Bearer all"})
        assert await closing(it) == (1013, "Try again later")


async def test_a_token_that_is_revoked_loses_its_connection(utility: Any, start: Any, client: Any) -> None:
    server = start(subscription_recheck_seconds=0.2)
    server.tokens.give("brief")
    async with client(server, "brief") as it, client(server) as other:
        await it.follow()
        await other.follow()
        del server.tokens.principals["brief"]
        assert await it.closed() == (4401, "Unauthorized")
        opened = await utility.open_cases()
        assert await other.numbers(1) == opened


async def test_a_changed_scope_ends_the_connection(start: Any, client: Any) -> None:
    server = start(subscription_recheck_seconds=0.2)
    server.tokens.give("wide")
    async with client(server, "wide") as it:
        await it.follow()
        server.tokens.give("wide", scope=GOVERNMENT)
        assert (await it.closed())[0] == 4403


async def test_reading_cases_is_a_permission(start: Any, client: Any) -> None:
    server = start()
    server.tokens.give("network", permissions=frozenset({Permission.READ_NETWORK}))
    async with client(server, "network") as it:
        await it.subscribe()
        message = await it.receive()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"] == {"code": "access.forbidden"}


async def test_who_may_not_see_amounts_cannot_ask_by_them(utility: Any, start: Any, client: Any) -> None:
    server = start()
    server.tokens.give("inspector", permissions=frozenset({Permission.READ_CASES}))
    async with client(server, "inspector") as it:
        await it.subscribe(min=1)
        message = await it.receive()
        assert message["payload"][0]["extensions"] == {"code": "access.forbidden"}
        await it.follow()
        opened = await utility.open_cases()
        assert await it.numbers(1) == opened


# --- what ---


async def test_cases_outside_the_scope_never_arrive(
    utility: Any, start: Any, client: Any, in_district: Any
) -> None:
    server = start(subscription_queue_events=3)
    server.tokens.give("district 2", scope=in_district("D2"))
    server.tokens.give("government", scope=GOVERNMENT)
    server.tokens.give("nothing", scope=RowScope(district_ids=frozenset()))
    async with (
        client(server, "district 2") as two,
        client(server, "government") as government,
        client(server, "nothing") as nothing,
        client(server) as everything,
    ):
        begun = [await it.follow() for it in (two, government, nothing, everything)]
        opened = {n: [] for n in (1, 2, 3)}
        for _ in range(4):
            for n in opened:
                opened[n] += await utility.open_cases(2, district=n)
        assert await two.numbers(8) == opened[2]
        assert await government.numbers(8) == opened[1], "the point of district 1 belongs to a ministry"
        assert sorted(await everything.numbers(24)) == sorted(chain(*opened.values()))
        for it in (two, government, nothing):
            assert await it.silent(0.2)
        # What was missed is held to the same scope.
        await two.subscribe(id_="again", after=begun[0])
        await two.next()
        assert await two.numbers(8) == opened[2]
        assert await two.silent(0.2)


async def test_a_case_that_leaves_the_scope_is_not_shown(
    utility: Any, start: Any, client: Any, in_district: Any
) -> None:
    server = start()
    server.tokens.give("district 2", scope=in_district("D2"))
    async with client(server, "district 2") as it:
        begun = await it.follow()
        await utility.open_cases(district=2)
        await it.numbers(1)
        await utility.run(
            "UPDATE usage_point SET district_id = :other WHERE subscription_no = 'S2'",
            other=utility.districts["D3"],
        )
        await it.subscribe(id_="2", after=begun)
        assert (await it.next())["__typename"] == "Checkpoint"
        assert await it.silent(0.3)


async def test_districts_outside_the_scope_are_as_unknown_as_those_that_are_none(
    start: Any, client: Any, in_district: Any
) -> None:
    server = start()
    server.tokens.give("district 2", scope=in_district("D2"))
    async with client(server, "district 2") as it:
        answers = []
        for code in ("D1", "D9"):
            await it.subscribe(districts=["D2", code])
            message = await it.receive()
            assert message["type"] == "error"
            answers.append(json.dumps(message["payload"]).replace(code, "?"))
        assert answers[0] == answers[1]
        await it.follow(districts=["D2"])


# --- how much ---


async def test_too_many_subscriptions_of_a_connection_are_refused(
    utility: Any, start: Any, client: Any
) -> None:
    server = start(subscriptions_per_connection=2)
    async with client(server) as it:
        for n in ("a", "b"):
            await it.subscribe(id_=n)
            await it.next()
        await it.subscribe(id_="c")
        message = await it.receive()
        assert (message["type"], message["id"]) == ("error", "c")
        assert message["payload"][0]["extensions"] == {"code": "graphql.subscriptions"}
        await it.send(type="complete", id="a")
        await it.subscribe(id_="d")
        await it.next()
        opened = await utility.open_cases()
        assert await it.numbers(2) == opened * 2


async def test_too_many_connections_of_a_principal_are_refused(start: Any, client: Any, until: Any) -> None:
    server = start(subscription_connections_per_principal=2)
    server.tokens.give("other")
    async with client(server), client(server):
        async with raw(server) as it:
            await greet(it, {"authorization": "Bearer all"})
            assert await closing(it) == (4429, "Too many connections")
        async with client(server, "other"):
            pass

    async def let_in() -> bool:
        async with raw(server) as it:
            await greet(it, {"authorization": "Bearer all"})
            try:
                return json.loads(await it.recv()) == {"type": "connection_ack"}
            except ConnectionClosed:
                return False

    await until(let_in)  # the server notices a moment later that the others are gone


async def test_too_many_connections_of_a_process_are_refused(start: Any, client: Any) -> None:
    server = start(subscription_connections_max=1)
    async with client(server):
        with pytest.raises(InvalidStatus):
            async with raw(server):
                pass


async def test_who_says_nothing_is_closed_out(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "INIT_SECONDS", 0.2)
    async with raw(start()) as it:
        assert (await closing(it))[0] == 4408


async def test_who_answers_no_ping_is_cut_off_even_with_messages_to_be_sent(
    utility: Any, start: Any, client: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_protocol, "PING_SECONDS", 1.0)
    monkeypatch.setattr(websocket_protocol, "PONG_SECONDS", 0.3)
    server = start(send_buffer_bytes=4096)
    small = socket.create_connection(("127.0.0.1", server.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    async with client(server, sock=small) as it:
        await it.subscribe(query=BULKY)
        await it.receive()
        it.socket.transport.pause_reading()
        await utility.open_cases(500)
        await until(server.has_no_subscriber)
        it.socket.transport.abort()


# --- how ---


async def test_other_protocols_are_refused(start: Any) -> None:
    server = start()
    for protocols in (["graphql-ws"], ["graphql-sse", "graphql-ws"], None):
        async with connect(server.url, subprotocols=protocols) as it:
            assert (await closing(it))[0] == 4406


async def test_pages_of_other_origins_are_refused(start: Any) -> None:
    with pytest.raises(InvalidStatus):
        async with raw(start(), origin="https://elsewhere.example"):
            pass


NO_MESSAGES = [
    "{",
    "[]",
    "7",
    "null",
    "{}",
    '{"type": 7}',
    '{"type": "nothing"}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": {"a": 1}, "payload": {"query": "{ a }"}}',
    '{"type": "subscribe", "id": "1", "payload": "{ a }"}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "operationName": 1}}',
    '{"type": "complete", "id": []}',
    "[" * 30_000,
    b"\x00\x01",
]


async def test_what_is_no_message_closes_the_socket_and_harms_nobody(
    start: Any, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = start()
    for message in NO_MESSAGES:
        async with client(server) as it:
            await it.socket.send(message)
            assert (await it.closed())[0] == 4400, message[:80]
    async with client(server) as it:
        await it.follow()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_messages_have_a_size(start: Any, client: Any) -> None:
    async with client(start()) as it:
        await it.socket.send(json.dumps({"type": "ping", "payload": {"a": "x" * 70_000}}))
        assert (await it.closed())[0] == 1009


async def test_pings_of_the_protocol_are_answered(start: Any, client: Any) -> None:
    async with client(start()) as it:
        await it.send(type="ping")
        assert await it.receive() == {"type": "pong"}


WRONG_DOCUMENTS = [
    ("{ cases(first: 1) { totalCount } }", "graphql.operation"),
    ("subscription { nothing }", "graphql.invalid"),
    ("subscription {" + "x" * 300, "graphql.syntax"),
    ("", "graphql.syntax"),
    ('subscription { caseFlagged(after: "?") { __typename } }', "graphql.cursor"),
    ("subscription { a: caseFlagged { __typename } b: caseFlagged { __typename } }", "graphql.invalid"),
]


async def test_a_wrong_document_is_an_error_of_that_operation_alone(start: Any, client: Any) -> None:
    async with client(start()) as it:
        for query, code in WRONG_DOCUMENTS:
            await it.subscribe(id_="wrong", query=query)
            message = await it.receive()
            assert (message["type"], message["id"]) == ("error", "wrong")
            assert message["payload"][0]["extensions"]["code"] == code, query
        await it.follow()


@pytest.mark.parametrize(
    ("fault", "code"), [(DatabaseUnavailableError, "UNAVAILABLE"), (KeyError, "INTERNAL")]
)
async def test_an_event_that_cannot_be_told_in_full_ends_the_subscription_without_its_cursor(
    utility: Any, start: Any, client: Any, monkeypatch: pytest.MonkeyPatch, fault: Any, code: str
) -> None:
    async def fail(*_: Any) -> Any:
        raise fault("secret 7731689951")

    server = start()
    async with client(server) as it:
        cursor = await it.follow()
        with monkeypatch.context() as patch:
            patch.setattr(types, "flagged_case", fail)
            opened = await utility.open_cases()
            message = await it.receive()
        assert message["type"] == "next"
        assert message["payload"]["data"] is None
        (error,) = message["payload"]["errors"]
        assert error["extensions"] == {"code": code}
        assert "secret" not in json.dumps(message)
        assert (await it.receive())["type"] == "complete"
        await it.follow(after=cursor)
        assert await it.numbers(1) == opened


async def test_over_http_a_subscription_is_refused(api: Any) -> None:
    query = "subscription { caseFlagged { __typename } }"
    for accept in (
        "application/json",
        "multipart/mixed;boundary=graphql;subscriptionSpec=1.0",
        "text/event-stream",
    ):
        response = await api.http.post("/graphql", json={"query": query}, headers={"accept": accept})
        assert 'caseFlagged":{' not in response.text
        assert "errors" in response.text, response.text
