"""Cases counted and summed, against a plain computation in every scope."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import uuid
from collections import defaultdict
from typing import Any

import pytest

from tarazu.cases.summary import CaseDimension, case_summary_statement
from tarazu.filtering import Comparison, Operator
from tarazu.models import Case, Finding, ReadingAgent, RuleVersion, ScanRun
from tarazu.models.enums import LIVE_CASE_STATES, CaseState, RuleFamily, Severity, SubjectKind

NAMES = {
    CaseDimension.STATE: {"state"},
    CaseDimension.FAMILY: {"family"},
    CaseDimension.DISTRICT: {"district_id", "district_code"},
    CaseDimension.RULE: {"rule_id"},
    CaseDimension.SEVERITY: {"severity"},
    CaseDimension.ASSIGNEE: {"assignee"},
}
SUMS = ("case_count", "energy_at_risk_kwh", "money_at_risk_rial")


async def add_cases(sessions: Any, made: Any, seed: int) -> list[Case]:
    chance = random.Random(seed)
    cases = []
    async with sessions.write() as session:
        rules = [RuleVersion(rule_id=f"T0{n}", version=1, content_hash="h", definition={}) for n in range(3)]
        scan = ScanRun(as_of=dt.date(2025, 6, 1), lake_generation="g", catalogue_hash="c")
        agent = ReadingAgent(agent_no="A1")
        session.add_all([*rules, scan, agent])
        await session.flush()
        for n in range(40):
            kind = chance.choice(list(SubjectKind))
            point = chance.choice(made.points) if kind is SubjectKind.USAGE_POINT else None
            transformer = chance.choice(made.transformers) if kind is SubjectKind.TRANSFORMER else None
            customer = chance.choice(made.customers) if kind is SubjectKind.CUSTOMER else None
            # Into the first case some others are merged.
            state = chance.choice(list(CaseState)) if n else CaseState.OPEN
            district = (point or transformer).district_id if point or transformer else None
            if kind is SubjectKind.READING_AGENT:
                district = chance.choice(made.districts).id
            case = Case(
                id=uuid.UUID(int=n + 1),
                family=chance.choice(list(RuleFamily)),
                subject_kind=kind,
                subject_key=f"K{n}",
                usage_point_id=point and point.id,
                customer_id=customer and customer.id,
                transformer_id=transformer and transformer.id,
                reading_agent_id=agent.id if kind is SubjectKind.READING_AGENT else None,
                district_id=district,
                state=state,
                severity=chance.choice(list(Severity)),
                confidence=0.5,
                energy_at_risk_kwh=chance.choice([0.0, 10.5]),
                money_at_risk_rial=chance.choice([0, 5_000_000_000]),
                priority=0.0,
                opened_on=dt.date(2025, 5, 1),
                closed_at=None if state in LIVE_CASE_STATES else dt.datetime(2025, 5, 2, tzinfo=dt.UTC),
                assignee=chance.choice([None, "رضا", "sara"]),
                first_scan_run_id=scan.id,
                merged_into_id=uuid.UUID(int=1) if state is CaseState.MERGED else None,
            )
            case.findings = [
                Finding(
                    id=uuid.UUID(int=1_000 * (n + 1) + k),
                    rule=chance.choice(rules),
                    severity=Severity.LOW,
                    confidence=0.5,
                    energy_at_risk_kwh=0.0,
                    money_at_risk_rial=0,
                    parameters={},
                    evidence=[],
                    sentence_fa="",
                    sentence_en="",
                    first_scan_run_id=scan.id,
                    ended_scan_run_id=chance.choice([None, None, scan.id]),
                )
                for k in range(chance.randint(0, 4))
            ]
            cases.append(case)
        session.add_all(cases)
    return cases


def visible(made: Any, scope: Any, case: Case) -> bool:
    if scope.districts is None and scope.sectors is None:
        return True
    if case.usage_point_id is not None:
        return made.sees(scope, case.usage_point_id)
    if case.transformer_id is not None:
        district = next(t.district_id for t in made.transformers if t.id == case.transformer_id)
        return scope.sectors is None and district in scope.districts
    if case.reading_agent_id is not None:
        return scope.sectors is None and case.district_id in scope.districts
    customer = next(c for c in made.customers if c.id == case.customer_id)
    agreements = {a.id for a in made.agreements if a.customer_id == customer.id}
    points = {s.usage_point_id for s in made.supplies if s.agreement_id in agreements}
    districts = {p.district_id for p in made.points if p.id in points}
    return (scope.districts is None or bool(districts & set(scope.districts))) and (
        scope.sectors is None or customer.sector in scope.sectors
    )


def computed(made: Any, cases: list[Case], by: Any, scope: Any) -> dict[Any, tuple[Any, ...]]:
    names = set().union(*(NAMES[dimension] for dimension in by))
    codes = {district.id: district.code for district in made.districts}
    groups: dict[Any, list[Case]] = defaultdict(list)
    for case in cases:
        if not visible(made, scope, case):
            continue
        held = {f.rule.rule_id for f in case.findings if f.ended_scan_run_id is None}
        for rule_id in (held or {None}) if CaseDimension.RULE in by else {None}:
            keys = {
                "state": case.state,
                "family": case.family,
                "district_id": case.district_id,
                "district_code": codes.get(case.district_id),
                "rule_id": rule_id,
                "severity": case.severity,
                "assignee": case.assignee,
            }
            groups[frozenset((k, v) for k, v in keys.items() if k in names)].append(case)
    if not by:
        groups.setdefault(frozenset(), [])
    return {
        key: (
            len(group),
            sum(case.energy_at_risk_kwh for case in group),
            sum(case.money_at_risk_rial for case in group),
        )
        for key, group in groups.items()
    }


async def read(sessions: Any, statement: Any) -> dict[Any, tuple[Any, ...]]:
    async with sessions.read() as session:
        rows = [dict(row._mapping) for row in await session.execute(statement)]
    found = {
        frozenset((k, v) for k, v in row.items() if k not in SUMS): tuple(row[name] for name in SUMS)
        for row in rows
    }
    assert len(found) == len(rows)
    money = [row["money_at_risk_rial"] for row in rows]
    assert money == sorted(money, reverse=True)
    return found


@pytest.mark.parametrize("seed", range(2))
async def test_cases_are_summed_as_computed_in_every_scope(
    sessions: Any, company_of: Any, scopes: Any, seed: int
) -> None:
    made = await company_of(seed)
    cases = await add_cases(sessions, made, seed)
    subsets = [by for n in range(7) for by in itertools.combinations(CaseDimension, n)]
    for number, scope in enumerate(scopes(made)):
        for by in subsets[number % 3 :: 3]:
            statement = case_summary_statement(by, scope=scope.values())
            assert await read(sessions, statement) == computed(made, cases, by, scope)


async def test_a_case_counts_once_under_a_rule_with_two_findings(
    sessions: Any, company_of: Any, scopes: Any
) -> None:
    made = await company_of(0)
    cases = await add_cases(sessions, made, 0)
    doubled = [
        case
        for case in cases
        if len([f for f in case.findings if f.ended_scan_run_id is None])
        > len({f.rule.rule_id for f in case.findings if f.ended_scan_run_id is None})
    ]
    assert doubled
    condition = Comparison("severity", Operator.EQ, doubled[0].severity)
    kept = [case for case in cases if case.severity is doubled[0].severity]
    by = (CaseDimension.RULE,)
    found = await read(sessions, case_summary_statement(by, condition))
    assert found == computed(made, kept, by, scopes(made)[0])
