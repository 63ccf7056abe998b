"""The record of scans and of the rule versions that their findings point to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from tarazu.errors import RuleError
from tarazu.models import RuleVersion, ScanRun
from tarazu.models.enums import RunState


async def begin(
    connection: AsyncConnection, *, as_of: dt.date, lake_generation: str, catalogue_hash: str
) -> int:
    """Record a new run. Runs that are still recorded as running died: the caller holds the lock that live ones hold."""
    await connection.execute(
        update(ScanRun)
        .where(ScanRun.state == RunState.RUNNING)
        .values(state=RunState.FAILED, finished_at=func.now())
    )
    run_id = await connection.scalar(
        insert(ScanRun)
        .values(as_of=as_of, lake_generation=lake_generation, catalogue_hash=catalogue_hash)
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
