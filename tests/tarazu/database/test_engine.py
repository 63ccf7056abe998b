from __future__ import annotations

import pytest
from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tarazu.database import ReadSession, Sessions, WriteSession, create_engine
from tarazu.database.faults import database_faults
from tarazu.errors import OperationalError
from tarazu.settings import Settings


class Base(DeclarativeBase):
    pass


class Scale(Base):
    __tablename__ = "scale_of_the_test"
    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[dict[str, object]] = mapped_column(JSONB)


@pytest.fixture
async def scales(engine, sessions) -> Sessions:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return sessions


async def test_a_write_session_commits_at_the_end_of_its_block(scales):
    async with scales.write() as session:
        session.add(Scale(id=1, note={"وزن": [1, None, "kWh"]}))
    async with scales.read() as session:
        found = await session.get(Scale, 1)
        assert found is not None
        assert found.note == {"وزن": [1, None, "kWh"]}


async def _write_and_fail(sessions: Sessions) -> None:
    async with sessions.write() as session:
        session.add(Scale(id=1, note={}))
        await session.flush()
        raise ZeroDivisionError


async def test_a_write_session_rolls_back_when_its_block_raises(scales):
    with pytest.raises(ZeroDivisionError):
        await _write_and_fail(scales)
    async with scales.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM scale_of_the_test")) == 0


async def _write_in_a_savepoint_and_fail(session: WriteSession) -> None:
    async with session.savepoint():
        session.add(Scale(id=2, note={}))
        await session.flush()
        raise ZeroDivisionError


async def test_a_savepoint_undoes_only_its_own_block(scales):
    async with scales.write() as session:
        session.add(Scale(id=1, note={}))
        with pytest.raises(ZeroDivisionError):
            await _write_in_a_savepoint_and_fail(session)
    async with scales.read() as session:
        assert (await session.scalars(text("SELECT id FROM scale_of_the_test"))).all() == [1]


async def test_the_database_refuses_a_write_in_a_read_session(scales):
    async with scales.read() as session:
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await session.execute(insert(Scale).values(id=1, note={}))


async def test_a_connection_that_read_can_write_when_it_comes_back_from_the_pool(database):
    engine = create_engine(database, pool_size=1)
    sessions = Sessions(engine)
    async with sessions.read() as session:
        await session.execute(text("SELECT 1"))
    async with sessions.write() as session:
        await session.execute(text("CREATE TABLE written (id int)"))
    async with sessions.read() as session:
        assert await session.scalar(text("SHOW transaction_read_only")) == "on"
    await engine.dispose()


def test_a_read_session_has_no_method_that_writes():
    writing = {name for name in vars(WriteSession) if not name.startswith("_")}
    assert {"add", "delete", "flush"} <= writing
    assert not writing & set(dir(ReadSession))


async def test_a_statement_beyond_the_timeout_is_ended(database):
    engine = create_engine(database, statement_timeout_ms=50)
    with pytest.raises(OperationalError, match="TARAZU_STATEMENT_TIMEOUT_MS"), database_faults():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))
    await engine.dispose()


async def test_sessions_run_in_utc_under_the_given_name(database):
    engine = create_engine(database, application_name="tarazu import")
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
        assert await connection.scalar(text("SHOW application_name")) == "tarazu import"
    await engine.dispose()


async def test_what_the_url_says_beyond_the_place_reaches_the_server(database):
    url = f"{database.database_url.get_secret_value()}&options=-c%20work_mem%3D12345kB"
    engine = create_engine(Settings(home=database.home, database_url=url))
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW work_mem")) == "12345kB"
    await engine.dispose()


async def test_a_pooled_connection_that_the_server_closed_is_replaced(database, engine):
    async with engine.connect() as first:
        ended = await first.scalar(text("SELECT pg_backend_pid()"))
    other = create_engine(database)
    async with other.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended})
    await other.dispose()
    async with engine.connect() as second:
        assert await second.scalar(text("SELECT pg_backend_pid()")) != ended
