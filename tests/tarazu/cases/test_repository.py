from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from tarazu.cases.repository import top_cases
from tarazu.database import Sessions
from tarazu.models import Case, Customer, District, Finding, RuleVersion, ScanRun
from tarazu.models.enums import CaseState, RuleFamily, RunState, Severity, SubjectKind


async def add_cases(sessions: Sessions) -> None:
    async with sessions.write() as session:
        scan = ScanRun(
            state=RunState.RUNNING, as_of=dt.date(2025, 6, 1), lake_generation="g", catalogue_hash="c"
        )
        district = District(code="D1")
        customers = [Customer(customer_no=f"C{n}") for n in range(4)]
        session.add_all(
            [
                scan,
                district,
                *customers,
                RuleVersion(rule_id="C01", version=1, content_hash="h", definition={}),
            ]
        )
        await session.flush()
        run = {"first_scan_run_id": scan.id}
        for n, (state, priority) in enumerate(
            [
                (CaseState.OPEN, 5.0),
                (CaseState.DISMISSED, 50.0),
                (CaseState.IN_REVIEW, 9.0),
                (CaseState.OPEN, 1.0),
            ]
        ):
            case = Case(
                id=uuid.UUID(int=n),
                family=RuleFamily.DEBT,
                subject_kind=SubjectKind.CUSTOMER,
                subject_key=f"C{n}",
                customer=customers[n],
                district=district if n == 2 else None,
                state=state,
                severity=Severity.HIGH,
                confidence=0.5,
                energy_at_risk_kwh=0.0,
                money_at_risk_rial=2**40,
                priority=priority,
                opened_on=dt.date(2025, 6, 1),
                closed_at=dt.datetime(2025, 6, 2, tzinfo=dt.UTC) if state is CaseState.DISMISSED else None,
                **run,
            )
            session.add(case)
            amounts: tuple[int, ...] = (10, 30, 20) if n == 2 else ()
            session.add_all(
                [
                    Finding(
                        id=uuid.UUID(int=100 + amount),
                        case=case,
                        rule_id="C01",
                        rule_version=1,
                        severity=Severity.LOW,
                        confidence=0.5,
                        energy_at_risk_kwh=0.0,
                        money_at_risk_rial=amount,
                        parameters={},
                        evidence=[],
                        sentence_fa=f"بدهی {amount}",
                        sentence_en=f"Owes {amount}.",
                        **run,
                    )
                    for amount in amounts
                ]
            )


async def test_top_cases_are_the_live_ones_of_highest_priority_with_their_reason(sessions: Any) -> None:
    await add_cases(sessions)
    async with sessions.read() as session:
        first, second = await top_cases(session, 2)
        everything = await top_cases(session, 10, live_only=False)
    assert (first.subject_key, first.priority, first.district_code) == ("C2", 9.0, "D1")
    assert first.rule_ids == ("C01",)
    assert (first.sentence_fa, first.sentence_en) == ("بدهی 30", "Owes 30.")
    assert first.money_at_risk_rial == 2**40
    assert (second.subject_key, second.rule_ids, second.sentence_en) == ("C0", (), None)
    assert [case.subject_key for case in everything] == ["C1", "C2", "C0", "C3"]
