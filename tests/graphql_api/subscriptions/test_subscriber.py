"""A subscriber gets each event that it wants once and in order, whatever the hub, the table and its own pace do."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graphql_api.subscriptions.subscriber import Loss, Lost, Reached, Subscriber, Wanted
from tarazu.cases.events import CaseHappening, EventPage, Position
from tarazu.models.enums import CaseEventKind, RuleFamily

ALL = Wanted(kinds=frozenset(CaseEventKind))
AT = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)


def happening(n: int, **others: Any) -> CaseHappening:
    given_: dict[str, Any] = {
        "position": Position(n, 1),
        "case_id": uuid.UUID(int=n),
        "kind": CaseEventKind.OPENED,
        "district_id": n % 3 or None,
        "family": RuleFamily.THEFT if n % 2 else RuleFamily.DEBT,
        "money_at_risk_rial": n,
        "at": AT,
    }
    return CaseHappening(**given_ | others)


class Table:
    """The events so far, and a hub that has offered some of them."""

    def __init__(self, page: int = 3) -> None:
        self.rows: list[CaseHappening] = []
        self.offered = 0
        self.page = page
        self.reads = 0

    async def read(self, position: Position) -> EventPage:
        self.reads += 1
        after = [row for row in self.rows if row.position > position][: self.page]
        has_more = len(after) == self.page
        reached = after[-1].position if has_more else Position(len(self.rows) + 1, 0)
        return EventPage(after, reached, has_more, waits=False)

    def position(self) -> Position:
        return Position(self.offered + 1, 0)

    def happen(self, count: int) -> None:
        self.rows += [happening(len(self.rows) + 1 + k) for k in range(count)]

    def offer(self, subscriber: Subscriber, count: int) -> None:
        new = self.rows[self.offered : self.offered + count]
        self.offered += len(new)
        subscriber.offer(new, self.position())


def subscriber_of(table: Table, wanted: Wanted = ALL, start: int = 0, **others: Any) -> Subscriber:
    given_ = {"in_scope": None, "queue_events": 4, "stall_seconds": 60.0} | others
    return Subscriber(wanted, Position(start, 1), read=table.read, hub_position=table.position, **given_)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("happen"), st.integers(1, 6)),
        st.tuples(st.just("offer"), st.integers(1, 8)),
        st.tuples(st.just("take"), st.integers(1, 5)),
    ),
    max_size=40,
)


@settings(max_examples=200, database=None, deadline=None)
@given(
    steps=STEPS,
    before=st.integers(0, 9),
    queue=st.integers(1, 5),
    page=st.integers(1, 4),
    narrow=st.booleans(),
)
def test_every_wanted_event_comes_once_and_in_order(
    steps: Sequence[tuple[str, int]], before: int, queue: int, page: int, narrow: bool
) -> None:
    wanted = Wanted(kinds=frozenset(CaseEventKind), family=RuleFamily.THEFT if narrow else None)

    async def run() -> None:
        table = Table(page)
        table.happen(before)
        table.offered = before // 2
        subscriber = subscriber_of(table, wanted, queue_events=queue, checkpoint_seconds=0.001)
        messages = subscriber.messages()
        got: list[CaseHappening] = []

        async def take() -> bool:
            message = await anext(messages)
            if isinstance(message, CaseHappening):
                got.append(message)
            return isinstance(message, CaseHappening)

        await take()
        for step, count in steps:
            match step:
                case "happen":
                    table.happen(count)
                case "offer":
                    table.offer(subscriber, count)
                case "take":
                    for _ in range(count):
                        await take()
        table.offer(subscriber, len(table.rows))
        while await take():
            pass
        assert got == [row for row in table.rows if wanted(row)]
        await messages.aclose()

    asyncio.run(run())


async def test_a_burst_beyond_the_queue_is_read_from_the_table() -> None:
    table = Table(page=10)
    subscriber = subscriber_of(table, queue_events=4, checkpoint_seconds=0.01)
    messages = subscriber.messages()
    assert isinstance(await anext(messages), Reached)
    assert isinstance(await anext(messages), Reached), "caught up, and live"
    table.happen(100)
    table.offer(subscriber, 100)
    reads = table.reads
    got = [await anext(messages) for _ in range(100)]
    assert got == table.rows
    assert table.reads > reads
    await messages.aclose()


async def test_a_consumer_that_takes_nothing_while_events_wait_has_to_resync_from_what_it_got() -> None:
    table = Table()
    table.happen(1)
    subscriber = subscriber_of(table, stall_seconds=0.02, checkpoint_seconds=0.01)
    messages = subscriber.messages()
    await anext(messages)
    assert await anext(messages) == table.rows[0]
    await asyncio.sleep(0.05)
    subscriber.give_up_if_stalled()
    table.happen(2)
    table.offer(subscriber, 2)
    await asyncio.sleep(0.05)
    subscriber.give_up_if_stalled()
    assert await anext(messages) == Lost(Loss.SLOW_CONSUMER, table.rows[0].position)
    assert [message async for message in messages] == []


async def test_a_consumer_for_whom_nothing_waits_may_take_its_time() -> None:
    table = Table()
    subscriber = subscriber_of(table, stall_seconds=0.02, checkpoint_seconds=0.01)
    messages = subscriber.messages()
    await anext(messages)
    await anext(messages)
    table.happen(1)
    table.offer(subscriber, 1)
    assert await anext(messages) == table.rows[0]
    await asyncio.sleep(0.05)
    subscriber.give_up_if_stalled()
    assert isinstance(await anext(messages), Reached)
    await messages.aclose()


async def test_a_checkpoint_stands_behind_everything_that_was_handed_out() -> None:
    table = Table()
    table.happen(2)
    subscriber = subscriber_of(
        table, Wanted(kinds=frozenset(), family=RuleFamily.THEFT), checkpoint_seconds=0.01
    )
    messages = subscriber.messages()
    assert await anext(messages) == Reached(Position(0, 1))
    assert await anext(messages) == Reached(Position(3, 0)), "past events that it does not want"
    await messages.aclose()


async def test_what_is_out_of_scope_when_it_is_sent_is_not_sent() -> None:
    table = Table()
    table.happen(6)
    asked: list[set[uuid.UUID]] = []

    async def in_scope(case_ids: Any) -> set[uuid.UUID]:
        asked.append(set(case_ids))
        return {case_id for case_id in case_ids if case_id.int % 2}

    subscriber = subscriber_of(table, in_scope=in_scope, checkpoint_seconds=0.01)
    messages = subscriber.messages()
    await anext(messages)
    assert [await anext(messages) for _ in range(3)] == table.rows[::2]
    assert await anext(messages) == Reached(Position(7, 0))
    assert len(asked) == 2, "once a page, not once an event"
    await messages.aclose()


async def test_an_ended_subscriber_says_nothing_more() -> None:
    table = Table()
    subscriber = subscriber_of(table)
    messages = subscriber.messages()
    await anext(messages)
    subscriber.end()
    assert [message async for message in messages] == []


def test_filters_hold_together() -> None:
    event = happening(4, district_id=9, money_at_risk_rial=100)
    base: dict[str, Any] = {"kinds": frozenset({CaseEventKind.OPENED})}
    for others, wanted in (
        ({}, True),
        ({"family": RuleFamily.DEBT}, True),
        ({"family": RuleFamily.THEFT}, False),
        ({"district_ids": frozenset({9})}, True),
        ({"district_ids": frozenset({8})}, False),
        ({"money_at_risk_rial_min": 100}, True),
        ({"money_at_risk_rial_min": 101}, False),
        ({"family": RuleFamily.DEBT, "money_at_risk_rial_min": 101}, False),
        ({"kinds": frozenset({CaseEventKind.STATE_CHANGED})}, False),
    ):
        assert Wanted(**base | others)(event) is wanted, others
