from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import random

import adbc_driver_postgresql.dbapi as adbc
import pytest
import sqlalchemy.exc
from sqlalchemy import func, select, text

from tarazu.database import Sessions, create_engine
from tarazu.models import AuditEvent
from tarazu.security.audit import AuditAction, AuditEntry, AuditUnavailableError, AuditWriter, record
from tarazu.security.audit_chain import ChainFault, ChainFaultReason, read_head, verify_chain

ROWS = 40


def entry(by, number=0, **details):
    return AuditEntry(AuditAction.SENSITIVE_READ, by, "customer", str(number), details, f"request-{number}")


async def fill(sessions, by, rows=ROWS):
    chance = random.Random(rows)
    written = 0
    while written < rows:
        size = min(chance.choice([1, 2, 7]), rows - written)
        async with sessions.write() as session:
            await record(
                session,
                [
                    entry(by, written + n, fields=["mobile", "نام"], n=1.50, deep={"b": None, "a": [True]})
                    for n in range(size)
                ],
            )
        written += size


async def verify(sessions, kept=None, **options):
    async with sessions.read() as session:
        return await verify_chain(session, kept, **options)


async def head_of(sessions):
    async with sessions.read() as session:
        return await read_head(session)


async def test_rows_are_chained_in_the_order_of_their_commits(sessions, administrator):
    await fill(sessions, administrator)
    async with sessions.read() as session:
        rows = list(await session.scalars(select(AuditEvent).order_by(AuditEvent.id)))
    assert [row.id for row in rows] == list(range(1, ROWS + 1))
    assert [row.subject_id for row in rows] == [str(n) for n in range(ROWS)]
    assert rows[0].previous_hash == bytes(32)
    assert all(after.previous_hash == before.hash for before, after in itertools.pairwise(rows))
    assert all(before.at <= after.at for before, after in itertools.pairwise(rows))
    first = rows[0]
    assert (first.principal_id, first.principal_name, first.principal_role) == (
        "local:1",
        "root",
        "administrator",
    )
    assert (first.action, first.subject_type, first.request_id) == ("sensitive_read", "customer", "request-0")
    assert first.details == {"fields": ["mobile", "نام"], "n": 1.5, "deep": {"b": None, "a": [True]}}


@pytest.mark.parametrize("chunk_rows", [1, 7, ROWS, 1000])
async def test_an_untouched_chain_is_whole(sessions, administrator, chunk_rows):
    await fill(sessions, administrator)
    seen = []
    found = await verify(sessions, await head_of(sessions), chunk_rows=chunk_rows, progress=seen.append)
    assert (found.rows, found.fault, found.head) == (ROWS, None, await head_of(sessions))
    assert seen[-1] == ROWS


async def test_an_empty_chain_is_whole(sessions):
    found = await verify(sessions)
    assert (found.rows, found.fault, found.head) == (0, None, None)


