"""The API's server with one more route: the anchor, one hand-written statement whose JSON text goes out as it comes.

A process of its own, as `tarazu serve` would be: uvicorn with uvloop and httptools, one worker, the same middleware for
both routes. `python -m benchmarks.graphql_server` serves the database and the port of the environment.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.graphql_documents import HANDWRITTEN
from graphql_api.cursors import decode_cursor
from tarazu.app import create_app
from tarazu.customer_service.repository import CUSTOMER_ORDER
from tarazu.database.urls import asyncpg_dsn
from tarazu.settings import Settings, get_settings

HANDWRITTEN_PATH: Final = "/handwritten"
_START_SECONDS: Final = 60.0
# As many as the API and PostGraphile have.
_POOL: Final = 10


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    port: int


@contextmanager
def serving(settings: Settings, log: Path, **changes: str) -> Iterator[Server]:
    """The server on a port of its own, until the block ends; `changes` are further settings by name."""
    port = free_port()
    environment = {
        **os.environ,
        "TARAZU_HOME": str(settings.home),
        "TARAZU_DATABASE_URL": asyncpg_dsn(settings),
        "TARAZU_API_PORT": str(port),
        # Counted as always, and never used up.
        "TARAZU_API_COST_PER_MINUTE": orjson.dumps({"application": 10**12}).decode(),
        **{f"TARAZU_{name.upper()}": value for name, value in changes.items()},
    }
    with running([sys.executable, "-m", "benchmarks.graphql_server"], environment, log, port) as pid:
        yield Server(pid, port)


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path, port: int) -> Iterator[int]:
    """A server process that answers on the port; it is ended with the block. Its log is kept."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=_root(), stdout=output, stderr=output)
    try:
        until = time.monotonic() + _START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} does not serve; see {log}.")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def post(
    port: int, path: str, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, body, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, orjson.loads(answer.read())
    finally:
        connection.close()


def status_of(port: int, path: str) -> int:
    """The status of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class Handwritten:
    """As a good engineer would write it by hand.

    asyncpg's own pool, without the statement that it sends on every return of a connection (190 µs a request with it,
    111 without); one prepared statement that is never planned again (450 µs a request); the answer taken from
    PostgreSQL as bytes and never made a str (90 µs at 200 KB).
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool | None = None

    async def __call__(self, request: Request) -> Response:
        asked = orjson.loads(await request.body())
        after = decode_cursor(asked["after"], CUSTOMER_ORDER)[0] if asked["after"] else 0
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                asyncpg_dsn(self._settings),
                min_size=_POOL,
                max_size=_POOL,
                connection_class=_Connection,
                init=_take_json_as_bytes,
                server_settings={"jit": "off", "plan_cache_mode": "force_generic_plan"},
            )
        # Awaiting a pool makes its connections, once; requests that come meanwhile wait for the same.
        await self._pool
        async with self._pool.acquire() as connection:
            page = await connection.fetchval(HANDWRITTEN, after, asked["first"])
        return Response(b'{"data":{"customers":' + page + b"}}", media_type="application/json")


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    def get_reset_query(self) -> str:
        return ""


async def _take_json_as_bytes(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=bytes, decoder=lambda text: text
    )


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _root() -> Path:
    return Path(__file__).parent.parent


def main() -> None:
    settings = get_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    app = create_app(settings)
    app.router.routes.append(Route(HANDWRITTEN_PATH, Handwritten(settings).__call__, methods=["POST"]))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=settings.api_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
