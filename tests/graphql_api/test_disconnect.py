"""A client that goes away takes its work with it, down to the statement in PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from sqlalchemy import text
from starlette.requests import ClientDisconnect

from graphql_api.disconnect import run_until_disconnect
from tarazu.app import create_app
from tarazu.database import Sessions
from tarazu.security.permissions import Role
from tarazu.settings import Settings


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """The application on a port of its own."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_config=None, access_log=False)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


def request(query: str, token: str) -> bytes:
    body = json.dumps({"query": query}).encode()
    return (
        b"POST /graphql HTTP/1.1\r\nhost: tarazu\r\ncontent-type: application/json\r\n"
        + f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )


async def sleeping(sessions: Sessions) -> int:
    async with sessions.read() as session:
        return await session.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
            )
        )


async def until(wanted: int, sessions: Sessions, seconds: float) -> float:
    started = time.perf_counter()
    while await sleeping(sessions) != wanted:
        assert time.perf_counter() - started < seconds, f"not {wanted} statements after {seconds} s"
        await asyncio.sleep(0.02)
    return time.perf_counter() - started


@pytest.mark.parametrize("compiles", [True, False])
async def test_the_statement_of_a_client_that_went_away_ends_within_a_second(
    database: Settings, sessions: Sessions, api_of: Any, summary_is: Any, compiles: bool
) -> None:
    summary_is("pg_sleep(30)")
    patient = database.model_copy(update={"statement_timeout_ms": 60_000, "api_compiler": compiles})
    async with api_of(patient) as api:
        manager = await api.as_(Role.OFFICE_MANAGER)  # whose reads may take 10 s
    async with serving(patient) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("{ caseSummary(groupBy: []) { caseCount } }", manager.token))
        await writer.drain()
        await until(1, sessions, 10)
        writer.close()
        await writer.wait_closed()
        assert await until(0, sessions, 10) < 1

        # And the next client is served.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("{ cases { totalCount } }", manager.token))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class Client:
    """The receiving side of a request whose body was read."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def test_quick_work_is_not_watched() -> None:
    client = Client()
    tasks = len(asyncio.all_tasks())

    async def work() -> int:
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert await run_until_disconnect(client.receive, work()) == tasks
    await asyncio.sleep(0.15)
    assert client.asked == 0


async def test_work_is_cancelled_when_the_client_goes() -> None:
    client = Client()
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    asyncio.get_running_loop().call_later(0.03, client.gone.set)
    with pytest.raises(ClientDisconnect):
        await run_until_disconnect(client.receive, work(), watch_after_seconds=0.01)
    assert ended.is_set()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("error", [None, ValueError("wrong")])
async def test_slow_work_of_a_client_that_stays_ends_as_it_ends(error: Exception | None) -> None:
    client = Client()

    async def work() -> str:
        await asyncio.sleep(0.05)
        if error is not None:
            raise error
        return "done"

    watched = run_until_disconnect(client.receive, work(), watch_after_seconds=0.01)
    if error is None:
        assert await watched == "done"
    else:
        with pytest.raises(ValueError, match="wrong"):
            await watched
    assert client.asked == 1


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    client = Client()

    async def work() -> None:
        await asyncio.sleep(30)

    task = asyncio.create_task(run_until_disconnect(client.receive, work(), watch_after_seconds=0.01))
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
