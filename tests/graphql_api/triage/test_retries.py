"""A retried mutation has one effect and one answer, whatever happens to requests and answers on the way.

Histories of changes that are sent once, by up to sixteen at once, whose connection is cut, whose transaction fails just
before its end, that are sent again later, or whose key comes again with another body.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from graphql_api.ids import encode_id
from tarazu import idempotency, models
from tarazu.cases import desk
from tests.effort import EFFORT

HISTORIES = 200 * EFFORT

STEPS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["comment", "assign"]), st.sampled_from([1, 1, 1, 2, 3])),
    st.tuples(st.just("crowd"), st.sampled_from(["comment", "assign"]), st.just(16)),
    st.tuples(st.just("cut"), st.sampled_from(["comment", "assign"]), st.integers(0, 60)),
    st.tuples(st.just("crash"), st.sampled_from(["comment", "assign"]), st.sampled_from([1, 2])),
    st.tuples(st.just("again"), st.integers(0, 9), st.sampled_from([1, 2])),
    st.tuples(st.just("other"), st.integers(0, 9), st.just(1)),
)


@dataclass
class Model:
    """What must be true after each step."""

    case: models.Case
    bodies: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)


class Fault:
    """Fails transactions at their last statement, after all effects, while it is on."""

    on = False


@pytest.fixture
async def log(clerk: Any, office: Any, monkeypatch: Any) -> Any:
    """An audit log that is a table, so that it shares the fate of its transaction; and a switch to fail."""
    async with office.sessions.write() as session:
        await session.execute(text("CREATE TABLE noted (subject text NOT NULL)"))
    table = text("INSERT INTO noted VALUES (:subject)")

    async def record(session: Any, entries: Any) -> None:
        await session.execute(table, [{"subject": entry.subject_id} for entry in entries])

    prune, fault = idempotency.prune, Fault()

    async def failing_prune(session: Any, **given: Any) -> int:
        if fault.on:
            raise RuntimeError
        return await prune(session, **given)

    monkeypatch.setattr(desk.audit, "record", record)
    monkeypatch.setattr(idempotency, "prune", failing_prune)
    return fault


async def test_200_histories_have_no_double_effect_and_one_answer_a_key(
    clerk: Any, office: Any, log: Any
) -> None:
    keys = itertools.count()
    done: Counter[str] = Counter()
    async with office.sessions.read() as session:
        points = list(await session.scalars(select(models.UsagePoint).order_by(models.UsagePoint.id)))
    numbers = itertools.count(100_000)

    async def start() -> Model:
        # A closed case needs no subject of its own, and takes comments; a live one also an assignee.
        case = office.new_case(points[0], next(numbers))
        case.subject_key = f"history {case.id}"
        async with office.sessions.write() as session:
            session.add(case)
        return Model(case)

    def body(model: Model, verb: str) -> dict[str, Any]:
        key = f"history-{next(keys):06d}"
        case_id = encode_id("Case", str(model.case.id))
        if verb == "comment":
            made = clerk.body("commentCase", key=key, caseId=case_id, text=key)
        else:
            version = 1 + len(model.answers)
            made = clerk.body("assignCase", key=key, caseId=case_id, expectedVersion=version, assignee=key)
        model.bodies.append((key, made))
        return made

    def judge(model: Model, key: str, response: Any) -> None:
        assert response.status_code == 200
        told = response.json()
        assert "errors" not in told, told
        (answer,) = told["data"].values()
        assert answer["__typename"].endswith("Payload"), answer
        assert model.answers.setdefault(key, response.content) == response.content
        done["answers"] += 1

    async def run(model: Model, step: tuple[str, Any, int]) -> None:
        kind, what, count = step
        done[kind] += 1
        if kind in ("again", "other"):
            if not model.bodies:
                return
            key, sent = model.bodies[what % len(model.bodies)]
            if kind == "again":
                for response in await asyncio.gather(*(clerk.post(sent) for _ in range(count))):
                    judge(model, key, response)
            else:
                response = await clerk.post(sent | {"query": sent["query"] + "\n"})
                assert response.json()["errors"][0]["extensions"]["code"] == "idempotency.mismatch"
            return
        sent = body(model, what)
        key = model.bodies[-1][0]
        if kind == "cut":
            task = asyncio.ensure_future(clerk.post(sent))
            for _ in range(count):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            count = 1
        elif kind == "crash":
            log.on = True
            for response in await asyncio.gather(*(clerk.post(sent) for _ in range(count))):
                assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
            log.on = False
        for response in await asyncio.gather(*(clerk.post(sent) for _ in range(count))):
            judge(model, key, response)

    async def check(model: Model) -> None:
        case = await office.case(model.case)
        async with office.sessions.read() as session:
            comments = select(models.CaseComment.text).where(models.CaseComment.case_id == case.id)
            texts = (await session.scalars(comments)).all()
            noted = await session.scalar(
                text("SELECT count(*) FROM noted WHERE subject = :id").bindparams(id=str(case.id))
            )
        commented = [key for key, sent in model.bodies if "commentCase" in sent["query"]]
        assigned = [key for key, sent in model.bodies if "assignCase" in sent["query"]]
        assert sorted(texts) == sorted(commented)
        assert case.assignee == (assigned[-1] if assigned else None)
        assert case.version == 1 + len(model.bodies) == 1 + noted

    @settings(
        max_examples=HISTORIES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(history=st.lists(STEPS, min_size=1, max_size=5))
    async def histories(history: list[tuple[str, Any, int]]) -> None:
        done["histories"] += 1
        model = await start()
        for step in history:
            await run(model, step)
        await check(model)

    await drive(histories)
    assert done["histories"] >= HISTORIES
    assert all(done[kind] > 10 for kind in ("send", "crowd", "cut", "crash", "again", "other")), done


async def drive(test: Any) -> None:
    """Run a property whose body is a coroutine in the loop that is running."""
    loop = asyncio.get_running_loop()
    inner = test.hypothesis.inner_test

    def wait(**given: Any) -> None:
        asyncio.run_coroutine_threadsafe(inner(**given), loop).result()

    test.hypothesis.inner_test = wait
    await asyncio.to_thread(test)
