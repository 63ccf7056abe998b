from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from tarazu.errors import BusyError, InputError, NotFoundError
from tarazu.models import AuditEvent, LoginSession, UserAccount
from tarazu.models.enums import Sector
from tarazu.security.bearer import BearerKind
from tarazu.security.login import LoginFailedError, Logins, find_session
from tarazu.security.passwords import PasswordError, Passwords, check_password
from tarazu.security.permissions import Role
from tarazu.security.principal import PrincipalKind
from tarazu.security.users import add_user, disable_user, enable_user, list_users, set_password

RIGHT = "چهار شنبه و آچار"
WRONG = "correct horse battery"


@pytest.fixture
def logins(sessions, database, passwords) -> Logins:
    return Logins(sessions, database, passwords)


@pytest.fixture
async def sara(sessions, administrator, passwords, districts) -> UserAccount:
    async with sessions.write() as session:
        return await add_user(
            session,
            administrator,
            passwords,
            username="Sara",
            password=RIGHT,
            role=Role.ANALYST,
            districts=["11"],
            sectors=[Sector.GOVERNMENT],
        )


async def find(sessions, bearer):
    async with sessions.read() as session:
        return await find_session(session, bearer)


async def events(sessions):
    async with sessions.read() as session:
        rows = await session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(row.action, row.subject_id) for row in rows if row.action != "user_created"]


async def fail(logins, username="sara", password=WRONG):
    with pytest.raises(LoginFailedError) as caught:
        await logins.log_in(username, password)
    return str(caught.value)


async def test_a_log_in_gives_a_session_with_the_user_s_role_and_scope(
    sessions, logins, sara, districts, database
):
    issued = await logins.log_in(" SARA ", RIGHT)
    assert issued.bearer.kind is BearerKind.LOGIN
    hours = (issued.expires_at - dt.datetime.now(dt.UTC)) / dt.timedelta(hours=1)
    assert hours == pytest.approx(database.login_session_hours, abs=0.1)
    found = (await find(sessions, issued.bearer)).principal
    assert (found.id, found.kind, found.name) == (f"user:{sara.id}", PrincipalKind.USER, "sara")
    assert found.role is Role.ANALYST
    assert found.scope.district_ids == {districts["11"]}
    assert found.scope.sectors == {Sector.GOVERNMENT}
    assert await events(sessions) == [("authn_login_success", str(sara.id))]


async def test_every_failure_has_the_same_answer(sessions, logins, sara, administrator):
    answers = {await fail(logins), await fail(logins, "nobody"), await fail(logins, "' OR 1=1\0")}
    answers.add(await fail(logins, password="x" * 5_000))
    async with sessions.write() as session:
        await disable_user(session, administrator, "sara")
    answers.add(await fail(logins, password=RIGHT))
    assert len(answers) == 1


async def test_an_unknown_name_costs_a_password_check_too(logins, passwords, sara, monkeypatch):
    checked = []

    async def verify(password_hash, _password):
        checked.append(password_hash)
        return False

    monkeypatch.setattr(passwords, "verify", verify)
    await fail(logins, "nobody")
    await fail(logins, "sara")
    assert [password_hash is None for password_hash in checked] == [True, False]


async def test_the_password_of_nobody_is_never_right(passwords):
    assert not await passwords.verify(None, "nobody")


async def test_names_that_are_unknown_are_not_written_down(sessions, logins, sara):
    await fail(logins, RIGHT.replace(" ", ""))
    await fail(logins, "hunter2hunter2")
    async with sessions.read() as session:
        rows = await session.scalar(text("SELECT string_agg(audit_event::text, '') FROM audit_event"))
    assert await events(sessions) == [("authn_login_fail", None)] * 2
    assert "hunter2" not in rows


async def test_five_failures_lock_out_and_the_time_lets_in_again(sessions, logins, sara, database):
    for _ in range(database.login_attempts_max):
        await fail(logins)
    await fail(logins, password=RIGHT)
    me = str(sara.id)
    failed = ("authn_login_fail", me)
    assert await events(sessions) == [failed] * 5 + [("authn_login_lock", me), failed]
    async with sessions.write() as session:
        await session.execute(text("UPDATE user_account SET locked_until = now() - interval '1 s'"))
    await fail(logins)  # the count begins anew
    assert await logins.log_in("sara", RIGHT)
    async with sessions.read() as session:
        user = (await list_users(session))[0]
    assert (user.failed_attempts, user.locked_until) == (0, None)


async def test_a_lock_out_lasts_as_long_as_it_is_set_however_often_one_tries(
    sessions, logins, sara, database
):
    for _ in range(database.login_attempts_max + 3):
        await fail(logins)
    async with sessions.read() as session:
        user = (await list_users(session))[0]
        left = user.locked_until - await session.scalar(text("SELECT now()"))
    assert dt.timedelta(minutes=14) < left <= dt.timedelta(minutes=15)


async def test_guesses_sent_at_once_count_each(logins, sara, monkeypatch):
    """Of twenty guesses at the same moment five are let through to the password, as if they came one by one."""
    attempts = []
    count = logins._count_attempt

    async def note(session, name):
        attempts.append(await count(session, name))
        return attempts[-1]

    monkeypatch.setattr(logins, "_count_attempt", note)
    await asyncio.gather(*(fail(logins) for _ in range(20)))
    assert sorted(attempt.is_refused for attempt in attempts) == [False] * 5 + [True] * 15
    assert sum(attempt.is_locking for attempt in attempts) == 1


