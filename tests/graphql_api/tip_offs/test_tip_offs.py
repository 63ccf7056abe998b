"""Tip-offs: kept, listed and read; who reported stays sealed but for those who may know."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from graphql_api.ids import encode_id
from tarazu import models
from tarazu.customer_service import tip_offs
from tarazu.models.enums import Sector
from tarazu.security.permissions import Role

# Of nobody.
NAME, PHONE = "گزارش‌دهنده Whistleblower", "+989387716534"
RECORD = """mutation($input: RecordTipOffInput!) { recordTipOff(input: $input) { __typename
  ... on TipOffPayload { tipOff { id tipOffNo receivedOn receivedOnJalali channel text createdBy usagePoint { subscriptionNo } } }
  ... on MutationError { code message } ... on InvalidInputError { field } } }"""
LIST = "{ tipOffs { edges { node { tipOffNo receivedOn text usagePoint { subscriptionNo } } } } }"
WITH_REPORTER = "{ tipOffs { totalCount edges { node { tipOffNo text reporter { name phone } } } } }"


@pytest.fixture
async def api(database: Any, office: Any, api_of: Any) -> Any:
    async with api_of(database) as started:
        yield started


@pytest.fixture
def given(office: Any) -> Any:
    """An input for a usage point, under a key of its own."""
    keys = iter(range(100))

    def make(point: int | None = 0, **others: Any) -> dict[str, Any]:
        return {
            "clientMutationKey": f"tip-off-{next(keys):04d}",
            "receivedOn": "2025-03-21",
            "channel": "TELEPHONE",
            "text": "قلاب روی خط",
            "usagePointId": None if point is None else encode_id("UsagePoint", str(office.points[point].id)),
            "reporter": {"name": NAME, "phone": PHONE},
            **others,
        }

    return make


async def record(api: Any, **given: Any) -> dict[str, Any]:
    return (await api.ask(RECORD, input=given))["recordTipOff"]


async def nodes(api: Any, query: str = LIST) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await api.ask(query))["tipOffs"]["edges"]]


async def audited(api: Any, action: str) -> list[models.AuditEvent]:
    async with api.sessions.read() as session:
        rows = await session.execute(
            text("SELECT subject_type, subject_id, principal_id FROM audit_event WHERE action = :action"),
            {"action": action},
        )
        return list(rows)


async def test_a_report_is_kept_told_and_written_down(api: Any, given: Any) -> None:
    answer = await record(api, **given())
    tip_off = answer["tipOff"]
    assert {name: value for name, value in tip_off.items() if name != "id"} == {
        "tipOffNo": 1,
        "receivedOn": "2025-03-21",
        "receivedOnJalali": "1404/01/01",
        "channel": "TELEPHONE",
        "text": "قلاب روی خط",
        "createdBy": "test analyst",
        "usagePoint": {"subscriptionNo": "S0"},
    }
    found = await api.ask(
        "query($id: ID!) { node(id: $id) { ... on TipOff { tipOffNo } } }", id=tip_off["id"]
    )
    assert found == {"node": {"tipOffNo": 1}}
    (event,) = await audited(api, "sensitive_create")
    assert event.subject_type == "tip_off"


async def test_the_newest_come_first(api: Any, given: Any) -> None:
    for received_on in ("2025-03-01", "2025-05-01", "2025-03-01"):
        await record(api, **given(receivedOn=received_on))
    assert [node["tipOffNo"] for node in await nodes(api)] == [2, 3, 1]


async def test_who_reported_is_told_to_whom_may_know_alone_and_each_reading_written_down(
    api: Any, given: Any
) -> None:
    await record(api, **given())
    await record(api, **given(reporter=None))
    manager = await api.as_(Role.OFFICE_MANAGER)
    known = await nodes(manager, WITH_REPORTER)
    assert [node["reporter"] for node in known] == [None, {"name": NAME, "phone": PHONE}]
    read = await audited(api, "sensitive_read")
    assert [event.subject_type for event in read] == ["tip_off"]
    response = await api.post(WITH_REPORTER)
    assert [edge["node"]["reporter"] for edge in response.json()["data"]["tipOffs"]["edges"]] == [None, None]
    assert len(await audited(api, "sensitive_read")) == 1


async def test_what_cannot_be_written_down_is_not_shown(api: Any, given: Any, monkeypatch: Any) -> None:
    await record(api, **given())
    manager = await api.as_(Role.OFFICE_MANAGER)

    async def broken(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr("tarazu.security.audit.AuditWriter.write", broken)
    response = await manager.post(WITH_REPORTER)
    assert response.json()["data"] == {
        "tipOffs": {
            "totalCount": 1,
            "edges": [{"node": {"tipOffNo": 1, "text": "قلاب روی خط", "reporter": None}}],
        }
    }
    assert NAME not in response.text


async def test_a_tip_off_outside_the_scope_is_not_there(api: Any, given: Any, office: Any) -> None:
    own = (await record(api, **given(0)))["tipOff"]
    foreign = (await record(api, **given(-1)))["tipOff"]
    nowhere = (await record(api, **given(None)))["tipOff"]
    for scope in ({"districts": ["D0"]}, {"sectors": [Sector.PRIVATE]}):
        clerk = await api.as_(Role.OFFICE_MANAGER, **scope)
        for query in (LIST, WITH_REPORTER):
            assert [node["tipOffNo"] for node in await nodes(clerk, query)] == [own["tipOffNo"]]
        for tip_off in (foreign, nowhere):
            query = "query($id: ID!) { node(id: $id) { id ... on TipOff { reporter { name } } } }"
            assert await clerk.ask(query, id=tip_off["id"]) == {"node": None}
        refused = await record(clerk, **given(-1))
        assert (refused["__typename"], refused["code"]) == ("NotFoundError", "not_found")
    assert len(await nodes(api)) == 3


async def test_only_who_has_the_permission_records_and_reads(api: Any, given: Any) -> None:
    inspector = await api.as_(Role.INSPECTOR)
    assert (await record(inspector, **given()))["__typename"] == "ForbiddenError"
    for query in (LIST, WITH_REPORTER):
        assert await inspector.fail(query) == "access.forbidden"
    id_ = (await record(api, **given()))["tipOff"]["id"]
    assert await inspector.fail("query($id: ID!) { node(id: $id) { id } }", id=id_) == "access.forbidden"


async def test_a_report_that_cannot_be_is_refused_and_leaves_nothing(api: Any, given: Any) -> None:
    tomorrow = (dt.datetime.now().astimezone().date() + dt.timedelta(1)).isoformat()
    for wrong, field in (
        ({"text": " "}, None),
        ({"text": "x" * 10_001}, None),
        ({"receivedOn": tomorrow}, "receivedOn"),
        ({"usagePointId": "x"}, "usagePointId"),
        ({"usagePointId": encode_id("Case", "1")}, "usagePointId"),
        ({"reporter": {"name": "x" * 201}}, None),
    ):
        refused = await record(api, **given(**wrong))
        assert (refused["__typename"], refused["field"]) == ("InvalidInputError", field), wrong
    assert await nodes(api) == []
    assert await audited(api, "sensitive_create") == []


async def test_a_retry_has_one_effect_and_the_same_answer(api: Any, given: Any) -> None:
    same = given()
    first, second = await api.post(RECORD, input=same), await api.post(RECORD, input=same)
    assert first.content == second.content
    assert len(await nodes(api)) == 1
    assert await api.fail(RECORD, input=same | {"text": "other"}) == "idempotency.mismatch"


async def test_the_reporter_is_unreadable_in_the_database_and_the_logs(
    api: Any, given: Any, caplog: Any, monkeypatch: Any
) -> None:
    caplog.set_level("DEBUG")
    await record(api, **given())
    manager = await api.as_(Role.OFFICE_MANAGER)
    assert (
        NAME
        in (await manager.post(WITH_REPORTER)).json()["data"]["tipOffs"]["edges"][0]["node"]["reporter"][
            "name"
        ]
    )

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(tip_offs, "record_tip_off", broken)
        assert await api.fail(RECORD, input=given()) == "INTERNAL"
    async with api.sessions.read() as session:
        tables = (
            await session.scalars(
                text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
            )
        ).all()
        stored = [
            row
            for table in tables
            for row in await session.scalars(text(f'SELECT "{table}"::text FROM "{table}"'))
        ]
    assert any("قلاب روی خط" in row for row in stored)
    assert any("recordTipOff" in bytes.fromhex(part).decode() for row in stored for part in _hex(row))
    for secret in (NAME, PHONE, PHONE[3:], "Whistleblower"):
        assert secret not in caplog.text
        assert not any(secret in row for row in stored)
        # Columns of bytes are written as hexadecimal digits.
        assert not any(secret.encode().hex() in row for row in stored)


def _hex(row: str) -> list[str]:
    return [
        part for part in re.findall(r'"\\\\x((?:[0-9a-f]{2})+)"', row) if part.startswith(b'{"data"'.hex())
    ]


async def test_an_answer_that_is_kept_never_holds_the_reporter(api: Any, given: Any) -> None:
    manager = await api.as_(Role.OFFICE_MANAGER)
    asking = RECORD.replace("tipOffNo", "tipOffNo reporter { name phone }")
    response = await manager.post(asking, input=given())
    assert response.json()["errors"][0]["extensions"]["code"] == "graphql.argument"
    assert NAME not in response.text
    assert await nodes(api) == []
    # Who may not know the reporter gets null there as everywhere.
    assert (await api.ask(asking, input=given()))["recordTipOff"]["tipOff"]["reporter"] is None


async def test_a_key_that_is_lost_tells_the_operator_and_not_the_client(
    api: Any, given: Any, database: Any, api_of: Any, caplog: Any
) -> None:
    await record(api, **given())
    other = database.model_copy(update={"encryption_key": SecretStr("A" * 43 + "=")})
    async with api_of(other) as started:
        manager = await started.as_(Role.OFFICE_MANAGER)
        response = await manager.post(WITH_REPORTER)
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [
        "tip_offs.reporters_unavailable"
    ]
    assert "KEY" not in response.text
    assert "TARAZU_ENCRYPTION_KEY" in caplog.text


async def test_a_wrong_key_stops_the_start(database: Any, api_of: Any) -> None:
    wrong = database.model_copy(update={"encryption_key": SecretStr("short")})
    with pytest.raises(Exception, match="is not the base64 of 32 bytes"):
        async with api_of(wrong):
            pass
