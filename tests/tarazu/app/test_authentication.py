"""Who is let in over HTTP, and how people log in and out."""

from __future__ import annotations

import datetime as dt
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from starlette.routing import Route

from tarazu.app import create_app
from tarazu.app.authentication import OPEN_PATHS
from tarazu.models import AuditEvent
from tarazu.security.passwords import Passwords
from tarazu.security.permissions import Role
from tarazu.security.principals import local_operator
from tarazu.security.tokens import create_token, revoke_token
from tarazu.security.users import add_user, disable_user

QUERY = {"query": "{ cases { totalCount } }"}
RIGHT = "چهار شنبه و آچار"


@asynccontextmanager
async def client(settings):
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope, receive, send):
            scope["state"] = dict(state)
            await app(scope, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(with_state), base_url="http://tarazu"
        ) as http:
            yield http


@pytest.fixture
async def http(database):
    async with client(database.model_copy(update={"principal_cache_seconds": 0.0})) as started:
        yield started


@pytest.fixture
async def token(sessions):
    async with sessions.write() as session:
        issued = await create_token(
            session, local_operator(), name="app", role=Role.ANALYST, lifetime=dt.timedelta(days=1)
        )
    return issued.bearer


@pytest.fixture
async def sara(sessions):
    passwords = Passwords()
    async with sessions.write() as session:
        user = await add_user(
            session, local_operator(), passwords, username="sara", password=RIGHT, role=Role.ANALYST
        )
    passwords.close()
    return user


def bearer(text):
    return {"authorization": f"Bearer {text}"}


async def log_in(http, username="sara", password=RIGHT):
    return await http.post("/auth/login", json={"username": username, "password": password})


def code_of(response):
    (error,) = response.json()["errors"]
    return error["extensions"]["code"]


async def test_every_route_but_health_and_the_log_in_refuses_a_stranger(http, database):
    paths = {route.path for route in create_app(database).routes if isinstance(route, Route)}
    assert paths > OPEN_PATHS
    for path in [
        *sorted(paths - OPEN_PATHS),
        "/",
        "/nothing",
        "/livez/",
        "//livez",
        "/auth/login/",
        "/LIVEZ",
    ]:
        for method in ("GET", "POST", "OPTIONS", "HEAD"):
            response = await http.request(method, path)
            assert response.status_code == 401, (method, path)
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.headers["cache-control"] == "no-store"
            if method != "HEAD":
                assert code_of(response) == "access.unauthenticated"
    assert (await http.get("/livez")).status_code == 200
    assert (await http.get("/readyz")).status_code == 200


async def test_a_token_lets_in_until_it_is_revoked(http, token, sessions):
    response = await http.post("/graphql", json=QUERY, headers=bearer(token.text))
    assert response.json()["data"] == {"cases": {"totalCount": 0}}
    assert "errors" not in response.json()
    async with sessions.write() as session:
        await revoke_token(session, local_operator(), token.prefix)
    assert (await http.post("/graphql", json=QUERY, headers=bearer(token.text))).status_code == 401


async def test_a_credential_anywhere_else_is_not_looked_at(http, token):
    for given in (
        {"params": {"access_token": token.text, "authorization": f"Bearer {token.text}"}},
        {"headers": {"cookie": f"authorization=Bearer {token.text}; token={token.text}"}},
        {"headers": {"x-authorization": f"Bearer {token.text}"}},
        {"headers": [("authorization", f"Bearer {token.text}"), ("authorization", "Bearer x")]},
    ):
        assert (await http.post("/graphql", json=QUERY, **given)).status_code == 401


async def test_a_log_in_works_until_the_log_out(http, sara):
    response = await log_in(http)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert "set-cookie" not in response.headers
    given = response.json()
    assert dt.datetime.fromisoformat(given["expires_at"]) > dt.datetime.now(dt.UTC)
    headers = bearer(given["token"])
    assert (await http.post("/graphql", json=QUERY, headers=headers)).status_code == 200
    assert (await http.post("/auth/logout", headers=headers)).status_code == 204
    assert (await http.post("/graphql", json=QUERY, headers=headers)).status_code == 401


