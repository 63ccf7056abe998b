"""The worker process: waits for jobs, brings the lake up to date, judges what changed.

One worker works on a database. It may be killed at any moment: the job waits again when the next one starts, the snapshot
and the merge into cases happen whole or not at all, and the same findings are the same findings.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job
from pgqueuer.domain.types import QueueExecutionMode

from etl.arrivals.queue import ARRIVAL_CHANNEL, CHANNEL, ENTRYPOINT, Queue, open_queue
from etl.lake.snapshot import snapshot
from etl.scan.run import ScanSummary, evaluate_arrivals
from rules.overlay import catalogue_here
from tarazu.database import advisory_lock, create_engine, database_faults
from tarazu.errors import BusyError, TarazuError
from tarazu.moments import reach

if TYPE_CHECKING:
    from tarazu.settings import Settings

# A scan or a snapshot by hand takes minutes; a lost database may take as long to come back.
_FIRST_DELAY_SECONDS: Final = 2.0
_LONGEST_DELAY_SECONDS: Final = 300.0


@dataclass(slots=True)
class WorkerReport:
    """What a worker did until it ended."""

    evaluations: list[ScanSummary] = field(default_factory=list)
    without_news: int = 0  # jobs that found everything judged already
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "evaluations": [summary.to_json() for summary in self.evaluations],
            "without_news": self.without_news,
            "failures": self.failures,
        }


async def work(
    settings: Settings,
    *,
    once: bool = False,
    tell: Callable[[ScanSummary | None, str | None], None] = lambda *_: None,
) -> WorkerReport:
    """Evaluate what arrived, and what arrives until SIGTERM or SIGINT; `once`: what arrived until now.

    The evaluation that runs when a signal comes is finished. `tell` is given each summary, or the error.

    Raises:
        BusyError: another worker works on this database.
        TarazuError: with `once`, what the evaluation failed for; its job waits for the next worker.
        DatabaseUnavailableError: the database went away while the worker waited.
    """
    engine = create_engine(settings, application_name="tarazu worker lock", pool_size=1)
    try:
        with database_faults():
            async with advisory_lock(engine, "worker"), open_queue(settings, "tarazu worker") as queue:
                return await _Worker(settings, queue, once, tell).run()
    finally:
        await engine.dispose()


class _Worker:
    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        once: bool,
        tell: Callable[[ScanSummary | None, str | None], None],
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._once = once
        self._tell = tell
        self._report = WorkerReport()
        self._manager = QueueManager(queue.queries, CHANNEL)
        # One at a time: a second evaluation would only wait for the first one's locks.
        self._manager.entrypoint(ENTRYPOINT, concurrency_limit=1)(self._evaluate)
        self._arrived = asyncio.Event()
        self._error: Exception | None = None

    async def run(self) -> WorkerReport:
        await self._queue.connection.add_listener(ARRIVAL_CHANNEL, self._note_arrival)
        # Also for what arrived while no worker listened.
        await self._queue.take_over()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._manager.shutdown.set)
        asking = asyncio.create_task(self._ask_for_arrivals())
        try:
            await self._manager.run(
                batch_size=1,
                mode=QueueExecutionMode.drain if self._once else QueueExecutionMode.continuous,
                shutdown_on_listener_failure=True,
            )
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            asking.cancel()
            await asyncio.wait([asking])
        if self._error is not None:
            raise self._error
        return self._report

    def _note_arrival(self, *_: object) -> None:
        self._arrived.set()

    async def _ask_for_arrivals(self) -> None:
        """Changes by other ways than an import: each notice asks for a job, and finds it where one waits."""
        while self._settings.evaluate_arrivals and not self._once:
            await self._arrived.wait()
            # What is written one after the other is judged together.
            await asyncio.sleep(self._settings.arrival_delay_seconds)
            self._arrived.clear()
            await self._queue.enqueue()

    async def _evaluate(self, job: Job) -> None:
        reach("arrival.picked")
        await self._queue.give_key_away(job.id)
        reach("arrival.begun")
        try:
            await asyncio.to_thread(snapshot, self._settings)
            reach("arrival.snapshot")
            summary = await evaluate_arrivals(self._settings, catalogue_here(self._settings.rules_overlay))
        except Exception as error:  # noqa: BLE001  # whatever it is, what arrived must be judged at last
            self._retry(job, error)
        else:
            reach("arrival.evaluated")
            if summary is None:
                self._report.without_news += 1
            else:
                self._report.evaluations.append(summary)
            self._tell(summary, None)

    def _retry(self, job: Job, error: Exception) -> None:
        text = error.message if isinstance(error, TarazuError) else f"{type(error).__name__}: {error}"
        self._report.failures.append(text)
        self._tell(None, text)
        if self._once:
            self._error = error
            self._manager.shutdown.set()
        # A lock that another holds is no fault: it is asked for again soon.
        doubled = 0 if isinstance(error, BusyError) else min(job.attempts, 10)
        delay = min(_FIRST_DELAY_SECONDS * 2**doubled, _LONGEST_DELAY_SECONDS)
        raise RetryRequested(timedelta(seconds=delay), text) from error
