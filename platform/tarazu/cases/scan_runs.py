"""The record of scans and of the rule versions that their findings point to."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from tarazu.errors import RuleError
from tarazu.models import RuleVersion, ScanRun
from tarazu.models.enums import RunState, ScanKind


async def begin(
    connection: AsyncConnection,
    *,
    as_of: dt.date,
    lake_generation: str,
    catalogue_hash: str,
    kind: ScanKind = ScanKind.SCAN,
) -> int:
    """Record a new run. Runs that are still recorded as running died: the caller holds the lock that live ones hold."""
    await connection.execute(
        update(ScanRun)
        .where(ScanRun.state == RunState.RUNNING)
        .values(state=RunState.FAILED, finished_at=func.now())
    )
    run_id = await connection.scalar(
        insert(ScanRun)
        .values(as_of=as_of, lake_generation=lake_generation, catalogue_hash=catalogue_hash, kind=kind)
        .returning(ScanRun.id)
    )
    assert isinstance(run_id, int)
    return run_id


async def end(connection: AsyncConnection, run_id: int, state: RunState, summary: dict[str, Any]) -> None:
    await connection.execute(
        update(ScanRun)
        .where(ScanRun.id == run_id)
        .values(state=state, finished_at=func.now(), summary=summary)
    )


async def fail(connection: AsyncConnection, run_id: int, error: BaseException) -> None:
    """Say in the run's row why it ended; one that a merge has ended well is left alone."""
    await connection.execute(
        update(ScanRun)
        .where(ScanRun.id == run_id, ScanRun.state == RunState.RUNNING)
        .values(
            state=RunState.FAILED,
            finished_at=func.now(),
            summary={"error": str(error) or type(error).__name__},
        )
    )


async def note_merge(connection: AsyncConnection, run_id: int) -> str:
    """In the transaction that merges findings: give the run a token that no other merge has, and return it."""
    token = uuid.uuid4()
    await connection.execute(update(ScanRun).where(ScanRun.id == run_id).values(merge_token=token))
    return token.hex


async def newest_merge(connection: AsyncConnection) -> str | None:
    """The token of the newest merge of findings into cases."""
    token = await connection.scalar(
        select(ScanRun.merge_token)
        .where(ScanRun.merge_token.is_not(None))
        .order_by(ScanRun.id.desc())
        .limit(1)
    )
    return None if token is None else token.hex


async def record_rules(connection: AsyncConnection, rules: Iterable[dict[str, Any]]) -> None:
    """Keep each rule version (rule_id, version, content_hash, definition) once.

    Raises:
        RuleError: the database knows the same version of a rule with another content.
    """
    rows = list(rules)
    await connection.execute(upsert(RuleVersion).on_conflict_do_nothing(), rows)
    known = {
        (rule_id, version): content_hash
        for rule_id, version, content_hash in await connection.execute(
            select(RuleVersion.rule_id, RuleVersion.version, RuleVersion.content_hash)
        )
    }
    for row in rows:
        if known[row["rule_id"], row["version"]] != row["content_hash"]:
            raise RuleError(
                f"rule {row['rule_id']} version {row['version']} is recorded in the database with another content.",
                mend="Take the lock of the catalogue that the database knows, then run `tarazu rules lock`.",
            )
