"""The database is stopped and started while requests come: a refusal with a hint meanwhile, then service again.

Nothing restarts the API, and it must not fall over either.
"""

from __future__ import annotations

import contextlib
import time
from typing import Final

import numpy as np

from benchmarks.graphql_data import CUSTOMERS, headers, home, prepared
from benchmarks.graphql_documents import graphql_bodies, pages
from benchmarks.graphql_server import serving, status_of
from benchmarks.http_load import Target, generator
from benchmarks.report import Report

_BEFORE_SECONDS: Final = 3.0
_DOWN_SECONDS: Final = 3.0
_AFTER_SECONDS: Final = 10.0
# Row 3 of what the project promises: the first good answer within 5 s of the database's return.
_BACK_SECONDS: Final = 5.0


def run(report: Report) -> None:
    with contextlib.ExitStack() as stack:
        database, settings = stack.enter_context(prepared())
        server = stack.enter_context(serving(settings, home() / "server.log"))
        load = stack.enter_context(generator())
        target = Target(server.port, "/graphql", graphql_bodies(pages(1, CUSTOMERS)), headers(settings))
        load.run(target, 2.0)
        running = load.start(target, _BEFORE_SECONDS + _DOWN_SECONDS + _AFTER_SECONDS + 5.0)
        time.sleep(_BEFORE_SECONDS)
        database.stop()
        try:
            stopped = time.monotonic()
            time.sleep(_DOWN_SECONDS)
            live, ready = status_of(server.port, "/livez"), status_of(server.port, "/readyz")
        finally:
            starting = time.monotonic()
            database.start()
        up = time.monotonic()
        samples = running.result()
        ready_again = status_of(server.port, "/readyz")

    after = samples.ended > up
    good_again = samples.ended[samples.good & after]
    assert good_again.size, "no good answer after the database came back"
    seconds = float(good_again[0] - up)
    # Sent and answered while it was away.
    meanwhile = (samples.ended - samples.took > stopped) & (samples.ended < starting)
    hinted = (samples.status == 503) & samples.told_to_retry
    others = int((~samples.good & ~hinted).sum())
    late = int((~samples.good & (samples.ended - samples.took > up + _BACK_SECONDS)).sum())
    report.line(
        "database away: refused with 503 and a hint",
        float(np.mean(hinted[meanwhile])) * 100 if meanwhile.any() else 0.0,
        "%",
        bar="= 100",
        holds=bool(meanwhile.any() and hinted[meanwhile].all()),
    )
    report.line(
        "database stopped: answers neither good nor a hint", others, "answers", bar="= 0", holds=others == 0
    )
    report.line("database away: /livez", live, "status", bar="= 200", holds=live == 200)
    report.line("database away: /readyz", ready, "status", bar="= 503", holds=ready == 503)
    report.line(
        "database back: first good answer after",
        seconds,
        "s",
        bar=f"<= {_BACK_SECONDS:.0f}",
        holds=seconds <= _BACK_SECONDS,
    )
    report.line(
        f"database back: failures later than {_BACK_SECONDS:.0f} s",
        late,
        "answers",
        bar="= 0",
        holds=late == 0,
    )
    report.line("database back: /readyz", ready_again, "status", bar="= 200", holds=ready_again == 200)


if __name__ == "__main__":
    run(Report())
