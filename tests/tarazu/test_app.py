"""The web process as its operators see it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from tarazu.app import create_app
from tarazu.app.factory import BODY_BYTES_MAX
from tarazu.database import create_engine
from tarazu.security.principal import Principal
from tarazu.security.principals import local_operator
from tarazu.settings import Settings

Start = Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]]


class EverybodyIsKnown:
    """These tests are about the process, not about who asks (tests/tarazu/app does that)."""

    def was_good(self, _authorization: str) -> bool:
        return True

    async def authenticate(self, _authorization: str | None) -> Principal:
        return local_operator()


@pytest.fixture
def start() -> Start:
    @asynccontextmanager
    async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(settings)
        async with app.router.lifespan_context(app) as state:

            async def with_state(scope: Any, receive: Any, send: Any) -> None:
                scope["state"] = {**state, "authenticator": EverybodyIsKnown()}
                await app(scope, receive, send)

            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(with_state), base_url="http://tarazu"
            ) as http:
                yield http

    return client


@pytest.fixture
def unreachable(settings_for: Any) -> Settings:
    settings = settings_for(
        "nowhere", database_url=SecretStr("postgresql://tarazu:secret@127.0.0.1:9/tarazu")
    )
    assert isinstance(settings, Settings)
    return settings


async def test_a_migrated_database_makes_the_process_ready(database: Settings, start: Start) -> None:
    async with start(database) as http:
        response = await http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


async def test_an_unreachable_database_leaves_it_live_but_not_ready(
    unreachable: Settings, start: Start
) -> None:
    async with start(unreachable) as http:
        live, ready = await http.get("/livez"), await http.get("/readyz")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert ready.status_code == 503
    assert ready.json() == {"status": "not_ready", "code": "operational.database_unavailable"}
    assert int(ready.headers["retry-after"]) > 0
    assert "127.0.0.1" not in ready.text


@pytest.mark.parametrize("revision", [None, "0000"])
async def test_another_schema_leaves_it_not_ready(
    database: Settings, start: Start, revision: str | None
) -> None:
    engine = create_engine(database)
    async with engine.begin() as connection:
        if revision is None:
            await connection.execute(text("DROP TABLE alembic_version"))
        else:
            await connection.execute(
                text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
            )
    await engine.dispose()
    async with start(database) as http:
        response = await http.get("/readyz")
    assert response.status_code == 503
    assert response.json()["code"] == "operational.database_not_migrated"


async def test_it_becomes_ready_again_without_a_restart(database: Settings, start: Start) -> None:
    engine = create_engine(database)
    async with start(database) as http:
        assert (await http.get("/readyz")).status_code == 200
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tarazu api'"
                )
            )
        codes = [(await http.get("/readyz")).status_code for _ in range(3)]
    await engine.dispose()
    assert codes[-1] == 200


async def test_the_engine_is_disposed_of_when_the_process_ends(database: Settings, start: Start) -> None:
    engine = create_engine(database)
    count = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tarazu api' AND datname = current_database()"
    )
    async with start(database) as http:
        await http.get("/readyz")
        async with engine.connect() as connection:
            assert await connection.scalar(count) == 1
    async with engine.connect() as connection:
        assert await connection.scalar(count) == 0
    await engine.dispose()


async def test_every_answer_has_an_id_and_the_headers_of_an_api(unreachable: Settings, start: Start) -> None:
    async with start(unreachable) as http:
        for path in ("/livez", "/readyz", "/nothing", "/graphql"):
            response = await http.get(path)
            assert uuid.UUID(response.headers["x-request-id"])
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert response.headers["cache-control"] == "no-store"
            assert "server" not in response.headers


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0b6a7c7e-trace_1.2", True),
        ("short", False),
        ("7731689951", False),
        ("a" * 65, False),
        ("with space in it", False),
        ("شناسه۱۲۳۴۵", False),
    ],
)
async def test_a_proper_request_id_is_kept_and_any_other_replaced(
    unreachable: Settings, start: Start, given: str, kept: bool
) -> None:
    async with start(unreachable) as http:
        response = await http.get("/livez", headers={"x-request-id": given.encode()})
    assert (response.headers["x-request-id"] == given) is kept


async def test_the_access_log_names_the_route_and_nothing_else(
    unreachable: Settings, start: Start, caplog: Any
) -> None:
    caplog.set_level(logging.INFO, logger="tarazu.access")
    async with start(unreachable) as http:
        await http.get("/livez?national_id=7731689951", headers={"x-request-id": "request-1"})
        await http.get("/customers/7731689951")
        await http.post(
            "/graphql?q=7731689951", json={"query": '{ customers(search: "7731689951") { totalCount } }'}
        )
    lines = [record.getMessage() for record in caplog.records if record.name == "tarazu.access"]
    assert len(lines) == 3
    assert lines[0].startswith("GET /livez 200 ")
    assert lines[0].endswith(" request-1")
    assert lines[1].startswith("GET - 404 ")
    assert lines[2].startswith("POST /graphql 503 ")
    assert "7731689951" not in caplog.text


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused(unreachable: Settings, start: Start, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 1024 + 1):
            yield b" " * 1024

    content: Any = b" " * (BODY_BYTES_MAX + 1) if announced else pieces()
    async with start(unreachable) as http:
        response = await http.post("/graphql", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert uuid.UUID(response.headers["x-request-id"])


async def test_a_body_within_the_limit_is_read(database: Settings, start: Start) -> None:
    padding = b" " * (BODY_BYTES_MAX - 100)
    async with start(database) as http:
        response = await http.post(
            "/graphql",
            content=b'{"query": "{ cases { totalCount } }"}' + padding,
            headers={"content-type": "application/json"},
        )
    assert response.json()["data"] == {"cases": {"totalCount": 0}}


async def test_a_fault_that_nobody_caught_is_a_500_without_its_trace(
    unreachable: Settings, start: Start, monkeypatch: Any, caplog: Any
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("tarazu.app.health._revision", broken)
    monkeypatch.setattr("tarazu.app.health._fault", broken)
    async with start(unreachable) as http:
        response = await http.get("/readyz", headers={"x-request-id": "request-1"})
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "secret" not in response.text
    assert "request-1" in caplog.text


async def test_there_is_no_page_and_no_socket(database: Settings, start: Start) -> None:
    async with start(database) as http:
        for path in ("/", "/graphql", "/docs"):
            response = await http.get(path, headers={"accept": "text/html"})
            assert response.status_code in (404, 405)
            assert "<html" not in response.text.lower()
