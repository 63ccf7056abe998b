"""The compiled statements and the resolvers give the same answers, for any document, scope and set of permissions."""

from __future__ import annotations

import base64
import datetime as dt
import re
from typing import Any

import orjson
import pytest
from graphql import GraphQLError
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from graphql_api.compiler.mapping import root_fields
from graphql_api.schema import schema
from tarazu.models.enums import Sector
from tarazu.security.permissions import Permission
from tarazu.security.principal import ForbiddenError

from .conftest import principal_of

VARIABLES = {"yes": True, "no": False}
GUARDED = (
    Permission.READ_PERSONAL_DATA,
    Permission.READ_SCORES,
    Permission.READ_RULES,
    Permission.READ_BILLING,
)


def plain(value: Any, key: str = "") -> Any:
    """The answer with what may be written in two ways in one: moments and cursors."""
    match value:
        case dict():
            return {name: plain(inner, name) for name, inner in value.items()}
        case list():
            return [plain(inner, key) for inner in value]
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value):
            return dt.datetime.fromisoformat(value)
        case str() if re.search(r"[cC]ursor$", key):
            parts = orjson.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
            return tuple(plain(part) for part in parts)
        case float() if value.is_integer():
            return int(value)
    return value


scopes = st.sampled_from(
    [
        (None, None),
        (None, None),
        ({1}, None),
        ({1, 2}, None),
        (set(), None),
        (None, {Sector.GOVERNMENT}),
        ({2, 3}, {Sector.PRIVATE}),
    ]
)


missing_permissions = st.sets(st.sampled_from(GUARDED), max_size=2)
unhurried = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@settings(unhurried, max_examples=200)
@given(data=st.data(), scope=scopes, missing=missing_permissions)
async def test_both_give_the_same(
    paths: Any, documents: Any, data: Any, scope: Any, missing: set[Permission]
) -> None:
    """Values, nulls and the order of keys alike; what resolvers refuse, the plan refuses too."""
    await compare(paths, documents.query(data.draw), scope, missing)


@pytest.mark.parametrize("root", sorted(root_fields(schema._schema)))
@settings(unhurried, max_examples=10)
@given(data=st.data(), scope=scopes, missing=missing_permissions)
async def test_both_give_the_same_for_each_root_field(
    paths: Any, documents: Any, root: str, data: Any, scope: Any, missing: set[Permission]
) -> None:
    await compare(paths, documents.query(data.draw, (root,)), scope, missing)


async def compare(paths: Any, text: str, scope: Any, missing: set[Permission]) -> None:
    districts, sectors = scope
    principal = principal_of(
        frozenset(Permission) - missing,
        None if districts is None else frozenset(districts),
        None if sectors is None else frozenset(sectors),
    )
    note(text)
    resolved = await paths.resolved(text, VARIABLES, principal)
    try:
        compiled = await paths.compiled(text, VARIABLES, principal)
    except GraphQLError as error:
        refused = error.original_error or error
    else:
        refused = None
    if refused is not None:
        # The plan refuses before it knows of rows; resolvers refuse when they meet one.
        assert isinstance(refused, ForbiddenError)
        assert missing
        return
    assert not resolved.errors
    expected = orjson.loads(orjson.dumps(resolved.data))
    assert plain(compiled) == plain(expected)
    assert keys(compiled) == keys(expected)


def keys(value: Any) -> Any:
    """The keys in their order, without the values."""
    match value:
        case dict():
            return [[name, keys(inner)] for name, inner in value.items()]
        case list():
            return [keys(inner) for inner in value]
    return None
