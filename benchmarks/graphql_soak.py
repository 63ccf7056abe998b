"""Ten minutes (MINUTES) at the limit of the machine: no error, no growth of memory, no connection left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Sequence
from typing import Final

import asyncpg
import numpy as np
import psutil

from benchmarks.graphql_data import CUSTOMERS, headers, home, prepared
from benchmarks.graphql_documents import graphql_bodies, pages
from benchmarks.graphql_server import serving
from benchmarks.http_load import Target, generator
from benchmarks.report import Report
from tarazu.database.urls import asyncpg_dsn
from tarazu.settings import Settings

_MINUTES: Final = float(os.environ.get("MINUTES", "10"))
_WARM_UP_SECONDS: Final = 15.0
_SAMPLE_SECONDS: Final = 2.0
_MINUTE: Final = 60.0
# Row 15 of what the project promises, memory in percent an hour.
_GROWTH_BAR: Final = 2.0
_P99_BAR: Final = 1.2


def run(report: Report) -> None:
    asked = [page for size in (1, 20, 100) for page in pages(size, CUSTOMERS, count=700)]
    random.Random(2).shuffle(asked)
    with contextlib.ExitStack() as stack:
        _, settings = stack.enter_context(prepared())
        server = stack.enter_context(serving(settings, home() / "server.log", log_level="warning"))
        load = stack.enter_context(generator())
        target = Target(server.port, "/graphql", graphql_bodies(asked), headers(settings))
        load.run(target, _WARM_UP_SECONDS)
        process = psutil.Process(server.pid)
        connections, files = asyncio.run(_connections(settings)), process.num_fds()
        running = load.start(target, _MINUTES * _MINUTE)
        resident: list[tuple[float, int]] = []
        while not running.done():
            time.sleep(_SAMPLE_SECONDS)
            resident.append((time.monotonic(), process.memory_info().rss))
        samples = running.result()
        time.sleep(_SAMPLE_SECONDS)
        connections_after, files_after = asyncio.run(_connections(settings)), process.num_fds()

    report.line(f"soak of {_MINUTES:.0f} min", samples.per_second, "req/s")
    report.line("soak: failed requests", samples.failed, "requests", bar="= 0", holds=samples.failed == 0)
    report.line("soak: memory at the end", resident[-1][1] / 2**20, "MB")
    growth = _percent_an_hour(resident)
    report.line(
        "soak: growth of memory an hour",
        growth,
        "%",
        bar=f"<= {_GROWTH_BAR:.0f}",
        holds=growth <= _GROWTH_BAR,
    )
    report.line(
        "soak: connections to the database after",
        connections_after,
        "open",
        connections,
        bar="as before",
        holds=connections_after <= connections,
    )
    report.line(
        "soak: open files after", files_after, "open", files, bar="as before", holds=files_after <= files
    )
    minute = min(_MINUTE, samples.seconds / 2)
    began, ended = samples.ended[0], samples.ended[-1]
    first = float(np.percentile(samples.took[samples.ended < began + minute], 99))
    last = float(np.percentile(samples.took[samples.ended > ended - minute], 99))
    report.line(
        "soak: p99 of the last minute against the first",
        last * 1000,
        "ms",
        first * 1000,
        last / first,
        f"<= {_P99_BAR}",
        last / first <= _P99_BAR,
    )


def _percent_an_hour(resident: Sequence[tuple[float, int]]) -> float:
    """The slope of the line through the second half, of its mean; the first half fills caches."""
    half = resident[len(resident) // 2 :]
    moments, bytes_ = np.array(half, dtype=float).T
    return float(np.polyfit(moments - moments[0], bytes_, 1)[0] * 3600 / bytes_.mean() * 100)


async def _connections(settings: Settings) -> int:
    """Sessions on this database besides our own one."""
    connection = await asyncpg.connect(asyncpg_dsn(settings))
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return count
    finally:
        await connection.close()


if __name__ == "__main__":
    run(Report())
