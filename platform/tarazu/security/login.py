"""Log-ins with a password: what they give, how guessing is stopped, what is written down of them.

An attempt is counted before its password is looked at, so guesses sent at once count as well. An unknown name, a wrong
password, a disabled and a locked-out user take the same path, the same time and get the same answer.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, delete, func, null, select, update

from tarazu.database import ReadSession, Sessions, WriteSession
from tarazu.errors import InputError
from tarazu.models import LoginSession, UserAccount
from tarazu.security.audit import AuditAction, AuditEntry, record
from tarazu.security.bearer import BearerKind, BearerToken, new_bearer, parse_bearer
from tarazu.security.credential import Credential
from tarazu.security.passwords import LENGTH_MAX, Passwords
from tarazu.security.principal import Principal, PrincipalKind
from tarazu.security.principals import principal_of
from tarazu.security.scopes import district_ids_of, row_scope
from tarazu.security.users import normal_username
from tarazu.settings import Settings

# The column is a SMALLINT; an attacker may go on for years.
_ATTEMPTS_COUNTED_MAX: Final = 10_000


class LoginFailedError(InputError):
    """The one answer to every log-in that fails."""

    code = "access.login_failed"


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """What a log-in gives."""

    bearer: BearerToken
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class _Attempt:
    user: UserAccount
    is_refused: bool
    """Disabled, or locked out before this attempt: the password is not what decides."""
    is_locking: bool
    """If it fails, the user is locked out with it."""


class Logins:
    """Logs people in and out."""

    def __init__(self, sessions: Sessions, settings: Settings, passwords: Passwords) -> None:
        self._sessions = sessions
        self._settings = settings
        self._passwords = passwords

    async def log_in(self, username: str, password: str, *, request_id: str | None = None) -> IssuedSession:
        """A token of a few hours.

        Raises LoginFailedError, BusyError.
        """
        name = normal_username(username)
        async with self._sessions.write() as session:
            attempt = await self._count_attempt(session, name or "")
        given = password if len(password) <= LENGTH_MAX else ""
        is_right = await self._passwords.verify(
            None if attempt is None else attempt.user.password_hash, given
        )
        if attempt is None or attempt.is_refused or not is_right:
            async with self._sessions.write() as session:
                await record(session, self._failures(attempt, request_id))
            raise LoginFailedError(
                "The username or the password is wrong, or the account is locked.",
                mend=f"After too many attempts wait {self._settings.login_lockout_minutes} minutes.",
            )
        rehashed = await self._passwords.rehash(attempt.user.password_hash, given)
        return await self._open(attempt.user, rehashed, request_id)

    async def log_out(self, principal: Principal, bearer_text: str, *, request_id: str | None = None) -> None:
        """End the log-in that the token is of.

        Raises InputError where it is none of a log-in.
        """
        bearer = parse_bearer(bearer_text)
        if bearer is None or bearer.kind is not BearerKind.LOGIN:
            raise InputError(
                "Only a log-in can be logged out.",
                mend="An administrator revokes a token: `tarazu token revoke`.",
            )
        async with self._sessions.write() as session:
            await session.execute(
                update(LoginSession)
                .where(LoginSession.prefix == bearer.prefix, LoginSession.revoked_at.is_(None))
                .values(revoked_at=func.now())
            )
            await record(session, [AuditEntry(AuditAction.LOGOUT, principal, request_id=request_id)])

    async def _count_attempt(self, session: WriteSession, name: str) -> _Attempt | None:
        user = await session.scalar(select(UserAccount).where(UserAccount.username == name).with_for_update())
        now = func.now()
        is_over = UserAccount.locked_until <= now
        attempts = case(
            (is_over, 1), else_=func.least(UserAccount.failed_attempts + 1, _ATTEMPTS_COUNTED_MAX)
        )
        locked_until = case(
            (UserAccount.locked_until > now, UserAccount.locked_until),
            (
                attempts >= self._settings.login_attempts_max,
                now + dt.timedelta(minutes=self._settings.login_lockout_minutes),
            ),
            else_=null(),
        )
        # Also where there is no such user: the statement takes as long.
        counted: Any = (
            await session.execute(
                update(UserAccount)
                .where(UserAccount.username == name)
                .values(failed_attempts=attempts, locked_until=locked_until)
                .returning(UserAccount.locked_until, now.label("now"))
                .execution_options(synchronize_session=False)
            )
        ).first()
        if user is None or counted is None:
            return None
        was_locked = user.locked_until is not None and user.locked_until > counted.now
        return _Attempt(
            user=user,
            is_refused=was_locked or user.disabled_at is not None,
            is_locking=counted.locked_until is not None and not was_locked,
        )

    def _failures(self, attempt: _Attempt | None, request_id: str | None) -> list[AuditEntry]:
        """What is written down; a name that is unknown is not: people type passwords there."""
        if attempt is None:
            return [AuditEntry(AuditAction.LOGIN_FAIL, None, request_id=request_id)]
        user_id = str(attempt.user.id)
        entries = [AuditEntry(AuditAction.LOGIN_FAIL, None, "user_account", user_id, request_id=request_id)]
        if attempt.is_locking and not attempt.user.disabled_at:
            details = {"minutes": self._settings.login_lockout_minutes}
            entries.append(
                AuditEntry(AuditAction.LOGIN_LOCK, None, "user_account", user_id, details, request_id)
            )
        return entries

    async def _open(self, user: UserAccount, rehashed: str | None, request_id: str | None) -> IssuedSession:
        bearer = new_bearer(BearerKind.LOGIN)
        expires_at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=self._settings.login_session_hours)
        values: dict[str, Any] = {"failed_attempts": 0, "locked_until": None}
        if rehashed is not None:
            values["password_hash"] = rehashed
        async with self._sessions.write() as session:
            await session.execute(
                delete(LoginSession).where(
                    LoginSession.user_account_id == user.id, LoginSession.expires_at < func.now()
                )
            )
            # Not where the password was changed or the user disabled meanwhile.
            is_as_it_was = await session.scalar(
                update(UserAccount)
                .where(
                    UserAccount.id == user.id,
                    UserAccount.password_hash == user.password_hash,
                    UserAccount.disabled_at.is_(None),
                )
                .values(values)
                .returning(UserAccount.id)
                .execution_options(synchronize_session=False)
            )
            if is_as_it_was is None:
                raise LoginFailedError("The account was changed at this moment.", mend="Try again.")
            session.add(
                LoginSession(
                    prefix=bearer.prefix,
                    secret_sha256=bearer.secret_sha256,
                    user_account_id=user.id,
                    expires_at=expires_at,
                )
            )
            by = principal_of(PrincipalKind.USER, str(user.id), user.username, user.role)
            await record(
                session,
                [
                    AuditEntry(
                        AuditAction.LOGIN_SUCCESS, by, "user_account", str(user.id), request_id=request_id
                    )
                ],
            )
        return IssuedSession(bearer, expires_at)


async def find_session(session: ReadSession, presented: BearerToken) -> Credential | None:
    """Whose log-in it is; None where it is unknown, ended or expired, or its user disabled."""
    row = (
        await session.execute(
            select(LoginSession, UserAccount, district_ids_of(UserAccount.district_codes))
            .join(UserAccount, UserAccount.id == LoginSession.user_account_id)
            .where(
                LoginSession.prefix == presented.prefix,
                LoginSession.revoked_at.is_(None),
                LoginSession.expires_at > func.now(),
                UserAccount.disabled_at.is_(None),
            )
        )
    ).first()
    if row is None or not presented.is_of(row[0].secret_sha256):
        return None
    login, user, district_ids = row
    scope = row_scope(user.district_codes, district_ids, user.sectors)
    return Credential(
        principal_of(PrincipalKind.USER, str(user.id), user.username, user.role, scope), login.expires_at
    )
