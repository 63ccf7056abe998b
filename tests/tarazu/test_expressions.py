"""Expressions against the same thing said in Python."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Date, cast, func, select

from tarazu.expressions import jalali_month_start
from tarazu.jalali import jalali_to_epoch_days, to_jalali


async def test_the_month_of_every_day_is_that_of_the_calendar(sessions: Any) -> None:
    first, last = dt.date(1971, 3, 21), dt.date(2072, 3, 19)
    days = select(cast(func.generate_series(first, last, dt.timedelta(1)), Date).label("day")).subquery()
    async with sessions.read() as session:
        rows = (await session.execute(select(days.c.day, jalali_month_start(days.c.day)))).all()
    assert len(rows) == (last - first).days + 1 > 36_000
    start = None
    for day, found in rows:
        _, _, day_of_month = to_jalali(day)
        start = day if day_of_month == 1 else start
        assert found == start


async def test_a_day_before_the_calendars_years_has_no_month(sessions: Any) -> None:
    async with sessions.read() as session:
        assert await session.scalar(select(jalali_month_start(cast(dt.date(1971, 3, 20), Date)))) is None
    assert (
        jalali_to_epoch_days(*([[1350], [1], [1]]))[0][0] == (dt.date(1971, 3, 21) - dt.date(1970, 1, 1)).days
    )
