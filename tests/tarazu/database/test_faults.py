from __future__ import annotations

import errno
import socket

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tarazu.database import create_engine, database_faults, libpq_uri
from tarazu.database.faults import classify
from tarazu.errors import (
    BusyError,
    DatabaseNotMigratedError,
    DatabaseUnavailableError,
    OperationalError,
    StorageError,
)
from tarazu.settings import Settings


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.InvalidPasswordError(""), DatabaseUnavailableError),
        (asyncpg.InvalidCatalogNameError(""), DatabaseUnavailableError),
        (asyncpg.TooManyConnectionsError(""), DatabaseUnavailableError),
        (asyncpg.CannotConnectNowError(""), DatabaseUnavailableError),
        (asyncpg.AdminShutdownError(""), DatabaseUnavailableError),
        (asyncpg.ConnectionDoesNotExistError(""), DatabaseUnavailableError),
        (asyncpg.InterfaceError("connection is closed"), DatabaseUnavailableError),
        (
            asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
            DatabaseUnavailableError,
        ),
        (asyncpg.DiskFullError(""), StorageError),
        (asyncpg.LockNotAvailableError(""), BusyError),
        (asyncpg.DeadlockDetectedError(""), BusyError),
        (asyncpg.UndefinedTableError(""), DatabaseNotMigratedError),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), DatabaseUnavailableError),
        (FileNotFoundError(errno.ENOENT, "no socket"), DatabaseUnavailableError),
        (socket.gaierror(socket.EAI_NONAME, "unknown host"), DatabaseUnavailableError),
        (TimeoutError(), DatabaseUnavailableError),
        (OSError(errno.ENOSPC, "full", "/lake/part"), StorageError),
        (OSError(errno.EIO, "bad", "/lake/part"), StorageError),
        (PermissionError(errno.EACCES, "no", "/lake/part"), StorageError),
    ],
)
def test_operational_faults_get_their_class_and_a_mend(error, kind):
    found = classify(error)
    assert type(found) is kind
    assert found.mend


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        asyncpg.UniqueViolationError(""),
        asyncpg.PostgresSyntaxError(""),
        asyncpg.ReadOnlySQLTransactionError(""),
        asyncpg.InterfaceError("cannot use a cursor"),
        FileNotFoundError(errno.ENOENT, "no file", "/import/file.csv"),
    ],
)
def test_faults_of_the_program_or_the_input_stay_what_they_are(error):
    assert classify(error) is None
    with pytest.raises(type(error)) as caught, database_faults():
        raise error
    assert caught.value is error


def test_a_fault_is_found_beneath_other_errors():
    outer = RuntimeError("task failed")
    outer.__cause__ = OSError(errno.ENOSPC, "full", "/lake/part")
    assert isinstance(classify(outer), StorageError)


def test_a_file_is_named_in_the_message():
    with pytest.raises(StorageError, match="/lake/part"), database_faults():
        raise PermissionError(errno.EACCES, "Permission denied", "/lake/part")


async def test_sqlalchemy_with_a_wrong_password(database):
    url = database.database_url.get_secret_value()
    before, _, after = url.partition(":")[2].partition("@")
    wrong = f"postgresql://{before.removeprefix('//').partition(':')[0]}:wrong@{after}"
    engine = create_engine(Settings(home=database.home, database_url=wrong))
    with pytest.raises(DatabaseUnavailableError, match="refuses the password"), database_faults():
        async with engine.connect():
            pass
    await engine.dispose()


async def test_sqlalchemy_without_a_server(tmp_path):
    engine = create_engine(Settings(home=tmp_path, database_url=f"postgresql://u:p@/d?host={tmp_path}"))
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached"), database_faults():
        async with engine.connect():
            pass
    await engine.dispose()


async def test_sqlalchemy_on_a_refusing_port(tmp_path, unused_tcp_port):
    engine = create_engine(
        Settings(home=tmp_path, database_url=f"postgresql://u:p@127.0.0.1:{unused_tcp_port}/d")
    )
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached"), database_faults():
        async with engine.connect():
            pass
    await engine.dispose()


async def test_sqlalchemy_with_a_missing_table(engine):
    with pytest.raises(DatabaseNotMigratedError), database_faults():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT * FROM no_such_table"))


async def test_sqlalchemy_with_wrong_sql_stays_what_it_is(engine):
    with pytest.raises(ProgrammingError), database_faults():
        async with engine.connect() as connection:
            await connection.execute(text("SELEC"))


async def test_a_connection_that_is_lost_in_the_middle(database, engine):
    other = create_engine(database)
    async with engine.connect() as connection:
        ended = await connection.scalar(text("SELECT pg_backend_pid()"))
        async with other.connect() as killer:
            await killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended})
        with pytest.raises(DatabaseUnavailableError), database_faults():
            await connection.scalar(text("SELECT 1"))
    await other.dispose()


async def test_a_pool_without_a_free_connection(database):
    engine = create_engine(database, pool_size=1)
    engine.sync_engine.pool._timeout = 0.01
    async with engine.connect():
        with pytest.raises(OperationalError, match="in use"), database_faults():
            async with engine.connect():
                pass
    await engine.dispose()


def test_adbc_without_a_server(tmp_path):
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached"), database_faults():
        adbc.connect(f"postgresql://u:p@/d?host={tmp_path}")


def run_with_adbc(uri: str, sql: str) -> None:
    with adbc.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(sql)


def test_adbc_with_a_missing_table(database):
    with pytest.raises(DatabaseNotMigratedError), database_faults():
        run_with_adbc(libpq_uri(database), "SELECT * FROM no_such_table")


def test_adbc_with_wrong_sql_stays_what_it_is(database):
    with pytest.raises(adbc_driver_manager.Error), database_faults():
        run_with_adbc(libpq_uri(database), "SELEC")
