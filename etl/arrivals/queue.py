"""The queue of evaluations: pgqueuer's tables in the schema `arrivals`, and one waiting job at most.

An evaluation looks at all that changed, so a second waiting job would find nothing: jobs carry one key, and a job that is
asked for while another waits is that one. A job gives its key away when it begins, since what arrives from then on may
come after its snapshot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel

from tarazu.database.urls import asyncpg_dsn

if TYPE_CHECKING:
    from tarazu.settings import Settings

CHANNEL: Final = Channel("tarazu_arrivals_queue")
ENTRYPOINT: Final = "evaluate"
# Sent by triggers when a transaction commits that changed anything the lake is built from.
ARRIVAL_CHANNEL: Final = "tarazu_arrival"

_DEDUPE_KEY: Final = "evaluate"
# Days that the log of ended jobs is kept.
_LOG_DAYS: Final = 30

_GIVE_KEY_AWAY = "UPDATE arrivals.pgqueuer SET dedupe_key = NULL WHERE id = $1"
# Of a worker that died (the caller holds the lock that a living one holds), or to be tried again without the key.
_CLEAR = "DELETE FROM arrivals.pgqueuer WHERE entrypoint = $1 AND (status = 'picked' OR dedupe_key IS NULL)"
_PRUNE = "DELETE FROM arrivals.pgqueuer_log WHERE created < now() - make_interval(days => $1)"
_STATUS = """
SELECT count(*) FILTER (WHERE status = 'queued')::int AS waiting, count(*) FILTER (WHERE status = 'picked')::int AS running,
    min(created) FILTER (WHERE status = 'queued')::text AS waiting_since, coalesce(max(attempts), 0) AS failed_attempts,
    min(execute_after) FILTER (WHERE status = 'queued')::text AS next_attempt_at
FROM arrivals.pgqueuer WHERE entrypoint = $1
"""
_LAST_ERROR = """
SELECT traceback -> 'additional_context' ->> 'reason' AS reason
FROM arrivals.pgqueuer_log l
WHERE l.entrypoint = $1 AND l.traceback IS NOT NULL AND EXISTS (SELECT 1 FROM arrivals.pgqueuer q WHERE q.id = l.job_id)
ORDER BY l.id DESC LIMIT 1
"""
_LAST_RUN = """
SELECT id, state, started_at::text, finished_at::text, summary ->> 'error' AS error FROM scan_run
WHERE kind = 'arrival' ORDER BY id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    waiting: int
    running: int
    waiting_since: str | None
    failed_attempts: int  # of the job that waits or runs
    next_attempt_at: str | None
    last_error: str | None  # of the job that waits or runs
    last_run: dict[str, Any] | None  # the newest evaluation

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class Queue:
    """The queue on one connection of its own."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self.connection = connection
        # Every name is given: the environment of pgqueuer's own programs must not move our tables.
        settings = DBSettings(
            prefix="",
            db_schema="arrivals",
            channel=CHANNEL,
            function="fn_pgqueuer_changed",
            statistics_table="pgqueuer_statistics",
            queue_status_type="pgqueuer_status",
            queue_table="pgqueuer",
            queue_table_log="pgqueuer_log",
            trigger="tg_pgqueuer_changed",
            schedules_table="pgqueuer_schedules",
        )
        self.queries = Queries(
            AsyncpgDriver(connection),
            QueryBuilderEnvironment(settings),
            QueryQueueBuilder(settings),
            QuerySchedulerBuilder(settings),
        )

    async def enqueue(self) -> None:
        """Have a job wait; where one waits already, that is it."""
        await self.queries.enqueue(ENTRYPOINT, None, dedupe_key=_DEDUPE_KEY, on_conflict="skip")

    async def give_key_away(self, job_id: int) -> None:
        """From now on a new job may wait beside this one."""
        await self.queries.driver.execute(_GIVE_KEY_AWAY, job_id)

    async def take_over(self) -> None:
        """One job in the place of all that an earlier worker left, begun or failed; forget what ended long ago."""
        await self.queries.driver.execute(_CLEAR, ENTRYPOINT)
        await self.queries.driver.execute(_PRUNE, _LOG_DAYS)
        await self.enqueue()

    async def status(self) -> QueueStatus:
        (counts,) = await self.queries.driver.fetch(_STATUS, ENTRYPOINT)
        errors = await self.queries.driver.fetch(_LAST_ERROR, ENTRYPOINT)
        runs = await self.queries.driver.fetch(_LAST_RUN)
        values: dict[str, Any] = dict(counts)
        return QueueStatus(
            **values,
            last_error=str(errors[0]["reason"]) if errors else None,
            last_run=runs[0] if runs else None,
        )


@asynccontextmanager
async def open_queue(settings: Settings, application_name: str) -> AsyncIterator[Queue]:
    connection = await asyncpg.connect(
        asyncpg_dsn(settings), timeout=10, server_settings={"application_name": application_name}
    )
    try:
        yield Queue(connection)
    finally:
        await connection.close()


async def enqueue_evaluation(settings: Settings) -> None:
    """Ask for an evaluation of what arrived, where the operator wants them."""
    if settings.evaluate_arrivals:
        async with open_queue(settings, "tarazu enqueue") as queue:
            await queue.enqueue()
