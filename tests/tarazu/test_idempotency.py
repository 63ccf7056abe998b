"""One effect and one answer a key."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from tarazu import models
from tarazu.idempotency import Answer, KeyFormatError, KeyMismatchError, prune, run_once
from tarazu.models import IdempotencyKey
from tarazu.security.permissions import Role

ONE, TWO = b"1" * 32, b"2" * 32


@pytest.fixture
def once(sessions: Any, principal_of: Any) -> Any:
    """Adds a district under a key; the answer is its code."""
    codes = iter(range(1000))

    async def run(key: str, body: bytes = ONE, role: Role = Role.ANALYST, **answer: Any) -> Answer:
        async def execute(session: Any) -> Answer:
            code = f"D{next(codes)}"
            session.add(models.District(code=code))
            await session.flush()
            return Answer(code.encode(), **answer)

        return await run_once(sessions, principal_of(role), key, body, execute, keep_days=30)

    return run


async def districts(sessions: Any) -> list[str]:
    async with sessions.read() as session:
        return list(await session.scalars(select(models.District.code).order_by(models.District.id)))


async def test_a_repeated_change_gets_the_first_answer_and_has_no_effect(once: Any, sessions: Any) -> None:
    first = await once("key-0001", status=201)
    assert first == await once("key-0001") == Answer(b"D0", 201)
    assert await districts(sessions) == ["D0"]


async def test_another_request_under_a_key_is_refused(once: Any, sessions: Any) -> None:
    await once("key-0001")
    with pytest.raises(KeyMismatchError):
        await once("key-0001", TWO)
    assert await districts(sessions) == ["D0"]


async def test_keys_of_others_are_other_keys(once: Any, sessions: Any) -> None:
    await once("key-0001")
    assert (await once("key-0001", TWO, Role.INSPECTOR)).body == b"D1"


async def test_an_answer_that_is_not_final_leaves_nothing(once: Any, sessions: Any) -> None:
    assert await once("key-0001", final=False, status=503) == Answer(b"D0", 503, final=False)
    assert await districts(sessions) == []
    # The key is free, for another request too.
    assert (await once("key-0001", TWO)).body == b"D1"


async def test_a_fault_leaves_nothing(sessions: Any, principal_of: Any, once: Any) -> None:
    async def execute(session: Any) -> Answer:
        session.add(models.District(code="X"))
        await session.flush()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await run_once(sessions, principal_of(), "key-0001", ONE, execute, keep_days=30)
    assert await districts(sessions) == []
    await once("key-0001")


async def test_twins_wait_and_get_the_same_answer(once: Any, sessions: Any) -> None:
    answers = await asyncio.gather(*(once("key-0001") for _ in range(16)))
    assert set(answers) == {Answer(b"D0")}
    assert await districts(sessions) == ["D0"]


async def test_a_twin_of_one_that_failed_does_it_itself(once: Any, sessions: Any) -> None:
    answers = await asyncio.gather(once("key-0001", final=False), *(once("key-0001") for _ in range(5)))
    assert len({answer.body for answer in answers if answer.final}) == 1
    assert len(await districts(sessions)) == 1


@pytest.mark.parametrize("key", ["", "1234567", "x" * 101, "key\n00001", "key-\0001", "کلید-۰۰۰۰۱"])
async def test_a_key_that_cannot_be_one_is_refused(once: Any, sessions: Any, key: str) -> None:
    with pytest.raises(KeyFormatError):
        await once(key)
    assert await districts(sessions) == []


async def test_keys_are_kept_for_their_days_and_then_forgotten(once: Any, sessions: Any) -> None:
    for n in range(25):
        await once(f"key-{n:04d}")
    async with sessions.write() as session:
        old = update(IdempotencyKey).where(IdempotencyKey.key < "key-0020")
        await session.execute(old.values(created_at=text("now() - interval '30 days' - interval '1 minute'")))
        young = update(IdempotencyKey).where(IdempotencyKey.key >= "key-0020")
        await session.execute(
            young.values(created_at=text("now() - interval '30 days' + interval '1 minute'"))
        )
    # Each new key takes ten old ones with it.
    await once("key-new1")
    async with sessions.write() as session:
        assert await session.scalar(select(func.count()).select_from(IdempotencyKey)) == 16
        assert await prune(session, keep_days=30, limit=4) == 4
        assert await prune(session, keep_days=30, limit=100) == 6
        assert await prune(session, keep_days=30, limit=100) == 0
    assert (await once("key-0020")).body == b"D20"
