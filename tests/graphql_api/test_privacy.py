"""No answer to who may not read personal data holds an identifier of a person; to who may, it is written down."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from sqlalchemy import func, select

from graphql_api.ids import KEY_SEPARATOR, encode_id
from graphql_api.rows import NODE_KEYS
from graphql_api.schema import schema
from tarazu.models import AuditEvent
from tarazu.security.permissions import Role
from tarazu.security.roles import role_policies


def everything(kind: GraphQLObjectType, depth: int) -> str:
    """A selection of all fields that need no arguments, down to `depth` levels of objects."""
    parts = []
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            parts.append(name)
        elif depth > 0:
            assert isinstance(inner, GraphQLObjectType)
            # The frame of a connection is no level of its own.
            framing = inner.name.endswith(("Connection", "Edge", "PageInfo"))
            parts.append(f"{name} {{ {everything(inner, depth if framing else depth - 1)} }}")
    return " ".join([*parts, "__typename"])


async def test_every_field_of_every_node_is_served_and_holds_no_secret(
    world: Any, api: Any, monkeypatch: Any
) -> None:
    # All fields two levels deep are more than a client may ask for.
    for limit in ("Tokens", "Fields"):
        monkeypatch.setattr(f"graphql_api.limits.document_limits.{limit}Error.maximum", 100_000)
    api = await api.as_(Role.AUDITOR)  # who may read everything else
    graph = schema._schema
    may_not = {
        name
        for name, (row, _) in NODE_KEYS.items()
        if row.requires not in role_policies()[Role.AUDITOR].permissions
    }
    assert may_not == {"TipOff"}  # tests/graphql_api/tip_offs reads it
    for name, (row_type, _) in NODE_KEYS.items():
        if name in may_not:
            continue
        async with api.sessions.read() as session:
            rows = (await session.scalars(select(row_type.model).limit(2))).all()
        assert rows, f"the world has no {name}"
        object_type = graph.type_map[name]
        assert isinstance(object_type, GraphQLObjectType)
        query = (
            f"query($id: ID!) {{ node(id: $id) {{ id ... on {name} {{ {everything(object_type, 1)} }} }} }}"
        )
        for row in rows:
            id_ = encode_id(name, KEY_SEPARATOR.join(str(getattr(row, key)) for key in row_type.keys))
            response = await api.post(query, id=id_)
            body = response.json()
            assert "errors" not in body, body["errors"][:1]
            assert body["data"]["node"]["id"] == id_
            assert body["data"]["node"]["__typename"] == name
            for secret in world.secrets:
                assert secret not in response.text, name


PERSONAL = '{ customer(customerNo: "C00000") { name nationalId mobile } usagePoint(subscriptionNo: "S000000") { billId } }'


async def test_who_may_read_personal_data_gets_it_and_is_written_down(world: Any, api_both: Any) -> None:
    async with api_both.sessions.read() as session:
        before = await session.scalar(select(func.max(AuditEvent.id))) or 0
    answer = await api_both.ask(PERSONAL)
    assert answer["customer"]["nationalId"] == world.secrets[0]
    assert answer["customer"]["mobile"] == world.secrets[2]
    assert answer["usagePoint"]["billId"] in world.secrets
    async with api_both.sessions.read() as session:
        (entry,) = await session.scalars(select(AuditEvent).where(AuditEvent.id > before))
    assert entry.action == "sensitive_read"
    assert set(entry.details["fields"]) == {
        "Customer.name",
        "Customer.nationalId",
        "Customer.mobile",
        "UsagePoint.billId",
    }
    assert not any(secret in str(entry.details) for secret in world.secrets)


async def test_who_may_not_read_personal_data_gets_null_and_is_not_written_down(api_both: Any) -> None:
    auditor = await api_both.as_(Role.AUDITOR)
    async with api_both.sessions.read() as session:
        before = await session.scalar(select(func.count()).select_from(AuditEvent))
    answer = await auditor.ask(PERSONAL)
    assert answer == {
        "customer": {"name": None, "nationalId": None, "mobile": None},
        "usagePoint": {"billId": None},
    }
    async with api_both.sessions.read() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEvent)) == before


async def test_masks_keep_the_last_four_characters(world: Any, api: Any) -> None:
    answer = await api.ask(
        '{ customer(customerNo: "C00000") { nationalIdMasked legalEntityIdMasked mobileMasked } '
        '  company: customer(customerNo: "C00002") { nationalIdMasked legalEntityIdMasked } '
        '  usagePoint(subscriptionNo: "S000000") { billIdMasked } }'
    )
    assert answer["customer"] == {
        "nationalIdMasked": "******9951",
        "legalEntityIdMasked": "*******0912",
        "mobileMasked": "*********6534",
    }
    # A company's id is in the public register.
    assert answer["company"] == {"nationalIdMasked": None, "legalEntityIdMasked": "10380284790"}
    assert answer["usagePoint"] == {"billIdMasked": "*********2054"}


async def test_a_search_by_a_secret_finds_its_owner_and_shows_no_secret(world: Any, api: Any) -> None:
    query = "query($search: String) { customers(search: $search) { edges { node { customerNo nationalIdMasked mobileMasked } } } }"
    response = await api.post(query, search=world.secrets[0])
    assert [edge["node"]["customerNo"] for edge in response.json()["data"]["customers"]["edges"]] == [
        "C00000"
    ]
    assert not any(secret in response.text for secret in world.secrets)


async def test_values_of_refused_rows_are_not_shown(world: Any, api: Any) -> None:
    response = await api.post(
        "{ quarantinedRows { edges { node { reason column rowNumber file importRun { id } } } } }"
    )
    assert response.json()["data"]["quarantinedRows"]["edges"][0]["node"]["rowNumber"] == 2**33 + 4
    assert not any(secret in response.text for secret in world.secrets)