async def test_logging_out_ends_this_session_alone(sessions, logins, sara):
    first, second = await logins.log_in("sara", RIGHT), await logins.log_in("sara", RIGHT)
    principal = (await find(sessions, first.bearer)).principal
    await logins.log_out(principal, first.bearer.text)
    assert await find(sessions, first.bearer) is None
    assert await find(sessions, second.bearer) is not None
    with pytest.raises(InputError):
        await logins.log_out(principal, "trz_" + "0" * 12 + "_" + "a" * 43)


@pytest.mark.parametrize("change", ["disable", "password"])
async def test_disabling_and_another_password_end_the_sessions(
    sessions, logins, sara, administrator, passwords, change
):
    bearer = (await logins.log_in("sara", RIGHT)).bearer
    async with sessions.write() as session:
        if change == "disable":
            await disable_user(session, administrator, "sara")
        else:
            await set_password(session, administrator, passwords, "sara", WRONG)
    assert await find(sessions, bearer) is None
    if change == "disable":
        await fail(logins, password=RIGHT)
        async with sessions.write() as session:
            await enable_user(session, administrator, "sara")
        assert await find(sessions, bearer) is None
        assert await logins.log_in("sara", RIGHT)
    else:
        await fail(logins, password=RIGHT)
        assert await logins.log_in("sara", WRONG)


async def test_a_session_of_a_disabled_user_is_refused_even_where_it_was_not_ended(sessions, logins, sara):
    bearer = (await logins.log_in("sara", RIGHT)).bearer
    async with sessions.write() as session:
        await session.execute(text("UPDATE user_account SET disabled_at = now()"))
    assert await find(sessions, bearer) is None


async def test_an_expired_session_is_refused_and_cleared_away_at_the_next_log_in(sessions, logins, sara):
    bearer = (await logins.log_in("sara", RIGHT)).bearer
    async with sessions.write() as session:
        await session.execute(
            text(
                "UPDATE login_session SET created_at = now() - interval '2 d', expires_at = now() - interval '1 s'"
            )
        )
    assert await find(sessions, bearer) is None
    await logins.log_in("sara", RIGHT)
    async with sessions.read() as session:
        assert len((await session.scalars(select(LoginSession))).all()) == 1


async def test_a_hash_of_other_parameters_is_made_anew_at_log_in(sessions, logins, sara, database):
    async with sessions.read() as session:
        before = await session.scalar(select(UserAccount.password_hash))
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    await Logins(sessions, database, stronger).log_in("sara", RIGHT)
    stronger.close()
    async with sessions.read() as session:
        after = await session.scalar(select(UserAccount.password_hash))
    assert "t=1" in before
    assert "t=2" in after
    assert await logins.log_in("sara", RIGHT)


async def test_the_event_loop_goes_on_while_a_password_is_checked():
    slow = Passwords(PasswordHasher(time_cost=2, memory_cost=65536, parallelism=1))
    hashed = slow.hash(RIGHT)
    turns = 0

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(turn())
    assert await slow.verify(hashed, RIGHT)
    turning.cancel()
    slow.close()
    assert turns > 20


async def test_more_than_can_wait_are_refused(passwords):
    done = await asyncio.gather(*(passwords.verify(None, WRONG) for _ in range(100)), return_exceptions=True)
    refused = [answer for answer in done if isinstance(answer, BusyError)]
    assert 0 < len(refused) < 100
    assert await passwords.verify(None, WRONG) is False


@pytest.mark.parametrize(
    "password",
    ["short", "a" * 11, "password1234", "PASSWORD1234", "aaaaaaaaaaaaaa", "sara-sara-sara", "x" * 2000],
)
def test_an_easy_password_is_refused_without_repeating_it(password):
    with pytest.raises(PasswordError) as caught:
        check_password(password, "sara")
    assert password not in str(caught.value)


@given(st.text(min_size=12, max_size=40).filter(lambda text: len(set(text.casefold())) > 4))
def test_any_other_password_of_twelve_characters_is_taken_and_found_again(password):
    hasher = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    if "sara" not in password.casefold() and not password.isascii():
        check_password(password, "sara")
    assert hasher._verify(hasher.hash(password), password)
    assert not hasher._verify(hasher.hash(password), password + "x")
    hasher.close()


async def test_a_malformed_username_is_refused(sessions, administrator, passwords):
    async with sessions.write() as session:
        for username in ("", "a", "سارا", "sara ali", "-sara", "s" * 65, "sara\0"):
            with pytest.raises(InputError, match="username"):
                await add_user(
                    session, administrator, passwords, username=username, password=RIGHT, role=Role.ANALYST
                )


async def test_a_name_is_given_once(sessions, administrator, passwords, sara):
    async with sessions.write() as session:
        with pytest.raises(InputError, match="already"):
            await add_user(
                session, administrator, passwords, username="SARA", password=RIGHT, role=Role.ANALYST
            )
        with pytest.raises(NotFoundError):
            await disable_user(session, administrator, "nobody")
