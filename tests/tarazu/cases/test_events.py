"""Events of cases: each once, in an order that readers can follow, whatever order transactions end in."""

from __future__ import annotations

import datetime as dt
import random
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tarazu.cases.events import Position, cases_in_scope, events_after, horizon, is_kept, prune
from tarazu.database import Sessions
from tarazu.models.enums import CaseEventKind, RuleFamily, Sector
from tarazu.security.principal import EVERYTHING, RowScope

START = Position(0, 0)
_OPEN = text("""
INSERT INTO "case" (id, family, subject_kind, subject_key, customer_id, severity, confidence, energy_at_risk_kwh,
    money_at_risk_rial, priority, opened_on, first_scan_run_id)
SELECT gen_random_uuid(), 'debt', 'customer', gen_random_uuid()::text, (SELECT min(id) FROM customer), 'low', 0.5, 0,
    7, 1, '2025-06-01', (SELECT min(id) FROM scan_run)
FROM generate_series(1, :count) RETURNING id
""")


@pytest.fixture(autouse=True)
async def subjects(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO customer (customer_no) VALUES ('C1')"))
        await connection.execute(
            text(
                "INSERT INTO scan_run (as_of, lake_generation, catalogue_hash) VALUES ('2025-06-01', 'g', 'c')"
            )
        )


async def open_cases(connection: AsyncConnection, count: int = 1) -> list[Any]:
    return list((await connection.execute(_OPEN, {"count": count})).scalars())


async def settled(engine: AsyncEngine, position: Position = START, limit: int = 100) -> list[Any]:
    """All events after the position, once no transaction of another test holds them back."""
    events: list[Any] = []
    while True:
        async with engine.connect() as connection:
            page = await events_after(connection, position, limit)
        events += page.events
        position = page.position
        if not page.has_more and not page.waits:
            return events


async def test_an_event_of_a_slower_transaction_is_neither_missed_nor_repeated(engine: AsyncEngine) -> None:
    async with engine.connect() as slow, engine.connect() as quick, engine.connect() as reader:
        await reader.execution_options(isolation_level="AUTOCOMMIT")
        (first,) = await open_cases(slow)  # the lower transaction, the lower id
        (second,) = await open_cases(quick)
        await quick.commit()
        page = await events_after(reader, START, 100)
        assert (page.events, page.waits) == ([], True), "the quick one has to wait for the slow one"
        await slow.commit()
        seen = [event.case_id for event in await settled(engine, page.position)]
        assert seen == [first, second]


async def test_ids_given_in_another_order_than_transactions_began_are_read_once(engine: AsyncEngine) -> None:
    async with engine.connect() as older, engine.connect() as younger:
        await older.execute(text("SELECT pg_current_xact_id()"))  # the lower transaction, but the higher id
        (low_id,) = await open_cases(younger)
        (high_id,) = await open_cases(older)
        await older.commit()
        early = await settled_beside(engine, younger)
        await younger.commit()
        late = await settled(engine, early[-1].position if early else START)
        assert [event.case_id for event in [*early, *late]] == [high_id, low_id]


async def settled_beside(engine: AsyncEngine, running: AsyncConnection) -> list[Any]:
    """What can be read while `running` is not finished: what is below it."""
    own = await running.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
    position = START
    events: list[Any] = []
    while position < Position(own, 0):
        async with engine.connect() as connection:
            page = await events_after(connection, position, 100)
        events += page.events
        position = page.position
    return events


@pytest.mark.parametrize("seed", range(8))
async def test_any_interleaving_is_read_completely_and_once(engine: AsyncEngine, seed: int) -> None:
    chance = random.Random(seed)
    committed: set[Any] = set()
    seen: list[Any] = []
    position = START
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(engine.connect())
        await reader.execution_options(isolation_level="AUTOCOMMIT")
        writers = [await stack.enter_async_context(engine.connect()) for _ in range(4)]
        written: list[list[Any]] = [[] for _ in writers]
        for _ in range(60):
            k = chance.randrange(len(writers))
            step = chance.random()
            if step < 0.45:
                written[k] += await open_cases(writers[k], chance.randint(1, 3))
            elif step < 0.6:
                await writers[k].commit()
                committed.update(written[k])
                written[k] = []
            elif step < 0.68:
                await writers[k].rollback()
                written[k] = []
            else:
                page = await events_after(reader, position, chance.randint(1, 4))
                assert page.position >= position
                seen += page.events
                position = page.position
        for k, writer in enumerate(writers):
            await writer.commit()
            committed.update(written[k])
    seen += await settled(engine, position, limit=3)
    assert len(seen) == len({event.case_id for event in seen})
    assert {event.case_id for event in seen} == committed
    assert [event.position for event in seen] == sorted(event.position for event in seen)


async def test_events_tell_of_openings_evidence_and_states_and_of_nothing_else(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        (case,) = await open_cases(connection)
    for change in (
        "assignee = 'x', version = version + 1",
        "confidence = 0.75, priority = 9, version = version + 1",
        "state = 'in_review', assignee = 'y'",
        "money_at_risk_rial = 11",
        "money_at_risk_rial = 11",
        "state = 'dismissed', closed_at = now(), closed_reason = 'r', money_at_risk_rial = 12",
    ):
        async with engine.begin() as connection:
            await connection.execute(text(f'UPDATE "case" SET {change}'))
    events = await settled(engine)
    assert {event.case_id for event in events} == {case}
    assert {event.family for event in events} == {RuleFamily.DEBT}
    assert [(event.kind, event.money_at_risk_rial) for event in events] == [
        (CaseEventKind.OPENED, 7),
        (CaseEventKind.EVIDENCE_CHANGED, 7),
        (CaseEventKind.STATE_CHANGED, 7),
        (CaseEventKind.EVIDENCE_CHANGED, 11),
        (CaseEventKind.STATE_CHANGED, 12),
    ]


async def test_a_transaction_of_many_statements_notifies_once_and_a_vain_one_never(
    engine: AsyncEngine,
) -> None:
    heard: list[str] = []
    async with engine.connect() as listener, engine.connect() as writer:
        driver = (await listener.get_raw_connection()).driver_connection

        def hear(*given: Any) -> None:
            heard.append(given[3])

        await driver.add_listener("tarazu_case_event", hear)
        for _ in range(3):
            await open_cases(writer, 100)
        await writer.commit()
        await writer.execute(text('UPDATE "case" SET assignee = assignee'))
        await writer.execute(text('UPDATE "case" SET state = state WHERE false'))
        await writer.commit()
        await listener.execute(text("SELECT 1"))
        await driver.remove_listener("tarazu_case_event", hear)
    assert heard == [""]


async def test_pruning_says_so_to_those_who_stand_before_what_is_gone(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await open_cases(connection, 3)
    first, _, last = await settled(engine)
    now = dt.datetime.now(dt.UTC)
    async with engine.begin() as connection:
        assert await is_kept(connection, START)
        assert await prune(connection, now - dt.timedelta(days=1)) == 0
        assert await is_kept(connection, START)
        await connection.execute(text("UPDATE case_event SET at = now() - interval '40 days'"))
        await open_cases(connection)
    async with engine.begin() as connection:
        assert await prune(connection, now - dt.timedelta(days=30)) == 3
        assert await prune(connection, now - dt.timedelta(days=30)) == 0
    async with engine.connect() as connection:
        assert not await is_kept(connection, START)
        assert not await is_kept(connection, first.position)
        assert await is_kept(connection, last.position), "it has seen all that is gone"
    assert len(await settled(engine, last.position)) == 1


async def test_a_position_of_another_cluster_is_not_kept_and_its_events_are_pruned(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        await open_cases(connection, 2)
        await connection.execute(
            text("UPDATE case_event SET transaction_id = transaction_id + 10^12::bigint")
        )
    async with engine.connect() as connection:
        assert not await is_kept(connection, Position(10**12, 1))
        assert await is_kept(connection, await horizon(connection))
    async with engine.begin() as connection:
        await prune(connection, dt.datetime.now(dt.UTC) - dt.timedelta(days=30))
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM case_event")) == 0


async def test_a_scope_keeps_its_cases(engine: AsyncEngine, sessions: Sessions) -> None:
    async with engine.begin() as connection:
        (case,) = await open_cases(connection)
    async with sessions.read() as session:
        for scope, visible in (
            (EVERYTHING, True),
            (RowScope(sectors=frozenset({Sector.PRIVATE})), True),
            (RowScope(sectors=frozenset({Sector.GOVERNMENT})), False),
            (RowScope(sectors=frozenset()), False),
            (RowScope(district_ids=frozenset({1})), False),
            (RowScope(district_ids=frozenset(), sectors=frozenset({Sector.PRIVATE})), False),
        ):
            assert (await cases_in_scope(session, [case], scope) == {case}) is visible, scope
