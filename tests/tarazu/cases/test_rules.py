"""Rules as they stand and stood."""

from __future__ import annotations

from typing import Any

import pytest

from tarazu.cases.rules import rules_statement
from tarazu.filtering import Comparison, Operator
from tarazu.models import RuleVersion


@pytest.fixture
async def rules(sessions: Any) -> None:
    async with sessions.write() as session:
        session.add_all(
            RuleVersion(
                rule_id=rule_id,
                version=version,
                content_hash=f"{rule_id}{version}",
                definition={"family": family},
            )
            for rule_id, version, family in (
                ("T02", 10, "theft"),
                ("T02", 9, "billing"),
                ("C01", 1, "debt"),
                ("B07", 2, "billing"),
            )
        )


async def rows_of(sessions: Any, statement: Any, *names: str) -> list[tuple[Any, ...]]:
    async with sessions.read() as session:
        return [tuple(getattr(row, name) for name in names) for row in await session.execute(statement)]


async def test_a_rule_is_its_newest_version(sessions: Any, rules: None) -> None:
    assert await rows_of(
        sessions, rules_statement(), "rule_id", "version", "version_count", "content_hash"
    ) == [
        ("B07", 2, 1, "B072"),
        ("C01", 1, 1, "C011"),
        ("T02", 10, 2, "T0210"),
    ]


async def test_conditions_are_on_the_newest_version(sessions: Any, rules: None) -> None:
    billing = Comparison("family", Operator.EQ, "billing")
    assert await rows_of(sessions, rules_statement(billing), "rule_id") == [("B07",)]
