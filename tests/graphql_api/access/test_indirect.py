"""What is outside the scope is not told in a roundabout way either: by what finds a row, or by what hangs on one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from graphql_api.ids import encode_id
from tarazu.models.enums import Sector
from tarazu.security.permissions import Permission, Role

from .conftest import ZONES, named


@pytest.fixture(scope="module")
async def started(company_of: Any, api_of: Any) -> Any:
    settings, rows = await company_of(*ZONES)
    async with api_of(settings) as api:
        yield api, rows


SEARCH = "query($s: String) { %s(search: $s) { totalCount } }"


async def count(api: Any, field: str, search: str) -> int:
    return (await api.ask(SEARCH % field, s=search))[field]["totalCount"]


async def test_a_row_is_not_found_by_what_is_outside_the_scope(started: Any) -> None:
    """The own customer had a point abroad: whoever found them by it would learn whose it was."""
    api, rows = started
    own = await api.as_(Role.ANALYST, districts=["D-own"])
    for search in (f"S-{named('abroad')}", f"M-{named('abroad')}", rows["abroad"].point.bill_id):
        assert await count(api, "customers", search) >= 1
        assert await count(own, "customers", search) == 0
    # Somebody of another sector had the own point, and the own meter hung at theirs.
    own = await api.as_(Role.ANALYST, sectors=[Sector.PRIVATE])
    for field in ("usagePoints", "meters"):
        for search in (f"C-{named('state')}", rows["state"].customer.national_id):
            assert await count(api, field, search) >= 1
            assert await count(own, field, search) == 0
    assert await count(own, "customers", "S-own") >= 1
    assert await count(own, "usagePoints", "C-own") >= 1
    assert await count(own, "meters", "C-own") >= 1


async def test_a_link_to_a_case_outside_the_scope_is_left_out(started: Any) -> None:
    api, rows = started
    query = "query($no: Long) { case(caseNo: $no) { links { author otherCase { caseNo } } } }"
    number = int(rows["own"].case.case_no)
    assert len((await api.ask(query, no=number))["case"]["links"]) == 3
    own = await api.as_(Role.ANALYST, districts=["D-own"], sectors=[Sector.PRIVATE])
    (link,) = (await own.ask(query, no=number))["case"]["links"]
    assert link["author"] == "own"


async def test_a_former_supply_to_another_sector_is_left_out(started: Any) -> None:
    api, _ = started
    query = '{ usagePoint(subscriptionNo: "S-own") { supplies { totalCount edges { node { agreement { agreementNo } } } } } }'
    assert (await api.ask(query))["usagePoint"]["supplies"]["totalCount"] == 2
    own = await api.as_(Role.ANALYST, sectors=[Sector.PRIVATE])
    supplies = (await own.ask(query))["usagePoint"]["supplies"]
    assert supplies["totalCount"] == len(supplies["edges"]) == 1
    assert supplies["edges"][0]["node"]["agreement"] is not None


async def test_who_may_change_a_case_and_not_read_it_is_not_told_of_it_by_the_answer(
    started: Any, monkeypatch: Any
) -> None:
    """No role is so today; a payload asks for the permission of what it holds all the same."""
    api, rows = started
    principal = await api.authenticator.authenticate(f"Bearer {api.token}")
    permissions = principal.permissions - {Permission.READ_CASES}

    async def blind(_authorization: str | None) -> Any:
        return dataclasses.replace(principal, permissions=permissions)

    monkeypatch.setattr(api.authenticator, "authenticate", blind)
    case_id = encode_id("Case", str(rows["own"].case.id))
    given = f'clientMutationKey: "payload-0001", caseId: "{case_id}", text: "seen?"'
    query = (
        f"mutation {{ commentCase(input: {{{given}}}) {{ ... on CommentPayload {{ case {{ caseNo }} }} }} }}"
    )
    response = await api.post(query)
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"]["code"] == "access.forbidden"
    monkeypatch.undo()
    found = await api.ask(
        "query($id: ID!) { case(id: $id) { comments { edges { node { text } } } } }", id=case_id
    )
    assert "seen?" not in str(found)