async def test_an_entry_stands_and_falls_with_its_transaction(sessions, administrator):
    async def fail():
        async with sessions.write() as session:
            await record(session, [entry(administrator)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await head_of(sessions) is None
    await fill(sessions, administrator, 1)
    assert (await verify(sessions)).rows == 1


async def test_writers_at_once_make_one_chain(sessions, administrator):
    async def write(number):
        async with sessions.write() as session:
            await record(session, [entry(administrator, number), entry(administrator, number)])

    await asyncio.gather(*(write(number) for number in range(30)))
    found = await verify(sessions)
    assert (found.rows, found.fault) == (60, None)


@pytest.mark.parametrize(
    "change", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
async def test_the_log_cannot_be_changed_with_the_rights_of_the_application(sessions, administrator, change):
    await fill(sessions, administrator, 1)

    async def run(*statements):
        async with sessions.write() as session:
            for statement in statements:
                await session.execute(text(statement))

    with pytest.raises(sqlalchemy.exc.DBAPIError, match="permission denied"):
        await run(change)
    # Not even after the owner took back the privileges it gave up.
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"):
        await run("GRANT ALL ON audit_event TO CURRENT_USER", change)
    assert (await verify(sessions)).rows == 1


# What a superuser may try; each says which row is bad first. `k` is a row in the middle.
_COLUMNS = {
    "at": "at + interval '1 microsecond'",
    "principal_id": "coalesce(principal_id, '') || 'x'",
    "principal_name": "NULL",
    "principal_role": "'auditor'",
    "action": "'authz_fail'",
    "subject_type": "NULL",
    "subject_id": "'somebody else'",
    "details": "details || '{\"n\": 1.50}'::jsonb",
    "request_id": "NULL",
    "hash": "sha256(hash)",
}


def _edit(chance):
    k = chance.randint(1, ROWS)
    column = chance.choice(list(_COLUMNS))
    return (
        [f"UPDATE audit_event SET {column} = {_COLUMNS[column]} WHERE id = {k}"],
        k,
        ChainFaultReason.ALTERED,
    )


def _delete(chance):
    k = chance.randint(1, ROWS - 1)
    upto = chance.randint(k, ROWS - 1)
    return [f"DELETE FROM audit_event WHERE id BETWEEN {k} AND {upto}"], k, ChainFaultReason.MISSING


def _delete_and_close_the_gap(chance):
    k = chance.randint(1, ROWS - 1)
    return (
        [
            f"DELETE FROM audit_event WHERE id = {k}",
            f"UPDATE audit_event SET id = -id WHERE id > {k}",
            "UPDATE audit_event SET id = -id - 1 WHERE id < 0",
        ],
        k,
        ChainFaultReason.ALTERED,
    )


def _insert(chance):
    k = chance.randint(1, ROWS)
    return (
        [
            f"UPDATE audit_event SET id = -id WHERE id >= {k}",
            "UPDATE audit_event SET id = -id + 1 WHERE id < 0",
            (
                f"INSERT INTO audit_event SELECT {k}, at, principal_id, principal_name, principal_role, action, subject_type, "
                f"'nobody', details, request_id, previous_hash, hash FROM audit_event WHERE id = {k + 1}"
            ),
        ],
        k,
        ChainFaultReason.ALTERED,
    )


def _insert_before_the_first(_chance):
    return (
        [
            (
                "INSERT INTO audit_event SELECT 0, at, principal_id, principal_name, principal_role, action, subject_type, "
                "subject_id, details, request_id, previous_hash, hash FROM audit_event WHERE id = 1"
            )
        ],
        0,
        ChainFaultReason.INSERTED,
    )


def _swap(chance):
    a, b = sorted(chance.sample(range(1, ROWS + 1), 2))
    return (
        [
            f"UPDATE audit_event SET id = -1 WHERE id = {a}",
            f"UPDATE audit_event SET id = {a} WHERE id = {b}",
            f"UPDATE audit_event SET id = {b} WHERE id = -1",
        ],
        a,
        ChainFaultReason.ALTERED,
    )


_HASH_AGAIN = (
    "hash = sha256(previous_hash || convert_to(jsonb_build_array('tarazu.audit.1', id, "
    "(extract(epoch FROM at) * 1000000)::bigint, principal_id, principal_name, principal_role, action, subject_type, "
    "subject_id, details, request_id)::text, 'UTF8'))"
)


def _edit_and_hash_again(chance):
    """The row is then whole, but the next one was made for another."""
    k = chance.randint(1, ROWS - 1)
    return (
        [
            f"UPDATE audit_event SET subject_id = 'somebody else' WHERE id = {k}",
            f"UPDATE audit_event SET {_HASH_AGAIN} WHERE id = {k}",
        ],
        k + 1,
        ChainFaultReason.UNLINKED,
    )


def _truncate_the_tail(chance):
    k = chance.randint(1, ROWS)
    return [f"DELETE FROM audit_event WHERE id >= {k}"], k, ChainFaultReason.TRUNCATED


def _rewrite_the_tail(chance):
    """From some row on every hash is made anew: only the head that was kept elsewhere tells."""
    k = chance.randint(1, ROWS)
    return (
        [f"UPDATE audit_event SET subject_id = 'somebody else' WHERE id = {k}"]
        + [
            statement
            for n in range(k, ROWS + 1)
            for statement in (
                (
                    f"UPDATE audit_event SET previous_hash = coalesce((SELECT hash FROM audit_event WHERE id = {n - 1}), "
                    f"previous_hash) WHERE id = {n}"
                ),
                f"UPDATE audit_event SET {_HASH_AGAIN} WHERE id = {n}",
            )
        ],
        ROWS,
        ChainFaultReason.REWRITTEN,
    )


def _delete_and_hash_the_rest_again(chance):
    """All hashes fit, but a number is left out."""
    k = chance.randint(2, ROWS - 1)
    return (
        [
            f"DELETE FROM audit_event WHERE id = {k}",
            *(
                statement
                for n in range(k + 1, ROWS + 1)
                for statement in (
                    (
                        "UPDATE audit_event SET previous_hash = (SELECT hash FROM audit_event WHERE id = "
                        f"(SELECT max(id) FROM audit_event WHERE id < {n})) WHERE id = {n}"
                    ),
                    f"UPDATE audit_event SET {_HASH_AGAIN} WHERE id = {n}",
                )
            ),
        ],
        k,
        ChainFaultReason.MISSING,
    )


_TAMPERINGS = (
    _delete_and_hash_the_rest_again,
    _edit,
    _edit,
    _edit,
    _delete,
    _delete_and_close_the_gap,
    _insert,
    _insert_before_the_first,
    _swap,
    _edit_and_hash_again,
    _truncate_the_tail,
    _rewrite_the_tail,
)


async def test_every_tampering_of_a_superuser_is_found_at_its_first_row(
    database, database_server, sessions, administrator
):
    """Reliability row 20: 100 random tamperings with the triggers off; each on the same chain, undone after it."""
    await fill(sessions, administrator)
    kept = await head_of(sessions)
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    async with sessions.read() as session:
        name = await session.scalar(text("SELECT current_database()"))
    with (
        adbc.connect(database_server.superuser_uri(name), autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER ALL")
        cursor.execute("ALTER TABLE audit_event DROP CONSTRAINT ck_audit_event_id")
        cursor.execute("CREATE TABLE original AS SELECT * FROM audit_event")
        for number in range(100):
            tampering = _TAMPERINGS[number % len(_TAMPERINGS)]
            statements, first_bad, reason = tampering(chance)
            for statement in statements:
                cursor.execute(statement)
            found = await verify(sessions, kept, chunk_rows=chance.choice([1, 3, 16, 1000]))
            assert found.fault == ChainFault(first_bad, reason), (seed, tampering.__name__, statements)
            assert f"Row {first_bad} " in found.fault.sentence
            cursor.execute("TRUNCATE audit_event")
            cursor.execute("INSERT INTO audit_event SELECT * FROM original")
    assert (await verify(sessions, kept)).fault is None


async def test_a_head_that_was_kept_goes_on_to_prove_its_rows(sessions, administrator):
    await fill(sessions, administrator, 3)
    kept = await head_of(sessions)
    await fill(sessions, administrator, 5)
    assert (await verify(sessions, kept)).fault is None


async def test_the_writer_returns_when_the_entry_is_in_the_database(sessions, administrator):
    async with AuditWriter(sessions) as writer:
        await writer.write(entry(administrator, 7))
        async with sessions.read() as session:
            assert await session.scalar(select(AuditEvent.subject_id)) == "7"


async def test_the_writer_commits_many_entries_at_once(sessions, administrator):
    async with AuditWriter(sessions) as writer:
        await asyncio.gather(*(writer.write(entry(administrator, n)) for n in range(500)))
    found = await verify(sessions)
    async with sessions.read() as session:
        transactions = await session.scalar(
            select(func.count(func.distinct(text("xmin::text")))).select_from(AuditEvent)
        )
    assert (found.rows, found.fault) == (500, None)
    assert transactions < 20


async def test_a_read_is_refused_where_it_cannot_be_written_down(database, administrator):
    away = database.model_copy(
        update={"database_url": type(database.database_url)("postgresql://a:b@127.0.0.1:9/x")}
    )
    engine = create_engine(away)
    async with AuditWriter(Sessions(engine)) as writer:
        for _ in range(2):  # the writer goes on after a failure
            with pytest.raises(AuditUnavailableError):
                await writer.write(entry(administrator))
    await engine.dispose()


async def test_one_entry_that_cannot_be_written_does_not_refuse_the_others(sessions, administrator):
    async with AuditWriter(sessions) as writer:
        written = await asyncio.gather(
            *(writer.write(entry(administrator, n, **({"x": "\0"} if n == 3 else {}))) for n in range(6)),
            return_exceptions=True,
        )
    assert [n for n, error in enumerate(written) if error is not None] == [3]
    assert isinstance(written[3], AuditUnavailableError)
    assert (await verify(sessions)).rows == 5


async def test_a_full_queue_refuses_at_once(sessions, administrator):
    async with AuditWriter(sessions, queue_entries=4) as writer:
        done = await asyncio.gather(
            *(writer.write(entry(administrator, n)) for n in range(10)), return_exceptions=True
        )
    refused = [error for error in done if error is not None]
    assert len(refused) == 6
    assert all(isinstance(error, AuditUnavailableError) for error in refused)


async def test_a_writer_that_has_ended_has_written_what_waited_and_takes_no_more(sessions, administrator):
    async with AuditWriter(sessions) as writer:
        waiting = [asyncio.create_task(writer.write(entry(administrator, n))) for n in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert (await verify(sessions)).rows == 20
    with pytest.raises(AuditUnavailableError):
        await writer.write(entry(administrator))


async def test_a_client_that_goes_away_disturbs_nobody(sessions, administrator):
    async with AuditWriter(sessions) as writer:
        leaving = asyncio.create_task(writer.write(entry(administrator, 1)))
        staying = asyncio.create_task(writer.write(entry(administrator, 2)))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying
    assert leaving.cancelled()
    assert dt.datetime.now(dt.UTC) - (await _last(sessions)).at < dt.timedelta(minutes=1)


async def _last(sessions):
    async with sessions.read() as session:
        return await session.scalar(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1))
