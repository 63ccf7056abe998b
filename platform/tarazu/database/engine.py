"""Engines and sessions. What may only read has a type without the methods that write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, TypeVarTuple, overload

import orjson
from sqlalchemy import Executable, Result, ScalarResult, event
from sqlalchemy.engine.interfaces import _CoreAnyExecuteParams as ExecuteParameters
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.sql.selectable import TypedReturnsRows

from tarazu.database.urls import asyncpg_dsn, sqlalchemy_url
from tarazu.settings import Settings

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

# A session that dies inside a transaction must not hold its locks and keep vacuum back for ever.
_IDLE_IN_TRANSACTION_MS: Final = 300_000
_CONNECT_SECONDS: Final = 10


def create_engine(
    settings: Settings,
    *,
    statement_timeout_ms: int = 0,
    application_name: str = "tarazu",
    pool_size: int = 10,
    database: str | None = None,
) -> AsyncEngine:
    """An engine on the settings' database, which must be running.

    `statement_timeout_ms` 0 sets no limit (imports, migrations); the API passes `settings.statement_timeout_ms`.
    JSON goes through orjson, the time zone is UTC. Engines belong to one event loop: dispose of them in it.
    """
    engine = create_async_engine(
        sqlalchemy_url(settings, database=database),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        # Values of statements identify people; an error's text may reach a log.
        hide_parameters=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            # asyncpg takes TLS and what else the URL says from here; the URL's own parts come as arguments.
            "dsn": asyncpg_dsn(settings, database=database),
            "timeout": _CONNECT_SECONDS,
            "server_settings": {
                "application_name": application_name,
                "timezone": "UTC",
                "statement_timeout": str(statement_timeout_ms),
                "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
                # Compiling costs more than it brings on queries of milliseconds.
                "jit": "off",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _replace_closed)
    return engine


def _replace_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """After a restart of the server the pool connects anew, instead of failing once per connection.

    asyncpg knows of a closed connection without asking: a ping would cost every request a round trip.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


class ReadSession:
    """A session in a READ ONLY transaction: PostgreSQL refuses what mypy could not see."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    @overload
    async def execute(
        self, statement: TypedReturnsRows[*_Ts], parameters: ExecuteParameters | None = None
    ) -> Result[*_Ts]: ...
    @overload
    async def execute(
        self, statement: Executable, parameters: ExecuteParameters | None = None
    ) -> Result[*tuple[Any, ...]]: ...
    async def execute(
        self, statement: Executable, parameters: ExecuteParameters | None = None
    ) -> Result[*tuple[Any, ...]]:
        return await self._session.execute(statement, parameters)

    @overload
    async def scalar(
        self, statement: TypedReturnsRows[_T], parameters: ExecuteParameters | None = None
    ) -> _T | None: ...
    @overload
    async def scalar(self, statement: Executable, parameters: ExecuteParameters | None = None) -> Any: ...
    async def scalar(self, statement: Executable, parameters: ExecuteParameters | None = None) -> Any:
        """The first column of the first row, or None."""
        return await self._session.scalar(statement, parameters)

    @overload
    async def scalars(
        self, statement: TypedReturnsRows[_T], parameters: ExecuteParameters | None = None
    ) -> ScalarResult[_T]: ...
    @overload
    async def scalars(
        self, statement: Executable, parameters: ExecuteParameters | None = None
    ) -> ScalarResult[Any]: ...
    async def scalars(
        self, statement: Executable, parameters: ExecuteParameters | None = None
    ) -> ScalarResult[Any]:
        """The first column of every row."""
        return await self._session.scalars(statement, parameters)

    async def get(self, entity: type[_T], identity: Any) -> _T | None:
        """The row with this primary key."""
        return await self._session.get(entity, identity)

    async def connection(self) -> AsyncConnection:
        """The connection of this transaction, for what only a connection can do (raw driver, streaming)."""
        return await self._session.connection()


class WriteSession(ReadSession):
    """A session that may write. It also reads, so it goes wherever a ReadSession is asked for.

    It has no commit: the edge that opened it commits.
    """

    def add(self, instance: object) -> None:
        self._session.add(instance)

    def add_all(self, instances: list[Any]) -> None:
        self._session.add_all(instances)

    async def delete(self, instance: object) -> None:
        await self._session.delete(instance)

    async def flush(self) -> None:
        await self._session.flush()

    async def refresh(self, instance: object) -> None:
        await self._session.refresh(instance)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What is written inside is undone alone when the block raises."""
        async with self._session.begin_nested():
            yield


class Sessions:
    """Opens sessions on one engine; each is one connection and one transaction, never shared by two tasks."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._reading_engine = engine.execution_options(postgresql_readonly=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """One READ ONLY transaction, rolled back at the end."""
        async with AsyncSession(self._reading_engine, expire_on_commit=False) as session:
            yield ReadSession(session)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """Commits when the block ends, rolls back when it raises."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield WriteSession(session)
