"""What inspections found, for comparing it with what a rule says."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from tarazu.database import ReadSession
from tarazu.models import Inspection, UsagePoint


async def newest_outcomes(session: ReadSession) -> dict[str, str]:
    """The outcome of the newest inspection of each usage point that has one, by subscription number."""
    statement = (
        select(UsagePoint.subscription_no, Inspection.outcome)
        .join(UsagePoint, UsagePoint.id == Inspection.usage_point_id)
        .where(Inspection.outcome.is_not(None))
        .ext(distinct_on(Inspection.usage_point_id))
        .order_by(
            Inspection.usage_point_id, Inspection.inspected_on.desc().nulls_last(), Inspection.id.desc()
        )
    )
    rows = await session.execute(statement)
    return {number: outcome.value for number, outcome in rows if outcome is not None}
