"""What one request shares: who asks, one transaction at a time, and loaders that fold many look-ups into one."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import strawberry
from sqlalchemy import ARRAY, BigInteger, Date, Text, bindparam, text
from strawberry.dataloader import DataLoader

from graphql_api.compiler.mapping import ReadingLimits, Types, Values
from tarazu.customer_service.reporters import Reporters
from tarazu.database import ReadSession, Sessions, WriteSession
from tarazu.database.faults import classify
from tarazu.security.principal import Principal
from tarazu.security.row_scope import ScopeValues

if TYPE_CHECKING:
    from tarazu.settings import Settings

KeyType = TypeVar("KeyType")
Value = TypeVar("Value")
Read = Callable[[ReadSession], Awaitable[Value]]


class Context:
    """The context of one GraphQL request that resolvers answer.

    All its reads go one after the other through one connection: an answer never holds more than one, whatever it
    asks for. A mutation's reads go through the transaction that it writes in.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        principal: Principal,
        types: Types,
        settings: Settings,
        today: dt.date,
        request_id: str | None = None,
        write_session: WriteSession | None = None,
        reporters: Reporters | None = None,
    ) -> None:
        self.principal = principal
        self.types = types
        self.settings = settings
        self.request_id = request_id
        # `Type.field` of unmasked personal data that the answer holds; a dict keeps their order.
        self.personal_fields: dict[str, None] = {}
        self._sessions = sessions
        self._write_session = write_session
        self._reporters = reporters
        self._session: ReadSession | None = write_session
        self._open = AsyncExitStack()
        self._turn = asyncio.Lock()
        self.begin(today)

    def begin(self, today: dt.date) -> None:
        """Nothing has been read yet, and it is this day."""
        self.today = today
        self.limits = ReadingLimits(self.settings.page_size_max, today, self.principal.permissions)
        self.values = _values(self.principal, today)
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}
        self._is_closed = False

    @property
    def write_session(self) -> WriteSession:
        """The transaction of the mutation. Reads have none."""
        assert self._write_session is not None
        return self._write_session

    @property
    def is_change(self) -> bool:
        """Whether a mutation is under way, whose answer is kept."""
        return self._write_session is not None

    @property
    def reporters(self) -> Reporters:
        """Seals and opens who reported a tip-off. Subscriptions have none."""
        assert self._reporters is not None
        return self._reporters

    async def read(self, work: Read[Value]) -> Value:
        """The result of `work` on the request's session, when its turn comes."""
        async with self._turn:
            if self._is_closed:
                # A read that nobody waits for any more, because a field beside it failed. It must not take a
                # connection that nobody would give back.
                raise asyncio.CancelledError
            if self._session is None:
                self._session = await self._open.enter_async_context(self._sessions.read())
                timeout_ms = self.settings.statement_timeout_of(self.principal.statement_timeout_ms)
                if timeout_ms != self.settings.statement_timeout_ms:
                    # Until the transaction ends; the connection itself has the setting's.
                    await self._session.execute(text(f"SET LOCAL statement_timeout = {timeout_ms}"))
            try:
                return await work(self._session)
            except BaseException:
                # PostgreSQL refuses further statements of a failed transaction; the next read begins another.
                await self._close()
                raise

    def load(
        self,
        fetch: Callable[..., Awaitable[Mapping[KeyType, Value]]],
        key: KeyType,
        *arguments: Hashable,
    ) -> Awaitable[Value | None]:
        """`fetch(session, keys, values, *arguments)[key]`, or None; look-ups of one moment become one call."""
        loader = self._loaders.get((fetch, arguments))
        if loader is None:

            async def load_all(keys: list[KeyType]) -> Sequence[Value | None]:
                found = await self.read(lambda session: fetch(session, keys, self.values, *arguments))
                return [found.get(key) for key in keys]

            loader = self._loaders[fetch, arguments] = DataLoader(load_all)
        return loader.load(key)

    async def close(self) -> None:
        """Give the connection back; reads that still wait for their turn are cancelled."""
        async with self._turn:
            self._is_closed = True
            await self._close()

    async def _close(self) -> None:
        self._session = self._write_session
        try:
            await self._open.aclose()
        except Exception as error:
            # Of a connection that is dying nothing can be rolled back; the pool drops it.
            if classify(error) is None and "cannot switch to state" not in str(error):
                raise


def company_day() -> dt.date:
    """The company's day: that of the machine's time zone."""
    return dt.datetime.now().astimezone().date()


def _values(principal: Principal, today: dt.date) -> Values:
    scope = principal.scope
    districts = None if scope.district_ids is None else sorted(scope.district_ids)
    sectors = None if scope.sectors is None else sorted(sector.value for sector in scope.sectors)
    return Values(
        ScopeValues(
            None if districts is None else bindparam(None, districts, ARRAY(BigInteger), unique=True),
            None if sectors is None else bindparam(None, sectors, ARRAY(Text), unique=True),
        ),
        bindparam(None, today, Date, unique=True),
    )


Info = strawberry.Info[Context, None]
