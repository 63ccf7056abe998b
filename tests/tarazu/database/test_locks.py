from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tarazu.database import advisory_lock, create_engine
from tarazu.database.locks import lock_key
from tarazu.errors import BusyError


async def test_a_second_holder_is_told_who_is_busy(database, engine):
    first = create_engine(database, application_name="tarazu import")
    async with advisory_lock(first, "import"):
        with pytest.raises(BusyError, match=r"import is already running \(server process \d+, tarazu import"):
            async with advisory_lock(engine, "import"):
                pass
    await first.dispose()


async def test_other_names_do_not_stand_in_the_way(engine):
    async with advisory_lock(engine, "import"), advisory_lock(engine, "scan"):
        pass


async def test_the_lock_is_free_again_after_the_block_even_when_it_raises(engine):
    with pytest.raises(ZeroDivisionError):
        async with advisory_lock(engine, "import"):
            raise ZeroDivisionError
    async with advisory_lock(engine, "import"):
        pass


async def test_a_waiter_gets_the_lock_when_the_holder_leaves(engine):
    held, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with advisory_lock(engine, "import"):
            held.set()
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(hold())
        await held.wait()
        asyncio.get_running_loop().call_later(0.05, leave.set)
        async with advisory_lock(engine, "import", wait_seconds=30):
            assert leave.is_set()


async def test_no_transaction_stays_open_while_the_lock_is_held(database, engine):
    other = create_engine(database)
    async with advisory_lock(engine, "import"), other.connect() as connection:
        states = await connection.scalars(
            text(
                "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )
        )
        assert set(states) == {"idle"}
    await other.dispose()


async def test_a_holder_that_dies_leaves_the_lock_free(database, engine):
    dying = create_engine(database)
    lock = advisory_lock(dying, "import")
    await lock.__aenter__()
    async with engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
    async with advisory_lock(engine, "import"):
        pass
    with pytest.raises(DBAPIError):
        await lock.__aexit__(None, None, None)
    await dying.dispose()


@given(st.text())
def test_keys_are_signed_64_bit_numbers_and_stable(name):
    assert -(2**63) <= lock_key(name) < 2**63
    assert lock_key(name) == lock_key(name)


def test_the_key_of_a_name_is_the_same_in_every_version():
    assert lock_key("import") == -3613590810084730997
