"""The hash chain of `audit_event`, as SQL: PostgreSQL makes the hashes and checks them.

The hash of a row is the SHA-256 of the hash of the row before it and of a canonical text of the row: a JSON array whose
first element names this form. Ids are consecutive from 1, the hash before the first is 32 zero bytes. An edit, a deletion,
an insertion or a swap breaks the chain at a row that can be named; a cut tail, or a chain rewritten from some row on, is
found by a head that was kept elsewhere.

The expression stands here, not in a function of the database: whoever can change rows could change that too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text

from tarazu.database import ReadSession

NO_HASH: Final = bytes(32)
_FIRST_AFTER: Final = -(2**63)
# One statement hashes so many rows in about a fifth of a second.
_CHUNK_ROWS: Final = 100_000

_CONTENT: Final = (
    "principal_id",
    "principal_name",
    "principal_role",
    "action",
    "subject_type",
    "subject_id",
    "details",
    "request_id",
)


def _hash(previous: str, id_: str, row: str) -> str:
    """SQL of a row's hash, of the columns of `row`."""
    content = ", ".join(f"{row}.{name}" for name in _CONTENT)
    # The epoch in whole microseconds does not depend on the session's time zone, as a text of a time would.
    canonical = f"jsonb_build_array('tarazu.audit.1', {id_}, (extract(epoch FROM {row}.at) * 1000000)::bigint, {content})"
    return f"sha256({previous} || convert_to({canonical}::text, 'UTF8'))"


# A head must be read by a statement that starts after the lock is held: one of its own, at READ COMMITTED.
LOCK_CHAIN: Final = text("SELECT pg_advisory_xact_lock(:key)")

# Each hash needs the one before it, so the rows of one call are chained one by one in a recursive query.
APPEND: Final = text(
    f"""
    WITH RECURSIVE entry AS MATERIALIZED (
        SELECT given.*, clock_timestamp() AS at
        FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS given(
            n int, principal_id text, principal_name text, principal_role text, action text,
            subject_type text, subject_id text, details jsonb, request_id text)
    ),
    head AS (SELECT id, hash FROM audit_event ORDER BY id DESC LIMIT 1),
    chain(n, id, previous_hash, hash) AS (
        SELECT 0, coalesce((SELECT id FROM head), 0), CAST('' AS bytea),
            coalesce((SELECT hash FROM head), CAST(:no_hash AS bytea))
        UNION ALL
        SELECT entry.n, chain.id + 1, chain.hash, {_hash("chain.hash", "chain.id + 1", "entry")}
        FROM chain JOIN entry ON entry.n = chain.n + 1
    )
    INSERT INTO audit_event (id, at, {", ".join(_CONTENT)}, previous_hash, hash)
    SELECT chain.id, entry.at, {", ".join(f"entry.{name}" for name in _CONTENT)}, chain.previous_hash, chain.hash
    FROM chain JOIN entry ON entry.n = chain.n
    ORDER BY chain.n
    """
)

# IS DISTINCT FROM: whoever may alter rows may also have dropped NOT NULL.
_CHECK: Final = text(
    f"""
    WITH part AS MATERIALIZED (
        SELECT event.id, event.previous_hash, event.hash, {_hash("event.previous_hash", "event.id", "event")} AS computed
        FROM audit_event AS event WHERE event.id > :after ORDER BY event.id LIMIT :rows
    ),
    linked AS (
        SELECT part.*, lag(id, 1, CAST(:last_id AS bigint)) OVER by_id AS before_id,
            lag(hash, 1, CAST(:last_hash AS bytea)) OVER by_id AS before_hash
        FROM part WINDOW by_id AS (ORDER BY id)
    )
    SELECT counted.row_count, counted.last_id,
        (SELECT hash FROM part WHERE id = counted.last_id LIMIT 1) AS last_hash,
        bad.id AS bad_id, bad.before_id, bad.hash IS DISTINCT FROM bad.computed AS is_altered
    FROM (SELECT count(*) AS row_count, max(id) AS last_id FROM part) AS counted
    LEFT JOIN LATERAL (
        SELECT * FROM linked
        WHERE id <> before_id + 1 OR previous_hash IS DISTINCT FROM before_hash OR hash IS DISTINCT FROM computed
        ORDER BY id LIMIT 1
    ) AS bad ON true
    """
)
_HEAD: Final = text("SELECT id, hash FROM audit_event ORDER BY id DESC LIMIT 1")
_HASH_OF: Final = text("SELECT hash FROM audit_event WHERE id = :id")


