"""The sums of cases and the list of rules: who sees which of them, and what may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from tarazu.security.permissions import Role

SUMMARY = "caseSummary(groupBy: [DISTRICT, STATE]) { district { code } state caseCount moneyAtRiskRial energyAtRiskKwh }"


async def test_who_is_limited_to_a_district_gets_its_cases_counted_alone(world: Any, api_both: Any) -> None:
    everything = (await api_both.ask(f"{{ {SUMMARY} }}"))["caseSummary"]
    local = await api_both.as_(Role.ANALYST, districts=["D1"])
    found = (await local.ask(f"{{ {SUMMARY} }}"))["caseSummary"]
    expected = [row for row in everything if row["district"] == {"code": "D1"}]
    assert expected
    assert [row for row in found if row["district"]] == expected
    # Cases about a customer as such have no district; they are in scope with any of the customer's points.
    about_customers = (
        await local.ask("{ cases(filter: { subjectKind: { eq: CUSTOMER } }) { totalCount } }")
    )["cases"]
    assert sum(row["caseCount"] for row in found if not row["district"]) == about_customers["totalCount"]
    nobody = await api_both.as_(Role.ANALYST, districts=[])
    assert (await nobody.ask(f"{{ {SUMMARY} }}"))["caseSummary"] == []


async def test_who_may_not_see_scores_gets_counts_in_their_own_order(world: Any, api_both: Any) -> None:
    inspector = await api_both.as_(Role.INSPECTOR)
    rows = (await inspector.ask(f"{{ {SUMMARY} }}"))["caseSummary"]
    assert {(row["moneyAtRiskRial"], row["energyAtRiskKwh"]) for row in rows} == {(None, None)}
    assert sum(row["caseCount"] for row in rows) == len(world.cases)
    counts = [row["caseCount"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    money = [row["moneyAtRiskRial"] for row in (await api_both.ask(f"{{ {SUMMARY} }}"))["caseSummary"]]
    assert money == sorted(money, reverse=True)
    assert any(money)


@pytest.mark.parametrize("name", ["moneyAtRiskRial", "energyAtRiskKwh", "confidence"])
@pytest.mark.parametrize("nested", ["%s", "or: [{ %s }]", "not: { and: [{ %s }] }"])
async def test_who_may_not_see_scores_may_not_compare_them(api_both: Any, name: str, nested: str) -> None:
    query = (
        f"{{ caseSummary(groupBy: [], filter: {{ {nested % f'{name}: {{ gte: 1 }}'} }}) {{ caseCount }} }}"
    )
    assert (await api_both.ask(query))["caseSummary"]
    inspector = await api_both.as_(Role.INSPECTOR)
    assert await inspector.fail(query) == "access.forbidden"


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("caseSummary(groupBy: [RULE, RULE]) { caseCount }", "graphql.argument"),
        ("caseSummary(groupBy: [PRIORITY]) { caseCount }", "graphql.invalid"),
        ("caseSummary { caseCount }", "graphql.invalid"),
        ('caseSummary(groupBy: [], filter: { ruleId: { eq: "\\u0000" } }) { caseCount }', "graphql.filter"),
        ('rules(filter: { ruleId: { eq: "\\u0000" } }) { ruleId }', "graphql.filter"),
    ],
)
async def test_wrong_arguments_are_refused(api_both: Any, field: str, code: str) -> None:
    assert await api_both.fail(f"{{ {field} }}") == code


async def test_rules_tell_of_their_current_version(world: Any, api_both: Any) -> None:
    query = (
        "{ rules { ruleId version versionCount family severity titleFa titleEn parameters definition "
        "versions { version } } }"
    )
    rules = (await api_both.ask(query))["rules"]
    assert rules == [
        {
            "ruleId": "C01",
            "version": 3,
            "versionCount": 1,
            "family": None,
            "severity": None,
            "titleFa": None,
            "titleEn": None,
            "parameters": None,
            "definition": {},
            "versions": [{"version": 3}],
        },
        {
            "ruleId": "T02",
            "version": 1,
            "versionCount": 1,
            "family": "THEFT",
            "severity": "HIGH",
            "titleFa": "افت",
            "titleEn": "Drop",
            "parameters": world.rule_definition["parameters"],
            "definition": world.rule_definition,
            "versions": [{"version": 1}],
        },
    ]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("family: { eq: THEFT }", ["T02"]),
        ("not: { family: { eq: THEFT } }", ["C01"]),
        ("severity: { in: [LOW, MEDIUM] }", []),
        ('ruleId: { in: ["C01", "X"] }', ["C01"]),
    ],
)
async def test_rules_are_filtered(world: Any, api_both: Any, given: str, found: list[str]) -> None:
    rules = (await api_both.ask(f"{{ rules(filter: {{ {given} }}) {{ ruleId }} }}"))["rules"]
    assert [rule["ruleId"] for rule in rules] == found


async def test_who_may_not_read_cases_or_rules_is_refused(api_both: Any) -> None:
    administrator = await api_both.as_(Role.ADMINISTRATOR)
    assert await administrator.fail(f"{{ {SUMMARY} }}") == "access.forbidden"
    officer = await api_both.as_(Role.COLLECTION_OFFICER)
    assert await officer.fail("{ rules { ruleId } }") == "access.forbidden"
