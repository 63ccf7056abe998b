"""Guessing from one address is stopped; who shares the address and is known goes on."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from graphql_api.limits.rate import FailedAttempts
from graphql_api.subscriptions.access import TOO_MANY, RefusedError, authenticate
from tarazu.app import create_app
from tarazu.app.attempts import AddressedAuthenticator
from tarazu.security.authentication import Authenticator, UnauthenticatedError
from tarazu.security.bearer import BearerKind, new_bearer
from tarazu.security.passwords import Passwords
from tarazu.security.permissions import Role
from tarazu.security.principals import local_operator
from tarazu.security.tokens import create_token, revoke_token
from tarazu.security.users import add_user

QUERY = {"query": "{ cases { totalCount } }"}
RIGHT = "چهار شنبه و آچار"


@pytest.fixture
async def client_at(database: Any) -> AsyncIterator[Any]:
    """Makes clients of one process at different addresses; three failures a minute are allowed."""
    settings = database.model_copy(
        update={"api_failed_attempts_per_minute": 3, "principal_cache_seconds": 0.0}
    )
    app = create_app(settings)
    async with contextlib.AsyncExitStack() as stack:
        state = await stack.enter_async_context(app.router.lifespan_context(app))

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state)
            await app(scope, receive, send)

        async def make(address: str) -> Any:
            transport = httpx.ASGITransport(with_state, client=(address, 1))
            client = httpx.AsyncClient(transport=transport, base_url="http://tarazu")
            client.state = state  # type: ignore[attr-defined]  # for what a client cannot see
            return await stack.enter_async_context(client)

        yield make


@pytest.fixture
async def token(sessions: Any) -> Any:
    async with sessions.write() as session:
        issued = await create_token(
            session, local_operator(), name="app", role=Role.ANALYST, lifetime=dt.timedelta(days=1)
        )
    return issued.bearer


@pytest.fixture
async def sara(sessions: Any) -> None:
    passwords = Passwords()
    async with sessions.write() as session:
        await add_user(
            session, local_operator(), passwords, username="sara", password=RIGHT, role=Role.ANALYST
        )
    passwords.close()


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


async def guess(http: Any) -> httpx.Response:
    wrong = new_bearer(BearerKind.APPLICATION).text
    return await http.post("/graphql", json=QUERY, headers=bearer(wrong))


async def log_in(http: Any, password: str = RIGHT) -> httpx.Response:
    return await http.post("/auth/login", json={"username": "sara", "password": password})


def refused(response: httpx.Response) -> bool:
    if response.status_code != 429:
        return False
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert response.json()["errors"][0]["extensions"] == {"code": "access.too_many_failures"}
    return True


async def test_guessed_tokens_are_stopped_before_anything_is_looked_up(client_at: Any) -> None:
    http = await client_at("203.0.113.7")
    assert [(await guess(http)).status_code for _ in range(3)] == [401] * 3
    statements: list[str] = []
    engine = http.state["sessions"].engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert refused(await guess(http))
    assert statements == []
    assert (await guess(await client_at("203.0.113.8"))).status_code == 401


async def test_guessed_passwords_are_stopped_before_one_is_looked_at(
    client_at: Any, sara: None, monkeypatch: Any
) -> None:
    http = await client_at("203.0.113.7")
    assert [(await log_in(http, f"wrong {n} wrong")).status_code for n in range(3)] == [401] * 3

    def looked(*_: Any) -> Any:
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(Passwords, "verify", looked)
        assert refused(await log_in(http))
    assert (await log_in(await client_at("203.0.113.8"))).status_code == 200


async def test_passwords_and_tokens_count_together_and_an_ipv6_customer_is_one(
    client_at: Any, sara: None
) -> None:
    first, neighbour = await client_at("2001:db8::1"), await client_at("2001:db8::2")
    await guess(first)
    await guess(neighbour)
    await log_in(first, "wrong wrong wrong")
    assert refused(await log_in(neighbour))
    assert refused(await guess(first))


async def test_a_token_that_was_good_is_let_in_whatever_its_neighbours_do(
    client_at: Any, token: Any, sessions: Any
) -> None:
    http = await client_at("203.0.113.7")
    good = bearer(token.text)
    assert (await http.post("/graphql", json=QUERY, headers=good)).status_code == 200
    while not refused(await guess(http)):
        pass
    assert (await http.post("/graphql", json=QUERY, headers=good)).status_code == 200
    async with sessions.write() as session:
        await revoke_token(session, local_operator(), token.prefix)
    assert (await http.post("/graphql", json=QUERY, headers=good)).status_code == 401
    assert refused(await http.post("/graphql", json=QUERY, headers=good))


async def test_a_request_without_a_credential_is_no_guess(client_at: Any) -> None:
    http = await client_at("203.0.113.7")
    assert {(await http.post("/graphql", json=QUERY)).status_code for _ in range(10)} == {401}
    assert (await guess(http)).status_code == 401


async def test_an_expired_token_sent_again_and_again_counts_once_while_it_is_remembered(
    database: Any, sessions: Any
) -> None:
    now = [0.0]
    settings = database.model_copy(update={"principal_cache_seconds": 5.0})
    failures = FailedAttempts(3, clock=lambda: now[0])
    authenticator = AddressedAuthenticator(
        Authenticator(sessions, settings, clock=lambda: now[0]), failures, "203.0.113.7"
    )
    wrong = f"Bearer {new_bearer(BearerKind.APPLICATION).text}"
    for _ in range(10):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(wrong)
    failures.check("203.0.113.7")


async def test_a_socket_is_closed_as_too_many(sessions: Any, database: Any) -> None:
    failures = FailedAttempts(1)
    authenticator = AddressedAuthenticator(Authenticator(sessions, database), failures, None)
    codes = []
    for _ in range(2):
        with pytest.raises(RefusedError) as error:
            await authenticate(authenticator, f"Bearer {new_bearer(BearerKind.LOGIN).text}")
        codes.append(error.value.code)
    assert codes == [4401, TOO_MANY]
