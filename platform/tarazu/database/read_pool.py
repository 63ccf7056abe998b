"""Connections for statements that are known as text: reads of the API, each one statement and its own transaction.

A statement through a SQLAlchemy session costs 590 µs beside its own time, through this pool 60 (statement that reads
nothing, two cores): no transaction is opened around it, READ ONLY is the connection's default, and asyncpg keeps it
prepared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import asyncpg

from tarazu.database.urls import asyncpg_dsn
from tarazu.errors import DatabaseUnavailableError
from tarazu.settings import Settings

_CONNECT_SECONDS: Final = 10
_WAIT_SECONDS: Final = 10
# By text; compiled reads are up to 20 KB long, and an application has some dozens of them.
_STATEMENTS_KEPT: Final = 500
_STATEMENT_BYTES_KEPT: Final = 256 * 1024


class ReadPool:
    """A fixed number of READ ONLY connections of one event loop, opened when first needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        size: int = 10,
        application_name: str = "tarazu api",
        span: Callable[[str], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        """`span` is entered around each statement, with its text."""
        self._settings = settings
        self._span = span
        self._application_name = application_name
        # The connection used last comes first: it is warm, and its statements are prepared.
        self._idle: asyncio.LifoQueue[_Held] = asyncio.LifoQueue()
        for _ in range(size):
            self._idle.put_nowait(_Held())
        self._size = size
        self._closed = False

    @property
    def size(self) -> int:
        return self._size

    @property
    def in_use(self) -> int:
        return self._size - self._idle.qsize()

    async def fetch_text(self, statement: str, values: Sequence[Any], *, timeout_ms: int) -> bytes | None:
        """The JSON of the first column of the first row; None where that is null or there is no row.

        Raises what asyncpg raises; `faults.classify` tells it in our words.
        """
        held = await self._take()
        try:
            connection = await self._connected(held)
            if held.timeout_ms != timeout_ms:
                await connection.execute(f"SET statement_timeout = {int(timeout_ms)}")
                held.timeout_ms = timeout_ms
            with self._span(statement):
                found: bytes | None = await connection.fetchval(statement, *values)
        except asyncpg.InternalClientError:
            # Its state is unknown: asyncpg says so where the server goes away between preparing and executing.
            if held.connection is not None:
                held.connection.terminate()
            raise
        else:
            return found
        finally:
            self._idle.put_nowait(held)

    async def close(self) -> None:
        """Close all connections; reads under way are finished first."""
        self._closed = True
        for _ in range(self._size):
            held = await self._idle.get()
            if held.connection is not None and not held.connection.is_closed():
                await held.connection.close(timeout=_CONNECT_SECONDS)

    async def _take(self) -> _Held:
        if self._closed:
            raise DatabaseUnavailableError("The server is stopping.")
        try:
            return self._idle.get_nowait()
        except asyncio.QueueEmpty:
            pass
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                return await self._idle.get()
        except TimeoutError:
            raise DatabaseUnavailableError(
                "All connections of this process to the database are in use.",
                mend="Try again; run fewer requests at once.",
            ) from None

    async def _connected(self, held: _Held) -> Any:
        if held.connection is None or held.connection.is_closed():
            held.connection = await asyncpg.connect(
                asyncpg_dsn(self._settings),
                timeout=_CONNECT_SECONDS,
                statement_cache_size=_STATEMENTS_KEPT,
                max_cacheable_statement_size=_STATEMENT_BYTES_KEPT,
                max_cached_statement_lifetime=0,
                server_settings={
                    "application_name": self._application_name,
                    "timezone": "UTC",
                    "default_transaction_read_only": "on",
                    "jit": "off",
                },
            )
            held.timeout_ms = None
            # JSON goes to the client as it is: 90 µs of 200 KB saved by not making a `str` of it.
            await held.connection.set_type_codec(
                "json", schema="pg_catalog", format="binary", encoder=_as_is, decoder=_as_is
            )
        return held.connection


class _Held:
    """A place of the pool: a connection, or none yet, and what it was last told."""

    __slots__ = ("connection", "timeout_ms")

    def __init__(self) -> None:
        self.connection: Any = None
        self.timeout_ms: int | None = None


def _as_is(value: bytes) -> bytes:
    return value
