"""No scan undoes what a person decided: a scan that finds the same again after triage."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text, update

from tarazu import models
from tarazu.cases import triage, visits
from tarazu.cases.desk import Desk, Target
from tarazu.cases.opening import CaseOpening
from tarazu.errors import BusyError
from tarazu.models.enums import LIVE_CASE_STATES, CaseState, DismissReason, InspectionOutcome

WINDOW_DAYS = 180
TODAY = dt.datetime.now().astimezone().date()

_STAGING = """
CREATE TABLE staging.found AS
SELECT 'usage_point' AS subject_kind, p.id AS subject_id, p.subscription_no AS subject_key, p.district_id,
    'theft' AS family, :identity AS identity, md5(p.id || :identity)::text AS case_id,
    'T02' AS rule_id, 1 AS rule_version, 'high' AS severity, 0.5::float8 AS confidence,
    10.0::float8 AS energy_at_risk_kwh, 1000000::bigint AS money_at_risk_rial, NULL::date AS evidence_from,
    NULL::date AS evidence_to, NULL::bigint AS invoice_id, '{}' AS parameters, '[]' AS evidence,
    'x' AS sentence_fa, 'x' AS sentence_en, '' AS explained_by
FROM usage_point p
"""


@pytest.fixture
def scan(office: Any, engine: Any) -> Any:
    """Finds something new at each of the points, as of a day; how many cases that opened."""

    async def run(as_of: dt.date) -> int:
        async with engine.begin() as connection:
            run_id = await connection.scalar(
                text(
                    "INSERT INTO scan_run (as_of, lake_generation, catalogue_hash) VALUES (:day, 'g', 'c') RETURNING id"
                ),
                {"day": as_of},
            )
            # Bound values need a plain statement.
            await connection.execute(text(_STAGING.replace(":identity", f"'{as_of.isoformat()}'::text")))
            opening = CaseOpening(connection, run_id=run_id, as_of=as_of, window_days=WINDOW_DAYS)
            await opening.begin()
            await opening.add("staging.found")
            opened = await opening.finish([])
            await connection.execute(text("DROP TABLE staging.found"))
        return opened.cases_opened

    return run


@pytest.fixture
def at_desk(office: Any, principal_of: Any) -> Any:
    async def run(work: Any, *given: Any) -> Any:
        async with office.sessions.write() as session, Desk(session, principal_of(), today=TODAY) as desk:
            return await work(desk, *given)

    return run


async def findings_of(office: Any, case: models.Case) -> int:
    async with office.sessions.read() as session:
        found = await session.scalars(select(models.Finding.id).where(models.Finding.case_id == case.id))
        return len(found.all())


async def close_before(office: Any, case: models.Case, days: int) -> None:
    async with office.sessions.write() as session:
        moment = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        await session.execute(update(models.Case).where(models.Case.id == case.id).values(closed_at=moment))


async def test_what_people_decided_stands_for_its_window_and_keeps_the_new_evidence(
    office: Any, at_desk: Any, scan: Any
) -> None:
    dismissed, confirmed, clean, merged, survivor, waiting = office.cases[:6]
    await at_desk(triage.dismiss, Target(dismissed.id), DismissReason.INNOCENT_CAUSE, None)
    for case, outcome in ((confirmed, InspectionOutcome.THEFT), (clean, InspectionOutcome.CLEAN)):
        _, visit = await at_desk(visits.order_inspection, Target(case.id))
        await at_desk(visits.record_outcome, visit.id, visits.VisitResult(outcome, TODAY))
    await at_desk(triage.merge, Target(merged.id), Target(survivor.id))
    _, visit = await at_desk(visits.order_inspection, Target(waiting.id))
    await at_desk(visits.record_outcome, visit.id, visits.VisitResult(InspectionOutcome.NO_ACCESS, TODAY))
    decided = {
        dismissed: CaseState.DISMISSED,
        confirmed: CaseState.CONFIRMED,
        clean: CaseState.DISMISSED,
        merged: CaseState.MERGED,
    }
    before = {case.id: await office.case(case) for case in decided}

    assert await scan(TODAY + dt.timedelta(days=1)) == 0

    for case, state in decided.items():
        after = await office.case(case)
        assert (after.state, after.version, after.closed_at) == (
            state,
            before[case.id].version,
            before[case.id].closed_at,
        )
        assert await findings_of(office, case) == 2
    assert (await office.case(survivor)).state is CaseState.OPEN
    assert (await office.case(waiting)).state is CaseState.INSPECTION_ORDERED
    async with office.sessions.read() as session:
        outcomes = set(await session.scalars(select(models.Inspection.outcome)))
    assert {InspectionOutcome.CLEAN, InspectionOutcome.NO_ACCESS} <= outcomes


async def test_after_the_window_the_same_loss_is_a_new_case(office: Any, at_desk: Any, scan: Any) -> None:
    within, past = office.cases[:2]
    for case, days in ((within, WINDOW_DAYS - 2), (past, WINDOW_DAYS + 2)):
        await at_desk(triage.dismiss, Target(case.id), DismissReason.DATA_ERROR, None)
        await close_before(office, case, days)
    assert await scan(TODAY) == 1
    assert await findings_of(office, within) == 2
    assert await findings_of(office, past) == 1


async def test_a_merged_case_shares_the_decision_on_the_one_it_was_merged_into(
    office: Any, at_desk: Any, scan: Any
) -> None:
    long_ago = WINDOW_DAYS + 50
    for n in (0, 2, 4):
        await at_desk(triage.merge, Target(office.cases[n].id), Target(office.cases[n + 1].id))
        await close_before(office, office.cases[n], long_ago)
    # The first goes on; the second was closed within the window; the third before it.
    for n, days in ((3, WINDOW_DAYS - 5), (5, WINDOW_DAYS + 5)):
        await at_desk(triage.dismiss, Target(office.cases[n].id), DismissReason.DATA_ERROR, None)
        await close_before(office, office.cases[n], days)
    assert await scan(TODAY) == 2
    assert [await findings_of(office, case) for case in office.cases[:6]] == [2, 2, 2, 2, 1, 1]


async def test_a_reopened_case_takes_new_evidence_as_a_live_one(office: Any, at_desk: Any, scan: Any) -> None:
    case = office.cases[0]
    await at_desk(triage.dismiss, Target(case.id), DismissReason.DATA_ERROR, None)
    await close_before(office, case, WINDOW_DAYS + 5)
    await at_desk(triage.reopen, Target(case.id), "again")
    assert await scan(TODAY) == 0
    after = await office.case(case)
    assert (after.state, after.version) == (CaseState.IN_REVIEW, 4)
    assert await findings_of(office, case) == 2


async def test_nothing_is_reopened_while_a_scan_writes_its_cases(
    office: Any, at_desk: Any, engine: Any
) -> None:
    case = office.cases[0]
    await at_desk(triage.dismiss, Target(case.id), DismissReason.DATA_ERROR, None)
    async with engine.begin() as connection:
        await CaseOpening(connection, run_id=office.scan.id, as_of=TODAY, window_days=WINDOW_DAYS).begin()
        with pytest.raises(BusyError):
            await at_desk(triage.reopen, Target(case.id), "again")
        # All else goes on.
        await at_desk(triage.assign, Target(office.cases[1].id), "x")
    await at_desk(triage.reopen, Target(case.id), "again")


async def test_there_is_one_live_case_a_subject_and_family_after_all_of_it(
    office: Any, at_desk: Any, scan: Any
) -> None:
    for n, case in enumerate(office.cases[:8]):
        await at_desk(triage.dismiss, Target(case.id), DismissReason.DATA_ERROR, None)
        await close_before(office, case, WINDOW_DAYS * (n % 2) + 1)
    assert await scan(TODAY) == 4
    async with office.sessions.read() as session:
        live = (
            await session.scalars(
                select(models.Case.subject_key).where(models.Case.state.in_(LIVE_CASE_STATES))
            )
        ).all()
    assert len(live) == len(set(live))
