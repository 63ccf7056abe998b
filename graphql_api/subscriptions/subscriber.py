"""One subscriber: its filter, its bounded queue, and how it reads on from the table where the queue was too short.

A subscriber is *live* while the hub puts events into its queue. When the queue is full it stops being live: what was
queued is handed out, and what follows is read from the table, page by page, at the consumer's own pace, until it has
caught up with the hub. So a scan that opens 50,000 cases at once costs nobody an event and no memory. Only a consumer
that takes nothing for `stall_seconds` while events wait for it is given up: it is told so, and may begin again after
its last cursor.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarazu.cases.events import CaseHappening, EventPage, Position
from tarazu.models.enums import CaseEventKind, RuleFamily

# Of the queue at once: one statement says which of them are in scope.
BATCH_EVENTS: Final = 100
# So that the cursor of a subscriber of rare events does not grow older than the events that are kept.
CHECKPOINT_SECONDS: Final = 60.0

InScope = Callable[[Collection[uuid.UUID]], Awaitable[Collection[uuid.UUID]]]


class Loss(StrEnum):
    """Why events may be missing."""

    CURSOR_TOO_OLD = "cursor_too_old"
    SLOW_CONSUMER = "slow_consumer"


@dataclass(frozen=True, slots=True)
class Reached:
    """Everything up to this position has been handed out."""

    position: Position


@dataclass(frozen=True, slots=True)
class Lost:
    """The last message: from this position on, nothing was handed out."""

    reason: Loss
    position: Position


Message = CaseHappening | Reached | Lost


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a subscriber asks for; None does not restrict."""

    kinds: frozenset[CaseEventKind]
    family: RuleFamily | None = None
    district_ids: frozenset[int] | None = None
    money_at_risk_rial_min: int | None = None

    def __call__(self, event: CaseHappening) -> bool:
        return (
            event.kind in self.kinds
            and (self.family is None or event.family is self.family)
            and (self.district_ids is None or event.district_id in self.district_ids)
            and (
                self.money_at_risk_rial_min is None or event.money_at_risk_rial >= self.money_at_risk_rial_min
            )
        )


class Subscriber:
    """Between the hub, which offers, and one consumer, which takes. Both live in one event loop."""

    def __init__(
        self,
        wanted: Wanted,
        start: Position,
        *,
        read: Callable[[Position], Awaitable[EventPage]],
        hub_position: Callable[[], Position],
        in_scope: InScope | None,
        queue_events: int,
        stall_seconds: float,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        self._wanted = wanted
        self._read = read
        self._hub_position = hub_position
        self._in_scope = in_scope
        self._queue_events = queue_events
        self._stall_seconds = stall_seconds
        self._checkpoint_seconds = checkpoint_seconds
        self._handed = start
        # Up to here events were queued, handed out or not wanted.
        self._reached = start
        self._queue: deque[CaseHappening] = deque()
        self._live = False
        self._news = asyncio.Event()
        self._handed_at: float | None = None
        self._loss: Loss | None = None
        self._ended = False

    def offer(self, events: Sequence[CaseHappening], position: Position) -> None:
        """Take over what the hub has read up to `position`. Never waits."""
        if not self._live:
            return
        for event in events:
            if event.position <= self._reached:
                continue
            if self._wanted(event):
                if len(self._queue) >= self._queue_events:
                    self._live = False
                    return
                self._queue.append(event)
                self._news.set()
            self._reached = event.position
        self._reached = max(self._reached, position)

    def give_up_if_stalled(self) -> None:
        """End the subscription where its consumer takes nothing although events wait."""
        if self._handed_at is None or (self._live and not self._queue):
            return
        if time.monotonic() - self._handed_at > self._stall_seconds:
            self.lose(Loss.SLOW_CONSUMER)

    def lose(self, reason: Loss) -> None:
        self._loss = reason
        self._stop()

    def end(self) -> None:
        """The server stops: nothing more comes, and nothing is said; the socket says why."""
        self._ended = True
        self._stop()

    async def messages(self) -> AsyncGenerator[Message]:
        """What the consumer is to be told, in order; first the position it starts from. After Lost it ends."""
        yield Reached(self._handed)
        while not self._is_over():
            if self._live and not self._queue:
                if not await self._wait():
                    self._handed = self._reached
                    yield Reached(self._handed)
                continue
            batch = self._take() if self._queue else await self._catch_up()
            visible = await self._visible(batch)
            for event in batch:
                if event.case_id in visible:
                    self._handed_at = time.monotonic()
                    try:
                        yield event
                    finally:
                        self._handed_at = None
                self._handed = event.position
                if self._is_over():
                    break
        if self._loss is not None:
            yield Lost(self._loss, self._handed)

    def _is_over(self) -> bool:
        return self._ended or self._loss is not None

    def _take(self) -> list[CaseHappening]:
        return [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_EVENTS))]

    async def _catch_up(self) -> list[CaseHappening]:
        page = await self._read(self._reached)
        self._reached = max(self._reached, page.position)
        # Nothing may be awaited between this comparison and going live: the hub goes on from its position.
        if not page.has_more and self._hub_position() <= self._reached:
            self._live = True
        return [event for event in page.events if self._wanted(event)]

    async def _visible(self, batch: Sequence[CaseHappening]) -> Collection[uuid.UUID]:
        case_ids = {event.case_id for event in batch}
        return case_ids if self._in_scope is None or not case_ids else await self._in_scope(case_ids)

    async def _wait(self) -> bool:
        """Whether there is news before a checkpoint is due."""
        self._news.clear()
        try:
            async with asyncio.timeout(self._checkpoint_seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _stop(self) -> None:
        self._queue.clear()
        self._live = False
        self._news.set()
