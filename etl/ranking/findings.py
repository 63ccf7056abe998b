"""What rules found of usage points, and as of which day first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select

from tarazu.database import Sessions, create_engine
from tarazu.models import Case, Finding, ScanRun

if TYPE_CHECKING:
    import datetime as dt

    from tarazu.settings import Settings


async def read_findings(settings: Settings, as_of: dt.date | None = None) -> pl.DataFrame:
    """rule_id, usage_point_id, found_on: the earliest day as of which a scan found it, before `as_of`."""
    statement = (
        select(Finding.rule_id, Case.usage_point_id, ScanRun.as_of)
        .join(Case, Case.id == Finding.case_id)
        .join(ScanRun, ScanRun.id == Finding.first_scan_run_id)
        .where(Case.usage_point_id.is_not(None))
    )
    if as_of is not None:
        statement = statement.where(ScanRun.as_of < as_of)
    engine = create_engine(settings, application_name="tarazu ranking", pool_size=1)
    try:
        async with Sessions(engine).read() as session:
            rows = [tuple(one) for one in await session.execute(statement)]
    finally:
        await engine.dispose()
    found = pl.DataFrame(
        rows,
        schema={"rule_id": pl.String, "usage_point_id": pl.Int64, "found_on": pl.Date},
        orient="row",
    )
    return (
        found.group_by("rule_id", "usage_point_id")
        .agg(pl.col("found_on").min())
        .sort("rule_id", "usage_point_id")
    )
