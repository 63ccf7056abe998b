from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from graphql_api.ids import encode_id
from tarazu import models
from tarazu.models.enums import TariffClass


async def test_a_case_is_found_by_number_and_by_id(world: Any, api: Any) -> None:
    case = world.cases[0]
    query = "query($id: ID, $no: Long) { case(id: $id, caseNo: $no) { id caseNo } }"
    by_number = (await api.ask(query, no=case.case_no))["case"]
    by_id = (await api.ask(query, id=encode_id("Case", str(case.id))))["case"]
    assert by_number == by_id == {"id": encode_id("Case", str(case.id)), "caseNo": case.case_no}


async def test_what_is_not_there_is_null(world: Any, api: Any) -> None:
    answer = await api.ask(
        '{ case(caseNo: 9007199254740993) { caseNo } usagePoint(subscriptionNo: "?") { id } '
        '  customer(customerNo: "?") { id } '
        f'  node(id: "{encode_id("Meter", "999999")}") {{ id }} '
        f'  rule: node(id: "{encode_id("RuleVersion", "T99@1")}") {{ id }} }}'
    )
    assert answer == {"case": None, "usagePoint": None, "customer": None, "node": None, "rule": None}


async def test_a_case_needs_exactly_one_name(world: Any, api: Any) -> None:
    query = "query($id: ID, $no: Long) { case(id: $id, caseNo: $no) { id } }"
    assert await api.fail(query) == "graphql.argument"
    assert await api.fail(query, id="x", no=1) == "graphql.argument"
    assert await api.fail(query, id=encode_id("Meter", "1")) == "graphql.id"
    assert await api.fail(query, id=encode_id("Case", "1")) == "graphql.id"


async def test_findings_tell_why_with_numbers_and_units(world: Any, api: Any) -> None:
    case = world.cases[1]
    query = """query($no: Long) { case(caseNo: $no) { findings { edges { node {
        ruleId sentenceFa sentenceEn parameters evidenceFromJalali
        rule { ruleId version definition } evidence { signal field value text unit } } } } } }"""
    edges = (await api.ask(query, no=case.case_no))["case"]["findings"]["edges"]
    findings = {edge["node"]["ruleId"]: edge["node"] for edge in edges}
    assert findings.keys() == {"T02", "C01"}
    drop = findings["T02"]
    assert drop["sentenceFa"] == "افت مصرف"
    assert drop["parameters"] == {"drop_percent": 50}
    assert drop["evidenceFromJalali"] == "1403/10/12"
    assert drop["rule"] == {"ruleId": "T02", "version": 1, "definition": world.rule_definition}
    assert drop["evidence"] == [
        {"signal": "sustained_drop", "field": "percent", "value": 61.5, "text": "61.5", "unit": "%"},
        {"signal": "sustained_drop", "field": "since", "value": None, "text": "2025-01-01", "unit": None},
        {"signal": "tamper", "field": "near", "value": 1.0, "text": "true", "unit": None},
    ]


async def test_case_summaries_match_a_plain_count(world: Any, api: Any) -> None:
    districts = {district.id: district.code for district in world.districts}
    for by in ([], ["STATE"], ["FAMILY", "DISTRICT"], ["STATE", "FAMILY", "DISTRICT"]):
        expected: dict[tuple[Any, ...], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for case in world.cases:
            values = {
                "STATE": case.state.name,
                "FAMILY": case.family.name,
                "DISTRICT": districts.get(case.district_id),
            }
            key = tuple(values[dimension] for dimension in by)
            count, money = expected[key]
            expected[key] = count + 1, money + case.money_at_risk_rial
        query = "query($by: [CaseDimension!]!) { caseSummary(groupBy: $by) { state family district { code } caseCount moneyAtRiskRial } }"
        found = {}
        for row in (await api.ask(query, by=by))["caseSummary"]:
            values = {
                "STATE": row["state"],
                "FAMILY": row["family"],
                "DISTRICT": row["district"] and row["district"]["code"],
            }
            found[tuple(values[dimension] for dimension in by)] = row["caseCount"], row["moneyAtRiskRial"]
        assert found == expected


async def test_a_case_summary_is_restricted_by_a_filter(world: Any, api: Any) -> None:
    (row,) = (await api.ask('{ caseSummary(groupBy: [], filter: { ruleId: { eq: "C01" } }) { caseCount } }'))[
        "caseSummary"
    ]
    assert row["caseCount"] == sum(n % 2 for n in range(len(world.cases)))


async def test_a_point_shows_its_customer_and_terms_of_today(world: Any, api: Any) -> None:
    # The second customer's point belonged to the first customer until 2025.
    query = """{ usagePoint(subscriptionNo: "S000010") { customer { customerNo } term { validFrom }
        terms { validFrom validTo validToJalali segment } supplies { edges { node { agreement { agreementNo } } } } } }"""
    point = (await api.ask(query))["usagePoint"]
    assert point["customer"] == {"customerNo": "C00001"}
    assert point["term"] == {"validFrom": "2025-02-15"}
    assert [term["validTo"] for term in point["terms"]] == [None, "2025-02-15"]
    assert [term["validToJalali"] for term in point["terms"]] == [None, "1403/11/27"]
    supplies = [edge["node"]["agreement"]["agreementNo"] for edge in point["supplies"]["edges"]]
    assert supplies == ["A00001", "A00000"]


async def test_a_point_whose_supply_and_terms_have_ended_or_not_begun_has_neither_today(
    database: Any, api_of: Any, sessions: Any
) -> None:
    today = dt.datetime.now().astimezone().date()
    day = dt.timedelta(1)
    periods = {
        "ended": (today - 9 * day, today),
        "last day": (today - 9 * day, today + day),
        "first day": (today, None),
        "to come": (today + day, None),
    }
    async with sessions.write() as session:
        district = models.District(code="D")
        for name, (valid_from, valid_to) in periods.items():
            period = {"valid_from": valid_from, "valid_to": valid_to}
            point = models.UsagePoint(subscription_no=name, district=district)
            agreement = models.SupplyAgreement(agreement_no=name, customer=models.Customer(customer_no=name))
            term = models.UsagePointTerm(usage_point=point, tariff_class=TariffClass.PUBLIC, **period)
            session.add_all(
                [models.AgreementUsagePoint(agreement=agreement, usage_point=point, **period), term]
            )
    query = "query($no: String!) { usagePoint(subscriptionNo: $no) { customer { customerNo } term { validFrom } } }"
    async with api_of(database) as api:
        for name, (valid_from, _) in periods.items():
            valid = name in ("last day", "first day")
            assert (await api.ask(query, no=name))["usagePoint"] == {
                "customer": {"customerNo": name} if valid else None,
                "term": {"validFrom": valid_from.isoformat()} if valid else None,
            }
