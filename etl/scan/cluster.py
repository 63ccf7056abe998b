"""Where tasks run, and what happens when a worker dies.

On this machine: worker processes of our own, since the rule engine can end a process. Elsewhere: the scheduler of
TARAZU_DASK_SCHEDULER. A task whose worker dies is tried again by Dask; one that has killed a worker `TRIES` times is
handed back, and the scan decides (the reference evaluator, then giving that bucket up by name).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dask
from distributed import Client, Future, LocalCluster, as_completed
from distributed.scheduler import KilledWorker

if TYPE_CHECKING:
    from tarazu.settings import Settings

TRIES = 3


@contextmanager
def cluster(settings: Settings, *, most_workers: int) -> Iterator[Client]:
    """A client of the configured scheduler, or of as many local workers as there is work for."""
    if settings.dask_scheduler:
        with Client(settings.dask_scheduler) as client:
            yield client
        return
    configuration = {
        "distributed.scheduler.allowed-failures": TRIES - 1,
        "distributed.worker.daemon": True,
        "distributed.admin.system-monitor.gil.enabled": False,
        "distributed.worker.memory.terminate": False,
        "distributed.scheduler.work-stealing": True,
        "distributed.comm.timeouts.connect": "30s",
        "distributed.scheduler.http.routes": [],
        # A worker without a task ahead leaves none to be blamed when it dies.
        "distributed.scheduler.worker-saturation": 1.0,
        # On one machine a worker that died is told by its connection. One that is only slow, on a machine that was
        # suspended or is overloaded, must not be taken for dead: no task would ever come back.
        "distributed.scheduler.worker-ttl": None,
        # And a task that no worker is there for says so, instead of waiting for ever.
        "distributed.scheduler.no-workers-timeout": "300s",
    }
    with (
        dask.config.set(configuration),
        LocalCluster(
            n_workers=max(1, min(settings.dask_workers, most_workers)),
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            # Without a dashboard the scheduler still listens: on any free port, since two scans may run at once.
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            # TLS with a certificate of this run: another user of the machine must not reach the workers.
            security=True,
            silence_logs=50,
            memory_limit=0,
        ) as local,
        Client(local) as client,
    ):
        yield client


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task's result, or that it killed its workers."""

    key: Any
    value: Any
    killed: bool


def run_tasks(
    client: Client, tasks: dict[Any, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]
) -> Iterator[Outcome]:
    """Run all tasks; yield each as it ends. Any other exception of a task is raised here."""
    futures: dict[Future[Any], Any] = {}
    for key, (function, arguments, options) in tasks.items():
        # pure=False: a function of paths is not determined by its arguments.
        futures[client.submit(function, *arguments, **options, pure=False)] = key
    try:
        for future in as_completed(list(futures)):
            key = futures[future]
            try:
                yield Outcome(key, future.result(), killed=False)
            except KilledWorker:
                yield Outcome(key, None, killed=True)
            future.release()
    finally:
        client.cancel(list(futures))
