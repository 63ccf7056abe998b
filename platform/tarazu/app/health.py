"""`/livez`: the process answers. `/readyz`: it can do its work: the database is reachable and of this version."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Final

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from migrations.runner import head_revision
from tarazu.database import ReadSession, Sessions
from tarazu.database.faults import classify
from tarazu.errors import DatabaseNotMigratedError, DatabaseUnavailableError, OperationalError

# Probes ask every few seconds and give up after about as many.
_ANSWER_SECONDS: Final = 2.0
RETRY_AFTER_SECONDS: Final = 5


async def live(_request: Request) -> Response:
    return JSONResponse({"status": "live"}, headers={"cache-control": "no-store"})


async def ready(request: Request) -> Response:
    """200, or 503 with the code of what is wrong. It says no more: who asks is not known."""
    fault = await _fault(request.state.sessions)
    if fault is None:
        return JSONResponse({"status": "ready"}, headers={"cache-control": "no-store"})
    return JSONResponse(
        {"status": "not_ready", "code": fault.code},
        status_code=503,
        headers={"cache-control": "no-store", "retry-after": str(RETRY_AFTER_SECONDS)},
    )


async def _fault(sessions: Sessions) -> OperationalError | None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS), sessions.read() as session:
            revision = await _revision(session)
    except TimeoutError:
        return DatabaseUnavailableError("The database does not answer in time.")
    except Exception as error:
        known = classify(error)
        if known is None:
            raise
        return known
    if revision == _expected():
        return None
    return DatabaseNotMigratedError("The database's schema is not that of this version.")


async def _revision(session: ReadSession) -> str | None:
    # alembic_version is missing before the first migration; asking the catalogue does not raise for that.
    if await session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return None if revision is None else str(revision)


@lru_cache(maxsize=1)
def _expected() -> str:
    # Reads the folder of migrations, which does not change under a running process.
    return head_revision()
