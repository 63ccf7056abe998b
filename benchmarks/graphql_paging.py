"""A page of a list of 1.2 million invoices: the first one, and the one after row 1,000,000.

The cursor is made of the key that the million-and-first row has, not of a count.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
from typing import Final

import asyncpg

from benchmarks.graphql_data import headers, home, prepared
from benchmarks.graphql_documents import invoice_page_bodies
from benchmarks.graphql_server import post, serving
from benchmarks.http_load import Target, generator
from benchmarks.report import Report
from tarazu.database.urls import asyncpg_dsn
from tarazu.settings import Settings

_ROUNDS: Final = int(os.environ.get("ROUNDS", "7"))
_SECONDS: Final = float(os.environ.get("SECONDS", "2"))
_WARM_UP_SECONDS: Final = 2.0
_ROW: Final = 1_000_000
# The same within a fifth, either way.
_WITHIN: Final = 0.2


def run(report: Report) -> None:
    with contextlib.ExitStack() as stack:
        _, settings = stack.enter_context(prepared())
        keys = asyncio.run(_keys(settings))
        server = stack.enter_context(serving(settings, home() / "server.log"))
        load = stack.enter_context(generator())
        first = Target(server.port, "/graphql", invoice_page_bodies([None]), headers(settings))
        # Beside each other, so that no two requests in turn are the same page.
        deep = Target(server.port, "/graphql", invoice_page_bodies(keys), headers(settings))
        for target in (first, deep):
            status, answer = post(target.port, target.path, target.bodies[0], target.headers)
            assert status == 200 and len(answer["data"]["invoices"]["edges"]) == 20, answer.get("errors")  # noqa: PT018  # one fact
            load.run(target, _WARM_UP_SECONDS)
        rounds = [(load.run(first, _SECONDS), load.run(deep, _SECONDS)) for _ in range(_ROUNDS)]
    assert all(samples.failed == 0 for pair in rounds for samples in pair)
    ratio = statistics.median(there.per_second / here.per_second for here, there in rounds)
    report.line(
        f"page at row {_ROW:,} against the first page",
        statistics.median(there.per_second for _, there in rounds),
        "req/s",
        statistics.median(here.per_second for here, _ in rounds),
        ratio,
        f"{1 - _WITHIN} to {1 + _WITHIN}",
        1 - _WITHIN <= ratio <= 1 + _WITHIN,
    )


async def _keys(settings: Settings) -> list[int | None]:
    """The ids of 200 invoices from row 1,000,000 on, in the order of the list: the latest loaded first."""
    connection = await asyncpg.connect(asyncpg_dsn(settings))
    try:
        rows = await connection.fetch("SELECT id FROM invoice ORDER BY id DESC OFFSET $1 LIMIT 200", _ROW - 1)
        assert len(rows) == 200, f"fewer than {_ROW:,} invoices"
        return [row["id"] for row in rows]
    finally:
        await connection.close()


if __name__ == "__main__":
    run(Report())
