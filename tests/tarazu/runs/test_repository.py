"""Refused rows counted, and lists of runs by their fields."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import literal_column, select

from tarazu.filtering import Comparison, Operator, where
from tarazu.models import ImportRun, QuarantinedRow
from tarazu.models.enums import RunState
from tarazu.runs.repository import QuarantineDimension, import_run_fields, quarantine_summary_statement
from tarazu.security.row_scope import ScopeValues


@pytest.fixture
async def refused(sessions: Any) -> list[QuarantinedRow]:
    async with sessions.write() as session:
        runs = [
            ImportRun(mapping="billing_fa", sources=[], state=state)
            for state in (RunState.SUCCEEDED, RunState.FAILED)
        ]
        rows = [
            QuarantinedRow(
                fingerprint=uuid.UUID(int=n),
                import_run=runs[n % 2],
                mapping="billing_fa",
                file=f"{'ab'[n % 3 == 0]}.csv",
                row_number=n,
                entity="customer" if n % 5 else "invoice",
                column=None if n % 4 == 0 else "mobile",
                reason=("digits", "length", "prefix")[n * n % 7 % 3],
                raw={},
            )
            for n in range(40)
        ]
        session.add_all([*runs, *rows])
    return rows


async def test_refused_rows_are_counted_by_any_dimensions(sessions: Any, refused: Any) -> None:
    for size in range(len(QuarantineDimension) + 1):
        for by in itertools.combinations(QuarantineDimension, size):
            expected = Counter(tuple(getattr(row, d.value) for d in by) for row in refused)
            async with sessions.read() as session:
                rows = list(await session.execute(quarantine_summary_statement(by)))
            assert Counter({tuple(row)[:-1]: row.row_count for row in rows}) == expected
            counts = [row.row_count for row in rows]
            assert counts == sorted(counts, reverse=True)


async def test_the_count_is_restricted_by_fields(sessions: Any, refused: Any) -> None:
    chosen = refused[0].import_run_id
    statement = quarantine_summary_statement((), Comparison("import_run_id", Operator.EQ, chosen))
    async with sessions.read() as session:
        assert await session.scalar(statement) == 20


async def test_who_does_not_see_everything_counts_nothing(sessions: Any, refused: Any) -> None:
    scope = ScopeValues(district_ids=literal_column("'{1}'::bigint[]"))
    async with sessions.read() as session:
        assert await session.scalar(quarantine_summary_statement((), scope=scope)) == 0


async def test_import_runs_are_found_by_state(sessions: Any, refused: Any) -> None:
    failed = where(
        Comparison("state", Operator.EQ, RunState.FAILED), import_run_fields(ImportRun.__table__.c)
    )
    async with sessions.read() as session:
        (run,) = await session.scalars(select(ImportRun).where(failed))
        assert run.state is RunState.FAILED
        assert len(list(await session.scalars(select(ImportRun)))) == 2
