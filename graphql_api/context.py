"""What one request shares: one read-only transaction at a time, and loaders that fold many look-ups into one."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from graphql_api.errors import PageError
from tarazu.database import ReadSession, Sessions, WriteSession
from tarazu.paging import Page, Window
from tarazu.security.principal import Principal

KeyType = TypeVar("KeyType")
Value = TypeVar("Value")
Read = Callable[[ReadSession], Awaitable[Value]]

# Rows that one nested list may ask of the database at once: parents × first. Twice 100 × 100 fits.
NESTED_ROWS_MAX: Final = 20_000


class Context:
    """The context of one GraphQL request.

    All its reads go one after the other through one connection: an answer never holds more than one, whatever it
    asks for.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        page_size_max: int,
        today: dt.date | None = None,
        principal: Principal | None = None,
        request_id: str | None = None,
    ) -> None:
        self.page_size_max = page_size_max
        self.principal = principal
        self.request_id = request_id
        # Of a mutation: all that its answer shows is read in the transaction that changed it.
        self.write_session: WriteSession | None = None
        # The company's day: that of the machine's time zone.
        self.today = today or dt.datetime.now().astimezone().date()
        self._sessions = sessions
        self._session: ReadSession | None = None
        self._open = AsyncExitStack()
        self._turn = asyncio.Lock()
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    async def read(self, work: Read[Value]) -> Value:
        """The result of `work` on the request's session, when its turn comes."""
        async with self._turn:
            if self.write_session is not None:
                return await work(self.write_session)
            if self._session is None:
                self._session = await self._open.enter_async_context(self._sessions.read())
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
        """`fetch(session, keys, *arguments)[key]`, or None; look-ups of one moment become one call."""
        loader = self._loaders.get((fetch, arguments))
        if loader is None:

            async def load_all(keys: list[KeyType]) -> Sequence[Value | None]:
                found = await self.read(lambda session: fetch(session, keys, *arguments))
                return [found.get(key) for key in keys]

            loader = self._loaders[fetch, arguments] = DataLoader(load_all)
        return loader.load(key)

    def load_page(
        self,
        fetch: Callable[[ReadSession, Sequence[KeyType], Window], Awaitable[Mapping[KeyType, Page[Value]]]],
        key: KeyType,
        window: Window,
    ) -> Awaitable[Page[Value] | None]:
        """One parent's page; the pages of all parents on the same level are one statement."""
        loader = self._loaders.get((fetch, window))
        if loader is None:

            async def load_all(keys: list[KeyType]) -> Sequence[Page[Value] | None]:
                if len(keys) * window.first > NESTED_ROWS_MAX:
                    raise PageError(
                        f"{len(keys)} lists of up to {window.first} rows are too many in one answer.",
                        mend="Ask for smaller pages.",
                    )
                found = await self.read(lambda session: fetch(session, keys, window))
                return [found.get(key) for key in keys]

            loader = self._loaders[fetch, window] = DataLoader(load_all)
        return loader.load(key)

    async def close(self) -> None:
        """Give the connection back."""
        async with self._turn:
            await self._close()

    async def _close(self) -> None:
        self._session = None
        await self._open.aclose()


Info = strawberry.Info[Context, None]
