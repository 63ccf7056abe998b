from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from tarazu.errors import InputError, NotFoundError
from tarazu.models import ApiToken, AuditEvent
from tarazu.models.enums import Sector
from tarazu.security.bearer import BearerKind, BearerToken, new_bearer, parse_bearer
from tarazu.security.permissions import Permission, Role
from tarazu.security.principal import RowScope
from tarazu.security.tokens import create_token, find_token, list_tokens, revoke_token

DAY = dt.timedelta(days=1)


async def make(sessions, by, **given):
    async with sessions.write() as session:
        return await create_token(
            session, by, **{"name": "billing", "role": Role.APPLICATION, "lifetime": DAY, **given}
        )


async def find(sessions, bearer):
    async with sessions.read() as session:
        return await find_token(session, bearer)


async def test_a_token_is_found_by_its_secret_with_role_and_scope(sessions, administrator, districts):
    issued = await make(sessions, administrator, districts=["21", "11"], sectors=[Sector.PRIVATE])
    found = await find(sessions, parse_bearer(issued.bearer.text))
    assert found.principal.id == f"token:{issued.row.id}"
    assert found.principal.name == "billing"
    assert found.principal.role is Role.APPLICATION
    assert Permission.READ_CASES in found.principal.permissions
    assert Permission.TRIAGE_CASES not in found.principal.permissions
    assert found.principal.scope == RowScope(
        frozenset({districts["11"], districts["21"]}), frozenset({Sector.PRIVATE})
    )
    assert found.principal.statement_timeout_ms == 3000
    assert found.expires_at == issued.row.expires_at


async def test_a_scope_of_none_is_everything_and_an_empty_one_nothing(sessions, administrator):
    everything = await find(sessions, (await make(sessions, administrator)).bearer)
    nothing = await find(sessions, (await make(sessions, administrator, districts=[], sectors=[])).bearer)
    assert everything.principal.scope.is_everything
    assert nothing.principal.scope == RowScope(frozenset(), frozenset())


async def test_a_district_that_is_gone_shows_nothing(sessions, administrator, districts):
    issued = await make(sessions, administrator, districts=["21"])
    async with sessions.write() as session:
        await session.execute(text("DELETE FROM district WHERE code = '21'"))
    assert (await find(sessions, issued.bearer)).principal.scope.district_ids == frozenset()


async def test_another_secret_with_the_same_prefix_is_refused(sessions, administrator):
    bearer = (await make(sessions, administrator)).bearer
    other = new_bearer(BearerKind.APPLICATION)
    assert await find(sessions, BearerToken(bearer.kind, bearer.prefix, other.secret)) is None
    assert await find(sessions, BearerToken(bearer.kind, other.prefix, bearer.secret)) is None


async def test_a_revoked_token_and_an_expired_one_are_refused(sessions, administrator):
    revoked, expired = await make(sessions, administrator), await make(sessions, administrator)
    async with sessions.write() as session:
        await revoke_token(session, administrator, revoked.bearer.prefix)
        await session.execute(
            text(
                "UPDATE api_token SET created_at = now() - interval '2 d', expires_at = now() WHERE prefix = :p"
            ),
            {"p": expired.bearer.prefix},
        )
    assert await find(sessions, revoked.bearer) is None
    assert await find(sessions, expired.bearer) is None
    async with sessions.read() as session:
        assert {row.prefix for row in await list_tokens(session)} == {
            revoked.bearer.prefix,
            expired.bearer.prefix,
        }


async def test_revoking_twice_keeps_the_first_moment_and_writes_once(sessions, administrator):
    prefix = (await make(sessions, administrator)).bearer.prefix
    moments = []
    for _ in range(2):
        async with sessions.write() as session:
            moments.append((await revoke_token(session, administrator, prefix)).revoked_at)
    assert moments[0] == moments[1]
    async with sessions.read() as session:
        actions = list(await session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))
    assert actions == ["authn_token_created", "authn_token_revoked"]


async def test_the_database_holds_no_secret(sessions, administrator):
    bearer = (await make(sessions, administrator)).bearer
    async with sessions.read() as session:
        rows = await session.scalar(
            text(
                "SELECT string_agg(t::text, '') FROM (SELECT api_token::text AS t FROM api_token UNION ALL "
                "SELECT audit_event::text FROM audit_event) AS all_rows"
            )
        )
        kept = await session.scalar(select(ApiToken.secret_sha256))
    assert bearer.prefix in rows
    assert bearer.secret not in rows
    assert bearer.secret.encode().hex() not in rows
    assert kept == bearer.secret_sha256
    assert bearer.secret not in repr(bearer)


WRONG = [
    ({"districts": ["11", "99"]}, NotFoundError, "99"),
    ({"sectors": ["public"]}, InputError, "public"),
    ({"name": " "}, InputError, "name"),
    ({"name": "a\nb"}, InputError, "name"),
    ({"lifetime": dt.timedelta(0)}, InputError, "lives"),
    ({"lifetime": dt.timedelta(days=4000)}, InputError, "lives"),
]


async def test_a_wrong_token_is_not_made(sessions, administrator, districts):
    for changed, error, named in WRONG:
        with pytest.raises(error, match=named):
            await make(sessions, administrator, **changed)
    async with sessions.read() as session:
        assert await list_tokens(session) == []


async def test_an_unknown_prefix_cannot_be_revoked(sessions, administrator):
    async with sessions.write() as session:
        with pytest.raises(NotFoundError, match="nothing"):
            await revoke_token(session, administrator, "nothing")


@given(st.text(max_size=80) | st.from_regex(r"tr[zs]_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_a_text_is_a_token_of_ours_or_none(given):
    parsed = parse_bearer(given)
    assert parsed is None or parsed.text == given


def test_each_token_is_another():
    assert len({new_bearer(kind).text for kind in BearerKind for _ in range(100)}) == 200
