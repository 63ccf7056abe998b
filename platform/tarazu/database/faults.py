"""Faults of the database and the disk, told in our words with the mend; whatever is not one stays what it is."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy.exc

from tarazu.errors import (
    BusyError,
    DatabaseNotMigratedError,
    DatabaseUnavailableError,
    OperationalError,
    StorageError,
)

_START = "Start it (`tarazu db start` for the embedded one) and check TARAZU_DATABASE_URL."

# https://www.postgresql.org/docs/18/errcodes-appendix.html
_BY_STATE: Final[dict[str, tuple[type[OperationalError], str, str]]] = {
    "28P01": (
        DatabaseUnavailableError,
        "The database refuses the password.",
        "Correct it in TARAZU_DATABASE_URL.",
    ),
    "28000": (
        DatabaseUnavailableError,
        "The database refuses this user.",
        "Allow the user in pg_hba.conf, or correct TARAZU_DATABASE_URL.",
    ),
    "3D000": (
        DatabaseUnavailableError,
        "The database of that name does not exist.",
        "Create it with createdb, or correct TARAZU_DATABASE_URL.",
    ),
    "53300": (
        DatabaseUnavailableError,
        "The database has no connection left.",
        "Raise max_connections, or run fewer processes of Tarazu.",
    ),
    "57P01": (DatabaseUnavailableError, "The database was stopped.", _START),
    "57P02": (DatabaseUnavailableError, "The database crashed and recovers.", "Wait a moment and try again."),
    "57P03": (
        DatabaseUnavailableError,
        "The database is starting or stopping.",
        "Wait a moment and try again.",
    ),
    "53100": (
        StorageError,
        "The disk of the database is full.",
        "Make room there, then run the command again.",
    ),
    "58030": (
        StorageError,
        "The database cannot read or write its disk.",
        "Look into its log; the disk may be failing.",
    ),
    "55P03": (BusyError, "Another transaction holds a lock on these rows.", "Try again."),
    "40P01": (BusyError, "Two transactions waited for each other.", "Try again."),
    "40001": (BusyError, "Another transaction changed the same rows.", "Try again."),
    "57014": (
        OperationalError,
        "The database ended the statement: it took too long or was cancelled.",
        "Ask for less, or raise TARAZU_STATEMENT_TIMEOUT_MS.",
    ),
    "42P01": (
        DatabaseNotMigratedError,
        "A table is missing in the database.",
        "Run `tarazu db upgrade`.",
    ),
    "42703": (
        DatabaseNotMigratedError,
        "A column is missing in the database.",
        "Run `tarazu db upgrade`.",
    ),
}
_RUST_NUMBER: Final = re.compile(r"\(os error (\d+)\)")
_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_SERVER: Final = frozenset({errno.ENOENT, errno.EACCES, errno.ENETUNREACH, errno.EHOSTUNREACH})


def classify(error: BaseException) -> OperationalError | None:
    """The operational error that `error` or one of its causes is; None for faults of the program or the input.

    The text of the driver is kept as the cause, not in the message: it may hold values of rows.
    """
    for cause in _causes(error):
        if isinstance(cause, OperationalError):
            return cause
        found = _classify_one(cause)
        if found is not None:
            return found
    return None


@contextmanager
def database_faults() -> Iterator[None]:
    """Raise operational faults of the block as ours; everything else passes unchanged."""
    try:
        yield
    except Exception as error:
        known = classify(error)
        if known is None or known is error:
            raise
        raise known from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, sqlalchemy.exc.StatementError):
            waiting.append(cause.orig)
        waiting.append(cause.__cause__)


def _classify_one(error: BaseException) -> OperationalError | None:
    import adbc_driver_manager
    import asyncpg

    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state.strip("\0 "):
        if state in _BY_STATE:
            kind, message, mend = _BY_STATE[state]
            return kind(message, mend=mend)
        if state.startswith("08"):
            return _gone()
        return None
    if isinstance(error, adbc_driver_manager.Error):
        # Without a state of the server: libpq did not reach it, or lost it.
        unreached = error.status_code in {
            adbc_driver_manager.AdbcStatusCode.IO,
            adbc_driver_manager.AdbcStatusCode.TIMEOUT,
        }
        return _gone() if unreached else None
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return DatabaseUnavailableError(
            "All connections of this process to the database are in use.",
            mend="Try again; run fewer requests at once.",
        )
    if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
        return _gone()
    if isinstance(error, asyncpg.InterfaceError) and "connection" in str(error) and "closed" in str(error):
        return _gone()
    if isinstance(error, asyncpg.InternalClientError):
        # The server went away between preparing and executing: asyncpg finds its protocol in a wrong state. What uses
        # one connection twice at once gets an InterfaceError instead.
        return _gone()
    if isinstance(error, OSError):
        return _classify_os_error(error)
    return None


def _classify_os_error(error: OSError) -> OperationalError | None:
    place = "" if error.filename is None else f" {error.filename}"
    number = error.errno
    if number is None and (told := _RUST_NUMBER.search(str(error))):
        # Polars gives the number in words only.
        number = int(told[1])
    if number in _DISK_FULL:
        return StorageError(f"The disk is full: writing{place} failed.", mend="Make room, then try again.")
    if number == errno.EIO:
        return StorageError(f"The disk failed to read or write{place}.", mend="Check the disk.")
    if error.filename is not None:
        if error.errno in _NOT_ALLOWED:
            return StorageError(
                f"{error.filename} may not be read or written: {error.strerror}.",
                mend="Give it to the user of Tarazu.",
            )
        return None
    # Sockets give no file name: this is asyncpg without its server. With several addresses asyncio gives no number.
    unreached = isinstance(error, ConnectionError | TimeoutError | socket.gaierror)
    if unreached or error.errno in _NO_SERVER or "Connect call failed" in str(error):
        return _gone()
    return None


def _gone() -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        "The database cannot be reached, or the connection to it was lost.", mend=_START
    )
