"""Events of cases: reading on from a position without missing or repeating any, and pruning old ones."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import BigInteger, Result, Text, Uuid, any_, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from tarazu.database import ReadSession
from tarazu.models import Case
from tarazu.models.enums import CaseEventKind, RuleFamily
from tarazu.security import row_scope
from tarazu.security.principal import RowScope

# The channel that the triggers of migration 0006 notify.
CHANNEL: Final = "tarazu_case_event"
PRUNE_ROWS: Final = 10_000


class Position(NamedTuple):
    """Everything up to and with this event has been read; compares in the order of events.

    `(n, 0)` stands before all events of transaction n.
    """

    transaction_id: int
    event_id: int


@dataclass(frozen=True, slots=True)
class CaseHappening:
    """An event as it is handed on."""

    position: Position
    case_id: uuid.UUID
    kind: CaseEventKind
    district_id: int | None
    family: RuleFamily
    money_at_risk_rial: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in their order, and the position that has been reached with them."""

    events: Sequence[CaseHappening]
    position: Position
    has_more: bool
    """A full page: read on at once."""
    waits: bool
    """Events are committed that cannot be handed on yet, because a transaction that began writing earlier still runs."""


class Executes(Protocol):
    """A session or a connection."""

    def execute(self, statement: Any, parameters: Any = None, /) -> Awaitable[Result[Any]]: ...


# Every transaction below the snapshot's xmin has ended and is visible; none can add an event below it any more.
# https://www.postgresql.org/docs/18/functions-info.html#FUNCTIONS-PG-SNAPSHOT
# The left join gives a row, and with it the horizon, where there is no event.
_READ: Final = text("""
SELECT h.horizon, e.*, EXISTS (SELECT 1 FROM case_event w WHERE w.transaction_id >= h.horizon) AS waits
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon) h
LEFT JOIN LATERAL (
    SELECT transaction_id, id, case_id, kind, district_id, family, money_at_risk_rial, at
    FROM case_event
    WHERE (transaction_id, id) > (:transaction_id, :event_id) AND transaction_id < h.horizon
    ORDER BY transaction_id, id LIMIT :limit
) e ON true
ORDER BY e.transaction_id, e.id
""")

_HORIZON: Final = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")

# A position from the future was given out by another cluster, from which this database was restored.
_IS_KEPT: Final = text("""
SELECT (transaction_id, event_id) <= (:transaction_id, :event_id)
    AND :transaction_id <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
FROM case_event_pruned
""")

# From the lowest on, a piece at a time. A visible row at or above xmax was written by another cluster.
_PRUNE: Final = text("""
WITH oldest AS (
    SELECT transaction_id, id, at FROM case_event ORDER BY transaction_id, id LIMIT :limit
), gone AS (
    DELETE FROM case_event e USING oldest o
    WHERE (e.transaction_id, e.id) = (o.transaction_id, o.id) AND o.at < :before
    RETURNING e.transaction_id, e.id
), foreign_rows AS (
    DELETE FROM case_event e
    WHERE e.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
), last AS (
    SELECT transaction_id, id FROM gone ORDER BY transaction_id DESC, id DESC LIMIT 1
), noted AS (
    UPDATE case_event_pruned p SET transaction_id = last.transaction_id, event_id = last.id
    FROM last WHERE (last.transaction_id, last.id) > (p.transaction_id, p.event_id)
)
SELECT count(*) FROM gone
""")


async def horizon(source: Executes) -> Position:
    """The position of now: what has ended lies before it, what runs or begins later lies after it."""
    return Position((await source.execute(_HORIZON)).scalar_one(), 0)


async def events_after(source: Executes, position: Position, limit: int) -> EventPage:
    """At most `limit` events after the position. What is not handed on yet comes with a later call.

    An event comes once every transaction that began to write before its own has ended: a long import holds back what is
    committed beside it until it ends.
    """
    rows = (
        await source.execute(
            _READ,
            {"transaction_id": position.transaction_id, "event_id": position.event_id, "limit": limit},
        )
    ).all()
    events = [_happening(row) for row in rows if row.id is not None]
    if len(events) == limit:
        return EventPage(events, events[-1].position, has_more=True, waits=False)
    reached = Position(rows[0].horizon, 0)
    # A position of another cluster may lie beyond the horizon; it never goes back.
    return EventPage(events, max(position, reached), has_more=False, waits=rows[0].waits)


async def is_kept(source: Executes, position: Position) -> bool:
    """Whether all events after the position are still there."""
    found = await source.execute(
        _IS_KEPT, {"transaction_id": position.transaction_id, "event_id": position.event_id}
    )
    return bool(found.scalar_one())


async def prune(target: Executes, before: dt.datetime) -> int:
    """Delete up to 10,000 of the oldest events that happened before a moment; how many. 0: nothing is left to prune."""
    return int((await target.execute(_PRUNE, {"before": before, "limit": PRUNE_ROWS})).scalar_one())


async def cases_in_scope(
    session: ReadSession, case_ids: Collection[uuid.UUID], scope: RowScope
) -> frozenset[uuid.UUID]:
    """Those of the cases that a principal of this scope sees now."""
    statement = select(Case.id).where(Case.id == any_(bindparam("case_ids", list(case_ids), ARRAY(Uuid))))
    if (condition := scope_of_cases(scope)) is not None:
        statement = statement.where(condition)
    return frozenset(await session.scalars(statement))


def scope_of_cases(scope: RowScope) -> Any:
    """The condition on `case` that keeps a principal to its scope; None where it sees everything."""
    values = row_scope.ScopeValues(
        district_ids=None
        if scope.district_ids is None
        else bindparam("scope_districts", sorted(scope.district_ids), ARRAY(BigInteger)),
        sectors=None
        if scope.sectors is None
        else bindparam("scope_sectors", sorted(scope.sectors), ARRAY(Text)),
    )
    return row_scope.case(Case.__table__.c, values)


def _happening(row: Any) -> CaseHappening:
    return CaseHappening(
        position=Position(row.transaction_id, row.id),
        case_id=row.case_id,
        kind=CaseEventKind(row.kind),
        district_id=row.district_id,
        family=RuleFamily(row.family),
        money_at_risk_rial=row.money_at_risk_rial,
        at=row.at,
    )
