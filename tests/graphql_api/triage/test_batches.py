"""What analysts do to fifty cases at once: one transaction, each case with its own outcome."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, select

from graphql_api.ids import encode_id
from tarazu import models
from tarazu.models.enums import CaseState
from tarazu.security.principal import RowScope


def of(case: Any, version: int = 1) -> dict[str, Any]:
    return {"caseId": encode_id("Case", str(case.id)), "expectedVersion": version}


def outcomes(answer: dict[str, Any]) -> list[str]:
    return [item["result"]["__typename"] for item in answer["results"]]


async def states(office: Any) -> list[CaseState]:
    async with office.sessions.read() as session:
        return list(await session.scalars(select(models.Case.state).order_by(models.Case.id)))


async def test_fifty_cases_are_dismissed_each_with_its_own_outcome(
    clerk: Any, office: Any, principal_of: Any, entries: Any
) -> None:
    who = principal_of(scope=RowScope(frozenset({office.districts[0].id})))
    await clerk.do("assignCase", **of(office.cases[3]), assignee="x")
    await clerk.do("dismissCase", **of(office.cases[7]), reason="DATA_ERROR")
    entries.clear()
    chosen = [*office.cases[:48], *office.foreign[:2]]
    given = [of(case, 2 if case is office.cases[7] else 1) for case in chosen]
    answer = await clerk.do("dismissCases", principal=who, cases=given, reason="DUPLICATE", text="یکی")
    assert [item["caseId"] for item in answer["results"]] == [case["caseId"] for case in given]
    expected = ["CasePayload"] * 50
    expected[3], expected[7] = "ConflictError", "InvalidTransitionError"
    expected[48:] = ["NotFoundError"] * 2
    assert outcomes(answer) == expected
    assert answer["results"][3]["result"]["currentVersion"] == 2
    after = await states(office)
    assert after[:48].count(CaseState.DISMISSED) == 47
    assert after[3] is CaseState.OPEN
    assert set(after[48:]) == {CaseState.OPEN}
    # One entry each for what was done, none for what was refused.
    done = {str(case.id) for case, name in zip(chosen, expected, strict=True) if name == "CasePayload"}
    assert [entry.action for entry in entries] == ["case.dismiss"] * 46
    assert {entry.subject_id for entry in entries} == done


async def test_cases_of_a_list_are_assigned_commented_and_visited(clerk: Any, office: Any) -> None:
    given = [of(case) for case in office.cases[:5]]
    answer = await clerk.do("assignCases", cases=given, assignee="گروه ۲")
    assert [item["result"]["case"]["assignee"] for item in answer["results"]] == ["گروه ۲"] * 5
    answer = await clerk.do("commentCases", caseIds=[case["caseId"] for case in given], text="با هم")
    assert [item["result"]["comment"]["text"] for item in answer["results"]] == ["با هم"] * 5
    given = [of(case, 3) for case in office.cases[:5]] + [of(office.case_of_customer)]
    answer = await clerk.do("orderInspections", cases=given)
    assert outcomes(answer) == ["OrderPayload"] * 5 + ["InvalidInputError"]
    numbers = {item["result"]["inspection"]["inspectionNo"] for item in answer["results"][:5]}
    assert len(numbers) == 5
    assert (await states(office))[:5] == [CaseState.INSPECTION_ORDERED] * 5


async def test_a_list_that_is_empty_too_long_or_names_a_case_twice_is_refused_whole(
    clerk: Any, office: Any
) -> None:
    many = [of(models.Case(id=office.cases[0].id.__class__(int=n))) for n in range(201)]
    for given in (
        [],
        many,
        [of(office.cases[0]), of(office.cases[0])],
        [{**of(office.cases[0]), "caseId": "?"}],
    ):
        answer = await clerk.do("assignCases", cases=given, assignee="x")
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "cases")
    assert (await clerk.do("assignCases", cases=many[:200], assignee="x"))["__typename"] == "CasesPayload"


async def test_an_item_that_fails_late_takes_nothing_with_it(
    clerk: Any, office: Any, entries: Any, monkeypatch: Any
) -> None:
    from tarazu.cases import triage
    from tarazu.cases.refusals import InvalidInputError

    done = triage.assign

    async def assign(desk: Any, target: Any, assignee: Any) -> Any:
        case = await done(desk, target, assignee)
        if target.case_id == office.cases[1].id:
            raise InvalidInputError("late", field="assignee")
        return case

    monkeypatch.setattr(triage, "assign", assign)
    answer = await clerk.do("assignCases", cases=[of(case) for case in office.cases[:3]], assignee="x")
    assert outcomes(answer) == ["CasePayload", "InvalidInputError", "CasePayload"]
    assert [(await office.case(case)).assignee for case in office.cases[:3]] == ["x", None, "x"]
    assert len(entries) == 2


async def test_a_list_takes_one_statement_to_lock_and_one_a_case(clerk: Any, office: Any) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(clerk.engine, "before_cursor_execute", note)
    try:
        await clerk.do("assignCases", cases=[of(case) for case in office.cases[:50]], assignee="x")
    finally:
        event.remove(clerk.engine, "before_cursor_execute", note)
    assert sum("FOR NO KEY UPDATE" in statement for statement in statements) == 1
    assert sum(statement.startswith("UPDATE") for statement in statements) == 50
    # Each case in a savepoint of its own, which begins and ends; beside them the key, the clock, the answer.
    assert len(statements) < 50 * 3 + 10