class ChainFaultReason(StrEnum):
    MISSING = "missing"
    INSERTED = "inserted"
    ALTERED = "altered"
    # The row is whole, but made for another row before it: that one was replaced, or this one moved.
    UNLINKED = "unlinked"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"


_SENTENCES: Final = {
    ChainFaultReason.MISSING: "Row {id} is missing.",
    ChainFaultReason.INSERTED: "Row {id} was inserted.",
    ChainFaultReason.ALTERED: "Row {id} is not as it was written.",
    ChainFaultReason.UNLINKED: "Row {id} does not follow the row before it, which was replaced.",
    ChainFaultReason.TRUNCATED: "Row {id} and those after it are missing; the kept head had more rows.",
    ChainFaultReason.REWRITTEN: "Row {id} is not the one of the kept head: the chain was written anew.",
}


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest row. Kept elsewhere, it proves what the chain was up to it."""

    id: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first row that is not as the chain says."""

    id: int
    reason: ChainFaultReason

    @property
    def sentence(self) -> str:
        return _SENTENCES[self.reason].format(id=self.id)


@dataclass(frozen=True, slots=True)
class Verification:
    """How far the chain was walked, and what is wrong with it first."""

    rows: int
    head: ChainHead | None
    fault: ChainFault | None


async def read_head(session: ReadSession) -> ChainHead | None:
    row = (await session.execute(_HEAD)).first()
    return None if row is None else ChainHead(row.id, bytes(row.hash))


async def verify_chain(
    session: ReadSession,
    kept: ChainHead | None = None,
    *,
    progress: Callable[[int], Any] = lambda _rows: None,
    chunk_rows: int = _CHUNK_ROWS,
) -> Verification:
    """Walk the chain from its first row; `kept` is a head that was exported before.

    Rows appended meanwhile do not disturb it.
    """
    after, last, rows = _FIRST_AFTER, ChainHead(0, NO_HASH), 0
    while True:
        found = (
            await session.execute(
                _CHECK, {"after": after, "rows": chunk_rows, "last_id": last.id, "last_hash": last.hash}
            )
        ).one()
        if found.bad_id is not None:
            return Verification(rows, last if rows else None, _fault(found))
        if found.row_count == 0:
            break
        rows += found.row_count
        after, last = found.last_id, ChainHead(found.last_id, bytes(found.last_hash))
        progress(rows)
        if found.row_count < chunk_rows:
            break
    return Verification(rows, last if rows else None, await _against(session, kept, last))


async def _against(session: ReadSession, kept: ChainHead | None, last: ChainHead) -> ChainFault | None:
    """What is wrong of a chain that is whole in itself."""
    if kept is None:
        return None
    if kept.id > last.id:
        return ChainFault(last.id + 1, ChainFaultReason.TRUNCATED)
    if await session.scalar(_HASH_OF, {"id": kept.id}) != kept.hash:
        return ChainFault(kept.id, ChainFaultReason.REWRITTEN)
    return None


def _fault(found: Any) -> ChainFault:
    expected = found.before_id + 1
    if found.bad_id > expected:
        return ChainFault(expected, ChainFaultReason.MISSING)
    if found.bad_id < expected:
        return ChainFault(found.bad_id, ChainFaultReason.INSERTED)
    if found.is_altered:
        return ChainFault(found.bad_id, ChainFaultReason.ALTERED)
    return ChainFault(found.bad_id, ChainFaultReason.UNLINKED)
