"""Locks by name that hold in all processes on one database: PostgreSQL's session-level advisory locks.

They end with the connection, so a killed process leaves none behind. They need a connection of their own to the
server (pgbouncer's transaction pooling breaks them).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tarazu.errors import BusyError

_POLL_SECONDS: Final = 0.2

_TRY = text("SELECT pg_try_advisory_lock(:key)")
_UNLOCK = text("SELECT pg_advisory_unlock(:key)")
# A bigint key stands in pg_locks as two halves.
_HOLDER = text(
    """
    SELECT activity.pid, activity.application_name, activity.backend_start
    FROM pg_locks AS held JOIN pg_stat_activity AS activity ON activity.pid = held.pid
    WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND held.classid::bigint = (CAST(:key AS bigint) >> 32) & 4294967295 AND held.objid::bigint = CAST(:key AS bigint) & 4294967295
    """
)


def lock_key(name: str) -> int:
    """The signed 64-bit key of a name; names of other programs on the database do not collide by chance."""
    digest = hashlib.blake2b(f"tarazu:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


@asynccontextmanager
async def advisory_lock(engine: AsyncEngine, name: str, *, wait_seconds: float = 0) -> AsyncIterator[None]:
    """Hold the lock `name` during the block, on a connection of its own.

    Raises BusyError, which names the holder, when another holds it longer than `wait_seconds`.
    """
    key = lock_key(name)
    # Autocommit: a transaction left open for the length of an import would keep vacuum back.
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        until = time.monotonic() + wait_seconds
        while not await connection.scalar(_TRY, {"key": key}):
            if time.monotonic() >= until:
                raise BusyError(
                    f"{name} is already running{await _describe_holder(connection, key)}.",
                    mend="Wait until it ends, then try again.",
                )
            await asyncio.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            try:
                released = await connection.scalar(_UNLOCK, {"key": key})
            except BaseException:
                # The lock must not go back into the pool with the connection.
                await connection.invalidate()
                raise
            assert released, f"advisory lock {name} was not held at the end"


async def _describe_holder(connection: AsyncConnection, key: int) -> str:
    holder = (await connection.execute(_HOLDER, {"key": key})).first()
    if holder is None:
        return ""
    return (
        f" (server process {holder.pid}, {holder.application_name or 'unnamed'}, "
        f"connected {holder.backend_start:%Y-%m-%d %H:%M} UTC)"
    )
