"""Accounts of people who log in with a password."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select, update

from tarazu.database import ReadSession, WriteSession
from tarazu.errors import InputError, NotFoundError
from tarazu.models import LoginSession, UserAccount
from tarazu.security.audit import AuditAction, AuditEntry, record
from tarazu.security.passwords import Passwords, check_password
from tarazu.security.permissions import Role
from tarazu.security.principal import Principal
from tarazu.security.scopes import check_districts, check_sectors

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")


def normal_username(given: str) -> str | None:
    """The name as it is stored; None where it cannot be one."""
    folded = given.strip().lower()
    return folded if _USERNAME.fullmatch(folded) else None


async def add_user(
    session: WriteSession,
    by: Principal,
    passwords: Passwords,
    *,
    username: str,
    password: str,
    role: Role,
    districts: Iterable[str] | None = None,
    sectors: Iterable[str] | None = None,
) -> UserAccount:
    """Make an account; a scope of None does not restrict.

    Raises InputError: the name is taken or malformed, the password too easy, a district or sector unknown.
    """
    name = normal_username(username)
    if name is None:
        raise InputError(
            "A username has 2 to 64 of: a–z, 0–9, dot, hyphen, underscore; it begins with a letter or digit."
        )
    check_password(password, name)
    if await session.scalar(select(UserAccount.id).where(UserAccount.username == name)) is not None:
        raise InputError(f"There is a user {name} already.", mend="Take another name.")
    user = UserAccount(
        username=name,
        password_hash=passwords.hash(password),
        role=role,
        district_codes=await check_districts(session, districts),
        sectors=check_sectors(sectors),
    )
    session.add(user)
    await session.flush()
    details = {"role": role.value, "districts": user.district_codes, "sectors": user.sectors}
    await _record(session, by, AuditAction.USER_CREATED, user, details)
    return user


async def set_password(
    session: WriteSession, by: Principal, passwords: Passwords, username: str, password: str
) -> UserAccount:
    """Give a user another password: ends the lock-out and all log-ins of the user."""
    user = await _user(session, username)
    check_password(password, user.username)
    user.password_hash = passwords.hash(password)
    user.password_changed_at = dt.datetime.now(dt.UTC)
    user.failed_attempts, user.locked_until = 0, None
    await _end_sessions(session, user)
    await _record(session, by, AuditAction.PASSWORD_CHANGE, user)
    return user


async def disable_user(session: WriteSession, by: Principal, username: str) -> UserAccount:
    """Refuse the user from now on: log-ins that are open end too."""
    user = await _user(session, username)
    if user.disabled_at is None:
        user.disabled_at = dt.datetime.now(dt.UTC)
        await _end_sessions(session, user)
        await _record(session, by, AuditAction.USER_UPDATED, user, {"disabled": True})
    return user


async def enable_user(session: WriteSession, by: Principal, username: str) -> UserAccount:
    """Let a disabled or locked-out user in again."""
    user = await _user(session, username)
    if user.disabled_at is not None or user.locked_until is not None:
        user.disabled_at = user.locked_until = None
        user.failed_attempts = 0
        await _record(session, by, AuditAction.USER_UPDATED, user, {"disabled": False})
    return user


async def list_users(session: ReadSession) -> Sequence[UserAccount]:
    return (await session.scalars(select(UserAccount).order_by(UserAccount.username))).all()


async def _user(session: WriteSession, username: str) -> UserAccount:
    found = await session.scalar(
        select(UserAccount).where(UserAccount.username == normal_username(username)).with_for_update()
    )
    if found is None:
        raise NotFoundError(f"There is no user {username}.", mend="`tarazu user list` has the names.")
    return found


async def _end_sessions(session: WriteSession, user: UserAccount) -> None:
    await session.execute(
        update(LoginSession)
        .where(LoginSession.user_account_id == user.id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )


async def _record(
    session: WriteSession,
    by: Principal,
    action: AuditAction,
    user: UserAccount,
    details: Mapping[str, Any] | None = None,
) -> None:
    await record(session, [AuditEntry(action, by, "user_account", str(user.id), details or {})])
