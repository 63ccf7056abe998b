"""Filters against the same conditions in Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from graphql_api.filters import COMPARISONS_MAX, DEPTH_MAX, VALUES_MAX
from tarazu.models import Case
from tarazu.models.enums import CaseState, RuleFamily, Severity, SubjectKind

QUERY = "query($filter: CaseFilter) { cases(filter: $filter, first: 100) { totalCount edges { node { caseNo } } } }"


def choices(kind: Any) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from([member.name for member in kind])
    return st.fixed_dictionaries({}, optional={"eq": names, "in": st.lists(names, min_size=1, max_size=3)})


def texts(*values: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from([*values, "no such"])
    parts = st.sampled_from([value[-4:] for value in values if len(value) > 2] + ["%00", "o s"])
    return st.fixed_dictionaries(
        {}, optional={"eq": names, "in": st.lists(names, min_size=1, max_size=3), "contains": parts}
    )


def ranges(*values: Any, eq: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    some = st.sampled_from(values)
    return st.fixed_dictionaries({}, optional={"gte": some, "lte": some, **({"eq": some} if eq else {})})


FIELDS = {
    "state": choices(CaseState),
    "family": choices(RuleFamily),
    "severity": choices(Severity),
    "subjectKind": choices(SubjectKind),
    "assignee": texts("رضا", "sara"),
    "districtCode": texts("D0", "D1", "D2"),
    "ruleId": texts("T02", "C01"),
    "subscriptionNo": texts("S000000", "S000030"),
    "customerNo": texts("C00005", "C00011"),
    "openedOn": ranges("2025-04-01", "2025-05-01", "2025-04-15"),
    "confidence": ranges(0.25, 0.5, 0.7, eq=False),
    "moneyAtRiskRial": ranges(0, 1_000_000, 5_000_000_000),
    "energyAtRiskKwh": ranges(0.0, 10.5, eq=False),
}
LEAVES = st.lists(st.sampled_from(sorted(FIELDS)), max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda leaf, more: leaf | more,
        LEAVES,
        st.fixed_dictionaries(
            {},
            optional={
                "and": st.lists(inner, min_size=1, max_size=2),
                "or": st.lists(inner, min_size=1, max_size=2),
                "not": inner,
            },
        ),
    ),
    max_leaves=4,
)


def facts(case: Any, rules: dict[Any, set[str]]) -> dict[str, list[Any]]:
    """The values of each field of a case; several where a field is of a list, none where it is null."""
    return {
        "state": [case.state.name],
        "family": [case.family.name],
        "severity": [case.severity.name],
        "subjectKind": [case.subject_kind.name],
        "assignee": [case.assignee] if case.assignee else [],
        "districtCode": [case.district.code] if case.district_id else [],
        "ruleId": list(rules[case.id]),
        "subscriptionNo": [case.usage_point.subscription_no] if case.usage_point_id else [],
        "customerNo": [case.customer.customer_no] if case.customer_id else [],
        "openedOn": [case.opened_on.isoformat()],
        "confidence": [case.confidence],
        "moneyAtRiskRial": [case.money_at_risk_rial],
        "energyAtRiskKwh": [case.energy_at_risk_kwh],
    }


def holds(given_filter: dict[str, Any], fact: dict[str, list[Any]]) -> bool:
    def compares(values: list[Any], operator: str, wanted: Any) -> bool:
        match operator:
            case "eq":
                return any(value == wanted for value in values)
            case "in":
                return any(value in wanted for value in values)
            case "contains":
                return any(wanted in value for value in values)
            case "gte":
                return any(value >= wanted for value in values)
            case _:
                return any(value <= wanted for value in values)

    for name, value in given_filter.items():
        match name:
            case "and":
                true = all(holds(part, fact) for part in value)
            case "or":
                true = any(holds(part, fact) for part in value)
            case "not":
                true = not holds(value, fact)
            case _:
                true = all(compares(fact[name], operator, wanted) for operator, wanted in value.items())
        if not true:
            return False
    return True


async def test_filters_select_what_the_same_conditions_select_in_python(world: Any, api: Any) -> None:
    async with api.sessions.read() as session:
        statement = select(Case).options(
            joinedload(Case.district), joinedload(Case.usage_point), joinedload(Case.customer)
        )
        cases = list(await session.scalars(statement))
    rules: dict[Any, set[str]] = {}
    for finding in world.findings:
        rules.setdefault(finding.case_id, set()).add(finding.rule_id)
    known = [(case.case_no, facts(case, rules)) for case in cases]

    examples: list[dict[str, Any]] = []

    @settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck), deadline=None)
    @given(FILTERS)
    def collect(example: dict[str, Any]) -> None:
        examples.append(example)

    collect()
    sizes = set()
    for example in examples:
        page = (await api.ask(QUERY, filter=example))["cases"]
        expected = {number for number, fact in known if holds(example, fact)}
        assert {edge["node"]["caseNo"] for edge in page["edges"]} == expected, example
        assert page["totalCount"] == len(expected)
        sizes.add(len(expected))
    assert len(sizes) > 5, "the examples do not tell filters apart"


@pytest.mark.parametrize(
    "bad",
    [
        {"state": {"in": []}},
        {"or": []},
        {"and": []},
        {"ruleId": {"in": ["x"] * (VALUES_MAX + 1)}},
        {"or": [{"ruleId": {"eq": "x"}}] * (COMPARISONS_MAX + 1)},
        {"assignee": {"eq": "a\0b"}},
        {"assignee": {"contains": "ab"}},
        {"not": {"not": {"not": {"not": {"not": {}}}}}},
    ],
)
async def test_unbounded_and_empty_filters_are_refused(world: Any, api: Any, bad: dict[str, Any]) -> None:
    assert DEPTH_MAX == 5
    assert await api.fail(QUERY, filter=bad) == "graphql.filter"


async def test_a_refusal_names_the_field_as_clients_know_it(world: Any, api: Any) -> None:
    answer = (await api.post(QUERY, filter={"districtCode": {"in": []}})).json()
    assert "`districtCode` is an empty list" in answer["errors"][0]["message"]


@pytest.mark.parametrize("none", [None, {}, {"state": None}, {"state": {"eq": None}}, {"or": None}])
async def test_absent_conditions_do_not_restrict(world: Any, api: Any, none: Any) -> None:
    assert (await api.ask(QUERY, filter=none))["cases"]["totalCount"] == len(world.cases)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("علي", {n for n in range(30) if n % 5 == 0}),
        ("كريمي ۱", {1, 11, 16}),
        ("C00007", {7}),
        ("c00007", {7}),
        ("S000120", {12}),
        ("10380284790", {n for n in range(30) if n % 5 == 2}),
        ("M000030", {3}),
        ("co", {n for n in range(30) if n % 5 == 4}),
        ("%%", set()),
        ("__", set()),
        ("رضاییان", set()),
    ],
)
async def test_search_understands_spelling_and_identifiers(
    world: Any, api: Any, search: str, found: set[int]
) -> None:
    query = "query($search: String) { customers(search: $search, first: 100) { totalCount edges { node { customerNo } } } }"
    page = (await api.ask(query, search=search))["customers"]
    assert {int(edge["node"]["customerNo"][1:]) for edge in page["edges"]} == found
    assert page["totalCount"] == len(found)


@pytest.mark.parametrize("search", ["", " ", "x", "\u200c\u200cx", "x" * 101])
async def test_searches_too_short_or_long_are_refused(world: Any, api: Any, search: str) -> None:
    query = "query($search: String) { customers(search: $search) { totalCount } }"
    assert await api.fail(query, search=search) == "customer_service.search"


async def test_customers_and_invoices_filter_by_their_own_fields(world: Any, api: Any) -> None:
    answer = await api.ask(
        '{ customers(filter: { sector: { eq: GOVERNMENT }, not: { customerNo: { in: ["C00002"] } } }) { totalCount } '
        '  invoices(filter: { subscriptionNo: { eq: "S000030" }, periodEnd: { gte: "2025-03-01" } }) { totalCount } '
        "  unpriced: invoices(filter: { not: { payableRial: { gte: 0 } } }) { totalCount } "
        '  far: invoices(filter: { districtCode: { eq: "D1" }, kind: { eq: ORDINARY } }) { totalCount } '
        '  rows: quarantinedRows(filter: { reason: { eq: "check_digit" }, column: { eq: "national_id" } }) { totalCount } }'
    )
    assert answer["customers"]["totalCount"] == 5
    assert answer["invoices"]["totalCount"] == 3
    assert answer["unpriced"]["totalCount"] == sum(i.payable_rial is None for i in world.invoices) > 0
    in_d1 = {point.id for point in world.usage_points if point.district_id == world.districts[1].id}
    assert answer["far"]["totalCount"] == sum(i.usage_point_id in in_d1 for i in world.invoices) > 0
    assert answer["rows"]["totalCount"] == 5
