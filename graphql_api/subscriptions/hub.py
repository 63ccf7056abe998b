"""The hub: one LISTEN connection a process, read once for all subscribers.

A notification only wakes it; the truth is the table. So nothing is lost with the connection: the hub connects again and
reads on from its position. It also looks every few seconds without being woken.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from graphql_api.subscriptions.subscriber import Loss, Lost, Message, Subscriber, Wanted
from tarazu.cases.events import (
    CHANNEL,
    EventPage,
    Position,
    cases_in_scope,
    events_after,
    horizon,
    is_kept,
    prune,
)
from tarazu.database import Sessions, create_engine
from tarazu.database.faults import classify
from tarazu.errors import DatabaseUnavailableError
from tarazu.security.principal import RowScope
from tarazu.settings import Settings

APPLICATION_NAME: Final = "tarazu listen"

_PAGE_EVENTS: Final = 500
_POLL_SECONDS: Final = 2.0
# While an older transaction still runs, what is committed beside it has to wait; nothing notifies of its end.
_POLL_BLOCKED_SECONDS: Final = 0.1
_PAUSE_SECONDS_MIN: Final = 0.1
_PAUSE_SECONDS_MAX: Final = 5.0
# A server that does not answer within these is taken for gone: the far end of a connection can vanish without a word.
_ANSWER_SECONDS: Final = 15.0
_PRUNE_SECONDS: Final = 3600.0
# How long a subscriber waits for the hub's first connection.
_READY_SECONDS: Final = 5.0

_log: Final = logging.getLogger("tarazu.subscriptions")


class CaseEventHub:
    """Started and stopped with the process; the database need not be there when it starts."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._retention = dt.timedelta(days=settings.case_event_retention_days)
        self._subscribers: set[Subscriber] = set()
        self._position: Position | None = None
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self._pause_seconds = _PAUSE_SECONDS_MIN
        self._prune_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        # A connection that a transaction pooler hands out would forget the LISTEN: this is one of our own.
        self._engine = create_engine(
            self._settings,
            statement_timeout_ms=int(_ANSWER_SECONDS * 1000),
            application_name=APPLICATION_NAME,
            pool_size=1,
        )
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        for subscriber in self._subscribers:
            subscriber.end()
        await self._engine.dispose()

    @property
    def subscriber_count(self) -> int:
        return len(self._subscribers)

    @asynccontextmanager
    async def subscribe(
        self, wanted: Wanted, after: Position | None, scope: RowScope
    ) -> AsyncIterator[AsyncGenerator[Message]]:
        """The messages after a position, or from now on. Raises DatabaseUnavailableError."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            raise DatabaseUnavailableError("The database does not answer in time.") from None
        start = after
        if start is None:
            async with self._sessions.read() as session:
                start = await horizon(session)
        else:
            async with self._sessions.read() as session:
                kept = await is_kept(session, start)
            if not kept:
                async with contextlib.aclosing(_only(Lost(Loss.CURSOR_TOO_OLD, start))) as messages:
                    yield messages
                return
        subscriber = Subscriber(
            wanted,
            start,
            read=self._read,
            hub_position=self._reached,
            in_scope=None if scope.is_everything else self._in_scope_of(scope),
            queue_events=self._settings.subscription_queue_events,
            stall_seconds=self._settings.subscription_stall_seconds,
        )
        self._subscribers.add(subscriber)
        try:
            async with contextlib.aclosing(subscriber.messages()) as messages:
                yield messages
        finally:
            self._subscribers.discard(subscriber)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001  # the hub must outlive whatever befalls one connection
                known = classify(error)
                if known is None:
                    _log.exception("fault in the hub: %s", type(error).__name__)
                else:
                    _log.warning("subscriptions wait for the database: %s", known.code)
            await self._engine.dispose()
            # Not all processes at once.
            await asyncio.sleep(self._pause_seconds * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
            self._pause_seconds = min(self._pause_seconds * 2, _PAUSE_SECONDS_MAX)

    async def _listen(self) -> None:
        async with self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                driver.add_termination_listener(self._wake)
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await driver.add_listener(CHANNEL, self._wake)
                while True:
                    self._news.clear()
                    async with asyncio.timeout(_ANSWER_SECONDS):
                        waits = await self._read_on(connection)
                    self._pause_seconds = _PAUSE_SECONDS_MIN
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_POLL_BLOCKED_SECONDS if waits else _POLL_SECONDS):
                            await self._news.wait()
                    for subscriber in self._subscribers:
                        subscriber.give_up_if_stalled()
            finally:
                # Nothing of it is kept, and a polite good-bye could wait for a server that is gone.
                driver.terminate()
                await connection.invalidate()

    def _wake(self, *_: object) -> None:
        self._news.set()

    async def _read_on(self, connection: AsyncConnection) -> bool:
        """Hand out what is new. Whether events are committed that have to wait."""
        if self._position is None:
            self._position = await horizon(connection)
            self._ready.set()
        elif not await is_kept(connection, self._position):
            self._position = await horizon(connection)
            for subscriber in self._subscribers:
                subscriber.lose(Loss.CURSOR_TOO_OLD)
        while True:
            page = await events_after(connection, self._position, _PAGE_EVENTS)
            self._position = page.position
            for subscriber in self._subscribers:
                subscriber.offer(page.events, page.position)
            if not page.has_more:
                break
        if time.monotonic() >= self._prune_at:
            pruned = await prune(connection, dt.datetime.now(dt.UTC) - self._retention)
            # A piece a round, so that no event waits for the pruning.
            self._prune_at = time.monotonic() + (0 if pruned else _PRUNE_SECONDS)
        return page.waits

    def _reached(self) -> Position:
        assert self._position is not None
        return self._position

    async def _read(self, position: Position) -> EventPage:
        async with self._sessions.read() as session:
            return await events_after(session, position, _PAGE_EVENTS)

    def _in_scope_of(self, scope: RowScope) -> Any:
        async def in_scope(case_ids: Collection[UUID]) -> frozenset[UUID]:
            async with self._sessions.read() as session:
                return await cases_in_scope(session, case_ids, scope)

        return in_scope


async def _only(message: Message) -> AsyncGenerator[Message]:
    yield message
