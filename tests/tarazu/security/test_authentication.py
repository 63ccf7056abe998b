from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from sqlalchemy import event, text

from tarazu.database import Sessions, create_engine
from tarazu.database.faults import classify
from tarazu.errors import DatabaseUnavailableError
from tarazu.security.authentication import Authenticator, UnauthenticatedError
from tarazu.security.bearer import BearerKind, new_bearer
from tarazu.security.login import Logins
from tarazu.security.permissions import Role
from tarazu.security.tokens import create_token, revoke_token
from tarazu.security.users import add_user, disable_user


@pytest.fixture
def authenticator(sessions, database, clock) -> Authenticator:
    return Authenticator(sessions, database, clock=clock)


@pytest.fixture
def statements(engine):
    """The statements that are sent from here on."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_more):
        sent.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
async def token(sessions, administrator):
    async with sessions.write() as session:
        issued = await create_token(
            session, administrator, name="app", role=Role.APPLICATION, lifetime=dt.timedelta(days=1)
        )
    return issued.bearer


async def refused(authenticator, header):
    with pytest.raises(UnauthenticatedError) as caught:
        await authenticator.authenticate(header)
    return str(caught.value)


async def test_a_valid_token_is_its_principal(authenticator, token):
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert (await authenticator.authenticate(f"{scheme} {token.text}")).name == "app"


STRANGERS = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Basic {token}",
    "{token}",
    "Bearer {token}x",
    "Bearer {token} {token}",
    "Bearer {other}",
    "Bearer trs{rest}",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Bearer \x00",
    "Bearer سلام",
    "Bearer " + "a" * 20_000,
]


async def test_anything_else_is_refused_in_the_same_words(authenticator, token):
    for header in STRANGERS:
        other = new_bearer(BearerKind.APPLICATION)
        given = header and header.format(token=token.text, other=other.text, rest=token.text[3:])
        assert await refused(authenticator, given) == str(UnauthenticatedError())


async def test_a_request_costs_no_statement_within_the_time_and_one_after_it(
    authenticator, token, clock, statements, database
):
    header = f"Bearer {token.text}"
    await authenticator.authenticate(header)
    assert len(statements) == 1
    clock.now += database.principal_cache_seconds - 0.01
    await authenticator.authenticate(header)
    assert len(statements) == 1
    clock.now += 0.02
    await authenticator.authenticate(header)
    assert len(statements) == 2


async def test_requests_that_come_together_share_one_look_up(authenticator, token, statements):
    header = f"Bearer {token.text}"
    asking = [asyncio.create_task(authenticator.authenticate(header)) for _ in range(30)]
    await asyncio.sleep(0)
    asking[0].cancel()
    done = await asyncio.gather(*asking, return_exceptions=True)
    assert {answer.name for answer in done[1:]} == {"app"}
    assert len(statements) == 1


async def test_a_wrong_token_is_asked_for_once_within_the_time(authenticator, statements, clock, database):
    header = f"Bearer {new_bearer(BearerKind.APPLICATION).text}"
    for _ in range(5):
        await refused(authenticator, header)
    assert len(statements) == 1
    clock.now += database.principal_cache_seconds
    await refused(authenticator, header)
    assert len(statements) == 2


async def test_a_revoked_token_dies_within_the_time(
    authenticator, token, sessions, administrator, clock, database
):
    header = f"Bearer {token.text}"
    await authenticator.authenticate(header)
    async with sessions.write() as session:
        await revoke_token(session, administrator, token.prefix)
    assert (await authenticator.authenticate(header)).name == "app"
    clock.now += database.principal_cache_seconds
    await refused(authenticator, header)


async def test_a_token_is_not_kept_beyond_its_expiry(authenticator, token, sessions, clock):
    async with sessions.write() as session:
        await session.execute(text("UPDATE api_token SET expires_at = now() + interval '2 s'"))
    header = f"Bearer {token.text}"
    await authenticator.authenticate(header)
    async with sessions.write() as session:
        await session.execute(
            text("UPDATE api_token SET created_at = now() - interval '1 d', expires_at = now()")
        )
    clock.now += 2.1
    await refused(authenticator, header)


async def test_a_token_that_was_forgotten_is_looked_up_anew(authenticator, token, sessions, administrator):
    header = f"Bearer {token.text}"
    await authenticator.authenticate(header)
    async with sessions.write() as session:
        await revoke_token(session, administrator, token.prefix)
    authenticator.forget(header)
    await refused(authenticator, header)


async def test_a_disabled_user_is_refused_within_the_time(
    authenticator, sessions, administrator, passwords, database, clock
):
    async with sessions.write() as session:
        await add_user(
            session,
            administrator,
            passwords,
            username="sara",
            password="چهار شنبه و آچار",
            role=Role.ANALYST,
        )
    issued = await Logins(sessions, database, passwords).log_in("sara", "چهار شنبه و آچار")
    header = f"Bearer {issued.bearer.text}"
    assert (await authenticator.authenticate(header)).name == "sara"
    async with sessions.write() as session:
        await disable_user(session, administrator, "sara")
    clock.now += database.principal_cache_seconds
    await refused(authenticator, header)


async def test_what_is_kept_is_bounded(authenticator, token, monkeypatch):
    monkeypatch.setattr("tarazu.security.authentication._CACHE_ENTRIES", 3)
    await authenticator.authenticate(f"Bearer {token.text}")
    for _ in range(10):
        await refused(authenticator, f"Bearer {new_bearer(BearerKind.LOGIN).text}")
    assert len(authenticator._unknown) == 3
    assert len(authenticator._known) == 1
    assert not authenticator._under_way


async def test_a_database_that_is_away_is_no_refusal(database, clock, token):
    away = database.model_copy(
        update={"database_url": type(database.database_url)("postgresql://a:b@127.0.0.1:9/x")}
    )
    engine = create_engine(away)
    authenticator = Authenticator(Sessions(engine), away, clock=clock)
    for _ in range(2):  # and it is not kept
        with pytest.raises(OSError, match="Connect") as caught:
            await authenticator.authenticate(f"Bearer {token.text}")
        assert isinstance(classify(caught.value), DatabaseUnavailableError)
    await engine.dispose()
