"""Principals, and a clock that a test turns."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from argon2 import PasswordHasher

from tarazu import models
from tarazu.security.passwords import Passwords
from tarazu.security.permissions import Role
from tarazu.security.principal import Principal, PrincipalKind
from tarazu.security.principals import principal_of


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def administrator() -> Principal:
    return principal_of(PrincipalKind.LOCAL, "1", "root", Role.ADMINISTRATOR)


@pytest.fixture
def passwords():
    """Argon2 that costs next to nothing."""
    made = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield made
    made.close()


@pytest.fixture
async def districts(sessions) -> dict[str, int]:
    """Ids by code."""
    rows = [models.District(code=code) for code in ("11", "12", "21")]
    async with sessions.write() as session:
        session.add_all(rows)
        await session.flush()
    return {row.code: row.id for row in rows}