async def test_logging_out_works_at_once_where_principals_are_kept(database, sara):
    async with client(database.model_copy(update={"principal_cache_seconds": 60.0})) as http:
        headers = bearer((await log_in(http)).json()["token"])
        assert (await http.post("/graphql", json=QUERY, headers=headers)).status_code == 200
        assert (await http.post("/auth/logout", headers=headers)).status_code == 204
        assert (await http.post("/graphql", json=QUERY, headers=headers)).status_code == 401


async def test_a_disabled_user_is_put_out(http, sara, sessions):
    headers = bearer((await log_in(http)).json()["token"])
    async with sessions.write() as session:
        await disable_user(session, local_operator(), "sara")
    assert (await http.post("/graphql", json=QUERY, headers=headers)).status_code == 401


async def test_failures_look_the_same_and_lock_out(http, sara, sessions, caplog):
    answers = [await log_in(http, password=f"wrong {n} wrong wrong") for n in range(5)]
    answers += [await log_in(http), await log_in(http, "nobody")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert code_of(answers[0]) == "access.login_failed"
    async with sessions.read() as session:
        events = list(await session.scalars(select(AuditEvent).order_by(AuditEvent.id)))
    assert [event.action for event in events][1:] == [
        *["authn_login_fail"] * 5,
        "authn_login_lock",
        *["authn_login_fail"] * 2,
    ]
    assert all(event.request_id for event in events[1:])
    assert "sara" not in caplog.text


NO_LOG_INS = [
    b"",
    b"{",
    b"[]",
    b'"x"',
    b"{}",
    b'{"username": "sara"}',
    b'{"username": 1, "password": "x"}',
    b'{"username": "sara", "password": null}',
    b'{"username": "\\ud800", "password": "x"}',
    b"\xff",
]


async def test_a_body_that_is_no_log_in_is_refused(http):
    for content in NO_LOG_INS:
        response = await http.post("/auth/login", content=content)
        assert response.status_code == 400
        assert code_of(response) == "BAD_REQUEST"


async def test_odd_texts_are_wrong_passwords(http, sara):
    for username, password in [("\0", "\0" * 20), ("s" * 9999, "x" * 9999), ("'; --", "\U0010ffff")]:
        assert (await log_in(http, username, password)).status_code == 401


async def test_a_token_cannot_be_logged_out(http, token):
    response = await http.post("/auth/logout", headers=bearer(token.text))
    assert response.status_code == 400
    assert (await http.post("/graphql", json=QUERY, headers=bearer(token.text))).status_code == 200


async def test_a_database_that_is_away_is_unavailable_not_a_refusal(settings_for, token):
    away = settings_for("nowhere", database_url=SecretStr("postgresql://tarazu:secret@127.0.0.1:9/tarazu"))
    async with client(away) as http:
        for response in (
            await http.post("/graphql", json=QUERY, headers=bearer(token.text)),
            await log_in(http),
        ):
            assert response.status_code == 503
            assert code_of(response) == "UNAVAILABLE"
            assert int(response.headers["retry-after"]) > 0
            assert "127.0.0.1" not in response.text
        assert (await http.post("/graphql", json=QUERY)).status_code == 401


async def test_no_secret_reaches_the_logs(http, token, sara, caplog):
    caplog.set_level("DEBUG")
    await http.post("/graphql", json=QUERY, headers=bearer(token.text))
    given = (await log_in(http)).json()["token"]
    await log_in(http, password="wrong wrong wrong")
    for secret in (token.secret, given.split("_", 2)[2], RIGHT, "wrong wrong wrong"):
        assert secret not in caplog.text


async def test_a_session_that_is_gone_is_refused(http, sara, sessions):
    headers = bearer((await log_in(http)).json()["token"])
    async with sessions.write() as session:
        await session.execute(text("DELETE FROM login_session"))
    assert (await http.post("/graphql", json=QUERY, headers=headers)).status_code == 401
