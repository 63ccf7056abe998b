"""The lake's table of readers' visits: who tried to read which point when, of the last year. Written whole each time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rules.agent_tally import UNKNOWN, Visits, agent_batch
from rules.contractors import by_contractor

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from rules.agent_batch import AgentBatch
    from rules.site import Site

# A year: every route has been walked several times, and habits of longer ago say little of today.
VISIT_MONTHS = 12

VISITS = pa.schema(
    [
        ("agent_id", pa.int64()),
        ("agent_no", pa.string()),
        ("contractor_code", pa.string()),
        ("route_id", pa.int64()),
        ("usage_point_id", pa.int64()),
        ("bucket_class", pa.int64()),
        ("district_id", pa.int64()),
        ("read_on", pa.date32()),
        ("second", pa.int64()),
        ("is_read", pa.bool_()),
        ("index_value", pa.float64()),
        ("consumption_kwh", pa.float64()),
        ("photo_index_value", pa.float64()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("point_latitude", pa.float64()),
        ("point_longitude", pa.float64()),
        ("route_position", pa.int64()),
        ("corrected", pa.int16()),
    ]
)

# In local time: whether a read was at night is seen on the clock of the place.
VISITS_QUERY = """
SELECT v.agent_id, a.agent_no, coalesce(c.code, '') AS contractor_code, coalesce(v.route_id, -1) AS route_id,
    v.usage_point_id, p.bucket_class::int8 AS bucket_class, p.district_id, v.read_on,
    coalesce(extract(epoch FROM v.read_at AT TIME ZONE 'Asia/Tehran')::bigint, -1) AS second,
    v.is_read, v.index_value, v.consumption_kwh, v.photo_index_value, v.latitude, v.longitude,
    p.latitude AS point_latitude, p.longitude AS point_longitude,
    coalesce(v.route_position, -1) AS route_position, coalesce(v.is_corrected::int, -1)::int2 AS corrected
FROM reading_visit v
JOIN reading_agent a ON a.id = v.agent_id
LEFT JOIN contractor c ON c.id = a.contractor_id
JOIN usage_point p ON p.id = v.usage_point_id
WHERE v.read_on >= '{since}' AND v.read_on <= '{last_day}'
ORDER BY v.id
"""


def write_visits(lake: Path, batches: Iterator[pa.RecordBatch]) -> tuple[str, list[str]]:
    """(file name, what the visits say anything of). The name says the content; "" where there are none."""
    temporary = lake / ".visits.tmp"
    rows, facts = 0, set[str]()
    with pq.ParquetWriter(temporary, VISITS, compression="lz4") as writer:
        for batch in batches:
            table = pa.Table.from_batches([batch]).cast(VISITS)
            writer.write_table(table)
            rows += len(table)
            facts |= _facts(table)
    if not rows:
        temporary.unlink()
        return "", []
    with temporary.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    name = f"visits-{digest[:16]}.parquet"
    temporary.replace(lake / name)
    return name, sorted(facts)


def _facts(table: pa.Table) -> set[str]:
    """A source that never says a thing must not pass for one without faults."""
    told = {
        "visits": len(table) > 0,
        "visit_routes": _any(pc.greater_equal(table.column("route_id"), 0)),
        "visit_results": _any(pc.invert(table.column("is_read"))),
        "visit_times": _any(pc.greater_equal(table.column("second"), 0)),
        "visit_positions": table.column("latitude").null_count < len(table),
        "visit_photos": table.column("photo_index_value").null_count < len(table),
        "visit_corrections": _any(pc.greater_equal(table.column("corrected"), 0)),
    }
    return {fact for fact, is_told in told.items() if is_told}


def _any(flags: pa.ChunkedArray) -> bool:
    return bool(pc.any(flags, min_count=0).as_py())


def read_agents(path: Path, *, as_of: int, site: Site) -> AgentBatch:
    """What the visits before the day `as_of` amount to, by agent in the order of their ids."""
    return read_visits(path, as_of=as_of, site=site).agents


def read_contractors(path: Path, *, as_of: int, site: Site) -> AgentBatch:
    """The same by contractor, in the order of their codes."""
    read = read_visits(path, as_of=as_of, site=site)
    return by_contractor(read.agents, read.visits)


@dataclass(frozen=True, slots=True)
class ReadVisits:
    """Agents, their visits and the bucket classes (visits,) of the points visited."""

    agents: AgentBatch
    visits: Visits
    bucket_class: NDArray[np.int64]


def read_visits(path: Path, *, as_of: int, site: Site) -> ReadVisits:
    """The visits before the day `as_of`."""
    # Millions of rows name some hundred agents.
    table = pq.read_table(path, read_dictionary=["agent_no", "contractor_code"])
    table = table.filter(pc.less(table.column("read_on").cast(pa.int32()), as_of))
    ids, first, row = np.unique(_numbers(table, "agent_id"), return_index=True, return_inverse=True)
    visits = Visits(
        agent=row.astype(np.int64),
        route_id=_numbers(table, "route_id"),
        usage_point_id=_numbers(table, "usage_point_id"),
        district_id=_numbers(table, "district_id"),
        day=table.column("read_on").cast(pa.int32()).to_numpy(),
        second=_numbers(table, "second"),
        is_read=table.column("is_read").to_numpy(),
        index_value=_numbers(table, "index_value"),
        consumption_kwh=_numbers(table, "consumption_kwh"),
        photo_index_value=_numbers(table, "photo_index_value"),
        latitude=_numbers(table, "latitude"),
        longitude=_numbers(table, "longitude"),
        point_latitude=_numbers(table, "point_latitude"),
        point_longitude=_numbers(table, "point_longitude"),
        route_position=_numbers(table, "route_position"),
        corrected=_numbers(table, "corrected").astype(np.int8),
    )
    named = table.select(["agent_no", "contractor_code"]).take(pa.array(first))
    numbers, contractors = (named.column(name).to_pylist() for name in ("agent_no", "contractor_code"))
    agents = agent_batch(visits, ids, numbers, contractors, site)
    return ReadVisits(agents, visits, _numbers(table, "bucket_class"))


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name)
    # A null of a float becomes NaN by itself.
    values: NDArray[Any] = (
        column if pa.types.is_floating(column.type) else column.fill_null(UNKNOWN)
    ).to_numpy()
    return values
