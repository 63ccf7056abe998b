"""Subscribers miss nothing unknowingly: over real sockets, with connections and servers that end at a bad moment."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from graphql_api.subscriptions.types import write_position
from tarazu.cases.events import Position, events_after

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "subscriptions.md"
MANY = " ".join(f"a{n}: subjectKey" for n in range(28))
BULKY = f"""subscription($after: String) {{ caseFlagged(after: $after) {{
    ... on CaseFlagged {{ cursor case {{ caseNo {MANY} }} }}
    ... on Checkpoint {{ checkpoint: cursor }}
    ... on Resync {{ reason resumeAfter: cursor }} }} }}"""


async def test_a_case_is_told_of_as_it_is_opened(utility: Any, start: Any, client: Any) -> None:
    server = start()
    async with client(server) as it:
        await it.follow()
        (number,) = await utility.open_cases(money=77)
        event = await it.next()
    assert event["kind"] == "OPENED"
    assert event["happenedAt"].endswith("+00:00")
    assert event["case"] == {
        "caseNo": number,
        "state": "OPEN",
        "family": "THEFT",
        "moneyAtRiskRial": 77,
    }


async def test_each_event_shows_the_case_as_it_is_then(utility: Any, start: Any, client: Any) -> None:
    server = start()
    async with client(server) as it:
        await it.follow(kinds=["OPENED", "EVIDENCE_CHANGED", "STATE_CHANGED"])
        await utility.open_cases(money=1)
        assert (await it.next())["case"]["moneyAtRiskRial"] == 1
        await utility.run('UPDATE "case" SET money_at_risk_rial = 2')
        assert (await it.next())["case"]["moneyAtRiskRial"] == 2
        await utility.run("UPDATE \"case\" SET state = 'in_review'")
        event = await it.next()
        assert (event["kind"], event["case"]["state"]) == ("STATE_CHANGED", "IN_REVIEW")


async def test_filters_let_through_what_was_asked_for(utility: Any, start: Any, client: Any) -> None:
    server = start()
    async with client(server) as it:
        await it.follow(districts=["D1", "D2"], family="BILLING", min=100)
        await utility.open_cases(district=3, family="billing", money=500)
        await utility.open_cases(district=1, family="theft", money=500)
        await utility.open_cases(district=1, family="billing", money=99)
        wanted = await utility.open_cases(district=2, family="billing", money=100)
        assert await it.numbers(1) == wanted
        await utility.run("UPDATE \"case\" SET state = 'in_review'")
        assert await it.silent(), "changes of state only where they are asked for"


async def test_what_was_missed_comes_first_and_then_what_happens(
    utility: Any, start: Any, client: Any
) -> None:
    server = start()
    async with client(server) as it:
        cursor = await it.follow()
        first = await utility.open_cases(2)
        last_seen = (await it.next())["cursor"]
    missed = await utility.open_cases(3)
    async with client(server) as it:
        await it.follow(after=last_seen)
        assert await it.numbers(4) == [first[1], *missed]
        later = await utility.open_cases()
        assert await it.numbers(1) == later
    async with client(server) as it:
        await it.follow(after=cursor)
        assert await it.numbers(6) == [*first, *missed, *later], "a checkpoint is a cursor too"


async def test_every_event_arrives_while_the_listening_connection_is_killed_again_and_again(
    utility: Any, start: Any, client: Any, until: Any
) -> None:
    server = start()
    opened: list[int] = []
    async with client(server) as it:
        await it.follow()
        for _ in range(10):
            opened += await utility.open_cases(3)
            await until(utility.kill_listeners)
            opened += await utility.open_cases(2)
        assert await it.numbers(len(opened)) == opened
        assert await it.silent()


async def test_a_restart_of_the_server_loses_nothing(utility: Any, start: Any, client: Any) -> None:
    opened: list[int] = []
    got: list[int] = []
    cursor: str | None = None
    for _ in range(3):
        server = start()
        async with client(server) as it:
            begun = await it.follow(after=cursor)
            cursor = cursor or begun
            opened += await utility.open_cases(4)
            for _ in range(2):
                event = await it.next()
                got.append(event["case"]["caseNo"])
                cursor = event["cursor"]
            await asyncio.to_thread(server.stop)
            code, _ = await it.closed()
            assert code == 1012
        opened += await utility.open_cases(2)
    server = start()
    async with client(server) as it:
        await it.follow(after=cursor)
        got += await it.numbers(len(opened) - len(got))
        assert got == opened
        assert await it.silent()


async def test_a_slow_consumer_is_told_to_resync_while_others_get_theirs_in_time(
    utility: Any, start: Any, client: Any
) -> None:
    # Long enough that a quick consumer on a busy machine is not taken for a slow one.
    stall_seconds = 2.0
    server = start(
        send_buffer_bytes=4096, subscription_queue_events=20, subscription_stall_seconds=stall_seconds
    )
    small = socket.create_connection(("127.0.0.1", server.port))
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    async with client(server, sock=small, max_queue=1) as slow, client(server) as quick:
        await slow.subscribe(query=BULKY)
        await slow.receive()
        await quick.follow()
        opened = await utility.open_cases(300)
        await quick.numbers(300)
        delays = []
        for _ in range(5):
            committed = time.perf_counter()
            (number,) = await utility.open_cases()
            opened.append(number)
            assert await quick.numbers(1) == [number]
            delays.append(time.perf_counter() - committed)
            await asyncio.sleep(0.2)
        # Some 10 ms where nothing else runs; the bound is for machines that are busy.
        assert max(delays) < 5, "the quick one waits for the slow one"
        await asyncio.sleep(stall_seconds + 1)
        got = []
        while True:
            message = await slow.receive()
            assert message["type"] == "next", message
            told = message["payload"]["data"]["caseFlagged"]
            if "reason" in told:
                break
            if "case" in told:
                got.append((told["case"]["caseNo"], told["cursor"]))
        assert told["reason"] == "SLOW_CONSUMER"
        assert told["resumeAfter"] == got[-1][1]
        assert (await slow.receive())["type"] == "complete"
        assert len(got) < len(opened)
        # And nothing is lost by asking again from there.
        await slow.subscribe(id_="2", query=BULKY, after=told["resumeAfter"])
        await slow.receive()
        while len(got) < len(opened):
            told = (await slow.receive())["payload"]["data"]["caseFlagged"]
            if "case" in told:
                got.append((told["case"]["caseNo"], told["cursor"]))
        assert [number for number, _ in got] == opened


async def test_a_cursor_older_than_what_is_kept_is_told_to_resync(
    utility: Any, start: Any, client: Any, until: Any
) -> None:
    old, newer = await utility.open_cases(2)
    assert old < newer
    events: list[Any] = []

    async def are_handed_on() -> bool:
        # Not at once where another test writes to another database of the same server.
        async with utility.engine.connect() as connection:
            events[:] = (await events_after(connection, Position(0, 0), 10)).events
        return len(events) == 2

    await until(are_handed_on)
    first, second = events
    await utility.run("DELETE FROM case_event WHERE id = :id", id=second.position.event_id)
    await utility.run(
        "UPDATE case_event_pruned SET transaction_id = :transaction, event_id = :event",
        transaction=second.position.transaction_id,
        event=second.position.event_id,
    )
    server = start()
    async with client(server) as it:
        cursor = write_position(first.position)
        await it.subscribe(after=cursor)
        assert await it.next() == {"__typename": "Resync", "reason": "CURSOR_TOO_OLD", "cursor": cursor}
        assert (await it.receive())["type"] == "complete"
        await it.follow(after=write_position(second.position))
        assert await it.silent()


async def test_the_hub_prunes_what_is_older_than_the_retention(utility: Any, start: Any, until: Any) -> None:
    await utility.open_cases(2)
    await utility.run("UPDATE case_event SET at = now() - interval '3 days'")
    await utility.open_cases(1)
    start(case_event_retention_days=2)

    async def one_is_left() -> bool:
        return len(await utility.run("SELECT 1 FROM case_event")) == 1

    await until(one_is_left)


async def test_nothing_is_left_behind_by_sockets_and_servers_that_end(
    utility: Any, start: Any, client: Any, until: Any
) -> None:
    server = start()
    for abrupt in (False, True, False):
        async with client(server) as it:
            for n in range(3):
                await it.subscribe(id_=str(n))
                await it.next()
            await utility.open_cases()
            await it.next()
            if abrupt:
                it.socket.transport.abort()
            else:
                await it.send(type="complete", id="1")
    await until(server.has_no_subscriber)
    assert await utility.connections() >= 1
    await asyncio.to_thread(server.stop)
    await until(utility.has_no_connection)


async def test_one_listening_connection_serves_all_subscribers(utility: Any, start: Any, client: Any) -> None:
    server = start()
    async with client(server) as one, client(server) as other:
        for it in (one, other):
            for n in range(4):
                await it.subscribe(id_=str(n))
                await it.next()
        await utility.open_cases()
        for it in (one, other):
            assert len({(await it.next())["case"]["caseNo"] for _ in range(4)}) == 1
        rows = await utility.run(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'tarazu listen'"
            " AND datname = current_database()"
        )
        assert len(rows) == 1
        idle = await utility.run(
            "SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            " AND datname = current_database()"
        )
        assert idle == [], "whoever waits for events holds no transaction"


async def test_the_client_of_the_page_misses_nothing_and_repeats_nothing(
    utility: Any, start: Any, until: Any, tmp_path: Path
) -> None:
    example: dict[str, Any] = {}
    exec(PAGE.read_text("utf-8").partition("```python\n")[2].partition("```")[0], example)
    got: list[int] = []
    cursor = tmp_path / "cursor"

    async def work(told: Any) -> None:
        got.append(told["case"]["caseNo"])

    opened: list[int] = []
    server = start()
    with pytest.raises(PermissionError):
        await example["follow"](server.url, "unknown", cursor, work)
    for _ in range(2):
        server = start()
        following = asyncio.create_task(example["follow"](server.url, "all", cursor, work))

        async def follows() -> bool:
            return server.hub.subscriber_count == 1  # noqa: B023  # asked within this round

        await until(follows)
        opened += await utility.open_cases(3)

        async def has_all() -> bool:
            return len(got) >= len(opened)  # noqa: B023  # asked within this round

        await until(has_all)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        opened += await utility.open_cases(2)
    assert got == opened[:8]
