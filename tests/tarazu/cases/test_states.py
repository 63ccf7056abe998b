"""The table of states, as people are told it, and that the services keep to it."""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tarazu import models
from tarazu.cases import triage, visits
from tarazu.cases.desk import Desk, Target
from tarazu.cases.refusals import InvalidTransitionError
from tarazu.cases.states import TRANSITIONS, VERB_OF_OUTCOME, Verb
from tarazu.models.enums import (
    LIVE_CASE_STATES,
    CaseLinkKind,
    CaseState,
    DismissReason,
    InspectionOutcome,
)

TODAY = dt.datetime.now().astimezone().date()
CLOSED_BY = {Verb.DISMISS, Verb.MERGE, Verb.RECORD_FOUND, Verb.RECORD_CLEAN}


def test_only_reopening_makes_a_closed_case_live():
    revived = {
        verb
        for verb, row in TRANSITIONS.items()
        for before, after in row.items()
        if before not in LIVE_CASE_STATES and after in LIVE_CASE_STATES
    }
    assert revived == {Verb.REOPEN}


def test_only_decisions_and_results_close_a_case():
    closing = {
        verb
        for verb, row in TRANSITIONS.items()
        for before, after in row.items()
        if before in LIVE_CASE_STATES and after not in LIVE_CASE_STATES
    }
    assert closing == CLOSED_BY


def test_the_result_of_a_visit_and_a_comment_are_taken_in_every_state():
    for verb in {*VERB_OF_OUTCOME.values(), Verb.COMMENT}:
        assert TRANSITIONS[verb].keys() == set(CaseState)
    assert VERB_OF_OUTCOME.keys() == set(InspectionOutcome)


def test_every_state_is_reached_and_left():
    assert {after for row in TRANSITIONS.values() for after in row.values()} == set(CaseState)
    for state in CaseState:
        assert any(row.get(state, state) is not state for row in TRANSITIONS.values())


async def do(verb: Verb, desk: Desk, case: models.Case, other: models.Case, visit: int) -> models.Case:
    """The verb on `case`, as a caller does it."""
    target, second = Target(case.id), Target(other.id)
    match verb:
        case Verb.ASSIGN:
            return await triage.assign(desk, target, "x")
        case Verb.COMMENT:
            return (await triage.comment(desk, target, "x"))[0]
        case Verb.LINK:
            return (await triage.link(desk, target, second, CaseLinkKind.RELATED))[0]
        case Verb.START_REVIEW:
            return await triage.start_review(desk, target)
        case Verb.DISMISS:
            return await triage.dismiss(desk, target, DismissReason.DATA_ERROR, None)
        case Verb.ORDER_INSPECTION:
            return (await visits.order_inspection(desk, target))[0]
        case Verb.MERGE:
            return (await triage.merge(desk, target, second))[0]
        case Verb.TAKE_IN:
            return (await triage.merge(desk, second, target))[1]
        case Verb.REOPEN:
            return await triage.reopen(desk, target, "x")
    outcome = next(outcome for outcome, does in VERB_OF_OUTCOME.items() if does is verb)
    kept = await visits.record_outcome(desk, visit, visits.VisitResult(outcome, TODAY))
    assert kept.case is not None
    return kept.case


def test_the_page_for_analysts_has_the_same_table():
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "triage.md").read_text("utf-8")
    for verb, row in TRANSITIONS.items():
        cells = [row[state].value if state in row else "–" for state in CaseState]
        assert f"| `{verb.value}` | {' | '.join(cells)} |" in page


class UndoError(Exception):
    pass


def undo() -> None:
    """End the transaction without keeping anything."""
    raise UndoError


@pytest.mark.parametrize("verb", list(Verb))
async def test_each_verb_leads_where_the_table_says(office: Any, principal_of: Any, verb: Verb) -> None:
    case, other, third = office.cases[:3]
    for state in CaseState:
        live = state in LIVE_CASE_STATES
        with contextlib.suppress(UndoError):
            async with office.sessions.write() as session:
                await session.execute(
                    update(models.Case)
                    .where(models.Case.id == case.id)
                    .values(
                        state=state,
                        closed_at=None if live else dt.datetime.now(dt.UTC),
                        merged_into_id=third.id if state is CaseState.MERGED else None,
                    )
                )
                visit = models.Inspection(
                    inspection_no="N1",
                    usage_point_id=office.points[0].id,
                    case_id=case.id,
                    ordered_on=TODAY,
                    withdrawn_on=None if state is CaseState.INSPECTION_ORDERED else TODAY,
                )
                session.add(visit)
                await session.flush()
                async with Desk(session, principal_of(), today=TODAY) as desk:
                    expected = TRANSITIONS[verb].get(state)
                    if expected is None:
                        with pytest.raises(InvalidTransitionError) as refused:
                            await do(verb, desk, case, other, visit.id)
                        assert refused.value.state is state
                        assert state.name in str(refused.value)
                    else:
                        after = await do(verb, desk, case, other, visit.id)
                        assert (after.state, after.version) == (expected, 2)
                        assert (after.closed_at is None) is (expected in LIVE_CASE_STATES)
                        assert after.closed_at is None or after.closed_reason or expected is state
                undo()
