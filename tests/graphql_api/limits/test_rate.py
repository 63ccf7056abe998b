"""Budgets of principals, and failures of addresses."""

from __future__ import annotations

from typing import Any

import pytest
from limits.errors import StorageError

from graphql_api.limits.rate import (
    CostRate,
    FailedAttempts,
    RateError,
    RateStorageError,
    Refusals,
    TooManyFailuresError,
    TooManyRefusalsError,
)
from tarazu.security.permissions import Role
from tarazu.security.principal import Principal, PrincipalKind

# A minute begins at a multiple of 60.
START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    # The library asks this module for the time.
    monkeypatch.setattr("limits.aio.storage.memory.time.time", clock)
    return clock


def principal(name: str = "token:1", role: Role = Role.ANALYST) -> Principal:
    return Principal(name, PrincipalKind.TOKEN, name, role, frozenset())


def rate(**budgets: int) -> CostRate:
    return CostRate({role: budgets.get(role.value, 1000) for role in Role})


async def test_a_principal_spends_its_budget_and_no_more(clock: Clock) -> None:
    costs = rate()
    assert await costs.charge(principal(), 600) == 400
    with pytest.raises(RateError) as caught:
        await costs.charge(principal(), 401)
    assert (caught.value.code, caught.value.status) == ("graphql.rate", 429)
    # What was refused was not charged.
    assert await costs.charge(principal(), 400) == 0


async def test_budgets_are_of_each_principal_and_by_role(clock: Clock) -> None:
    costs = rate(application=5_000)
    await costs.charge(principal("a"), 1000)
    assert await costs.charge(principal("b"), 1000) == 0
    assert await costs.charge(principal("c", Role.APPLICATION), 1001) == 3_999


@pytest.mark.parametrize("spent", [1, 300, 500, 999, 1000])
@pytest.mark.parametrize("asked", [1, 100, 500, 1000])
@pytest.mark.parametrize("later", [0.0, 13.5, 59.0])
async def test_after_the_time_told_the_same_cost_is_granted(
    clock: Clock, spent: int, asked: int, later: float
) -> None:
    costs = rate()
    await costs.charge(principal(), spent)
    clock.now += later
    if spent + asked <= 1000:
        await costs.charge(principal(), asked)
        return
    with pytest.raises(RateError) as caught:
        await costs.charge(principal(), asked)
    assert 1 <= caught.value.retry_after_seconds <= 120
    clock.now += caught.value.retry_after_seconds
    await costs.charge(principal(), asked)


async def test_a_cost_above_the_whole_budget_is_refused_with_the_only_mend(clock: Clock) -> None:
    with pytest.raises(RateError, match=r"costs 1,001, .* Ask for less\.$"):
        await rate().charge(principal(), 1001)


async def test_a_storage_that_is_away_is_replaced_by_the_process_itself(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = rate()

    async def away(*_: Any, **__: Any) -> bool:
        raise StorageError(ConnectionError("redis://:secret@host"))

    monkeypatch.setattr(costs._limiter, "hit", away)
    assert await costs.charge(principal(), 900) == 100
    with pytest.raises(RateError):
        await costs.charge(principal(), 101)


@pytest.mark.parametrize("address", ["memory://", "nothing://x", "async+redis://:secret@127.0.0.1:1/0", "x"])
def test_a_storage_that_cannot_be_used_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(RateStorageError, match="TARAZU_API_RATE_STORAGE") as caught:
        CostRate(dict.fromkeys(Role, 1), storage=address)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_address_waits_after_too_many_failures_and_others_do_not() -> None:
    clock = Clock()
    attempts = FailedAttempts(3, clock=clock)
    for _ in range(3):
        attempts.check("203.0.113.7")
        attempts.note("203.0.113.7")
    with pytest.raises(TooManyFailuresError) as caught:
        attempts.check("203.0.113.7")
    assert caught.value.status == 429
    attempts.check("203.0.113.8")
    clock.now += 121
    attempts.check("203.0.113.7")


def test_failures_of_the_last_minute_fade() -> None:
    clock = Clock()
    attempts = FailedAttempts(10, clock=clock)
    for _ in range(10):
        attempts.note("203.0.113.7")
    clock.now += 61
    attempts.check("203.0.113.7")
    attempts.note("203.0.113.7")
    with pytest.raises(TooManyFailuresError):
        attempts.check("203.0.113.7")
    clock.now += 50
    attempts.check("203.0.113.7")


def test_neighbours_in_one_ipv6_network_are_one_client() -> None:
    attempts = FailedAttempts(2)
    attempts.note("2001:db8::1")
    attempts.note("2001:db8::ffff")
    with pytest.raises(TooManyFailuresError):
        attempts.check("2001:db8::2")
    attempts.check("2001:db8:0:1::1")
    attempts.note("::ffff:203.0.113.7")
    attempts.note("203.0.113.7")
    with pytest.raises(TooManyFailuresError):
        attempts.check("203.0.113.7")


def test_a_flood_of_addresses_takes_bounded_memory() -> None:
    attempts = FailedAttempts(2)
    for n in range(10_500):
        attempts.note(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(attempts._failures._counts) == 10_000


def test_an_unknown_address_is_counted_too() -> None:
    attempts = FailedAttempts(1)
    attempts.note(None)
    with pytest.raises(TooManyFailuresError):
        attempts.check("a socket")


def test_a_principal_waits_after_too_many_refusals_and_others_do_not() -> None:
    clock = Clock()
    refusals = Refusals(3, clock=clock)
    for _ in range(3):
        refusals.check(principal("a"))
        refusals.note(principal("a"))
    with pytest.raises(TooManyRefusalsError) as caught:
        refusals.check(principal("a"))
    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 60)
    refusals.check(principal("b"))
    clock.now += 121
    refusals.check(principal("a"))
