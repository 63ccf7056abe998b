"""Findings that a reading agent's case carries, because they rest on readings which that case puts in doubt."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tarazu.database import ReadSession
from tarazu.models import Case, Finding
from tarazu.models.enums import LIVE_CASE_STATES, RuleFamily

_LIVE = ", ".join(f"'{state.value}'" for state in LIVE_CASE_STATES)

# As for the findings themselves: what a person decided stands until its window has passed.
_CLEARED = f"""
SELECT c.subject_key FROM "case" c
WHERE c.subject_kind = 'reading_agent' AND c.family = 'reading' AND c.state = 'dismissed'
    AND c.closed_at::date + CAST(:window_days AS integer) > CAST(:as_of AS date)
    AND NOT EXISTS (
        SELECT 1 FROM "case" other
        WHERE other.reading_agent_id = c.reading_agent_id AND other.family = 'reading'
            AND (other.state IN ({_LIVE}) OR other.closed_at > c.closed_at)
    )
GROUP BY c.subject_key ORDER BY c.subject_key
"""


async def cleared_agents(connection: AsyncConnection, as_of: dt.date, window_days: int) -> list[str]:
    """Numbers of agents whose newest case a person dismissed within the window: their readings explain nothing."""
    rows = await connection.execute(text(_CLEARED), {"as_of": as_of, "window_days": window_days})
    return [row.subject_key for row in rows]


async def carried_by(session: ReadSession, case: Case) -> list[dict[str, Any]]:
    """The customers' findings that hold now and that this case of a reading agent carries, by case and rule."""
    if case.reading_agent_id is None or case.family is not RuleFamily.READING:
        return []
    rows = await session.execute(
        select(Case.case_no, Case.subject_key, Finding.rule_id)
        .join(Finding, Finding.case_id == Case.id)
        .where(
            Finding.explained_by_agent_id == case.reading_agent_id,
            Finding.ended_scan_run_id.is_(None),
        )
        .order_by(Case.subject_key, Finding.rule_id, Case.case_no)
    )
    return [{"caseNo": row.case_no, "subjectKey": row.subject_key, "ruleId": row.rule_id} for row in rows]
