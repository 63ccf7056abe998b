"""From the `agent` of a scenario to a batch: that agent first, and after it those that it is compared with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.agent_batch import TALLIES, AgentBatch, Tally
from rules.batch import day_number

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from rules.site import Site

_COMPARED = 100


def agents_of(given: dict[str, Any], site: Site, scan_day: dt.date) -> AgentBatch:
    """`compared`: how many other agents there are, each with exactly what is expected."""
    count = 1 + int(given.get("compared", _COMPARED))

    def column(name: str, dtype: type = np.int64, innocent: float = 0) -> NDArray[Any]:
        values: NDArray[Any] = np.full(count, innocent, dtype)
        values[0] = given.get(name, innocent)
        return values

    until = day_number(scan_day)
    return AgentBatch(
        agent_id=np.arange(1, count + 1),
        agent_no=[str(number) for number in range(1, count + 1)],
        contractor_code=["K"] * count,
        district_id=np.ones(count, np.int64),
        visits=column("visits", innocent=1000),
        kwh=column("kwh", np.float64, 100_000),
        since=np.full(count, until - 365, np.int32),
        until=np.full(count, until, np.int32),
        tallies={name: _tally(given.get(name, {}), count) for name in TALLIES},
        timed_intervals=column("timed_intervals"),
        median_seconds=column("median_seconds", np.float64, math.nan),
        most_in_ten_minutes=column("most_in_ten_minutes"),
        same_place_run=column("same_place_run"),
        located=column("located"),
        longest_cycles=column("longest_cycles"),
        routed=column("routed"),
        site=site,
    )


def _tally(given: dict[str, float], count: int) -> Tally:
    of = given.get("of", 0)
    expected = given.get("expected", math.nan)
    counts = np.full(count, 0 if math.isnan(expected) else int(expected), np.int64)
    counts[0] = given.get("count", 0)
    return Tally(counts, np.full(count, of, np.int64), np.full(count, expected, np.float64))
