"""Tokens of applications."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from tarazu.database import ReadSession, WriteSession
from tarazu.errors import InputError, NotFoundError
from tarazu.models import ApiToken
from tarazu.security.audit import AuditAction, AuditEntry, record
from tarazu.security.bearer import BearerKind, BearerToken, new_bearer
from tarazu.security.credential import Credential
from tarazu.security.permissions import Role
from tarazu.security.principal import Principal, PrincipalKind
from tarazu.security.principals import NAME_LENGTH_MAX, principal_of
from tarazu.security.scopes import check_districts, check_sectors, district_ids_of, row_scope

LIFETIME_DAYS_MAX: Final = 3650


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token. `bearer.text` is shown once; nobody can read it again."""

    row: ApiToken
    bearer: BearerToken


async def create_token(
    session: WriteSession,
    by: Principal,
    *,
    name: str,
    role: Role,
    districts: Iterable[str] | None = None,
    sectors: Iterable[str] | None = None,
    lifetime: dt.timedelta,
) -> IssuedToken:
    """Make a token. `districts` (codes) and `sectors` of None do not restrict.

    Raises InputError: the name is empty or too long, or a district or sector is unknown.
    """
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise InputError(f"A token's name has 1 to {NAME_LENGTH_MAX} printable characters.")
    if not dt.timedelta(0) < lifetime <= dt.timedelta(days=LIFETIME_DAYS_MAX):
        raise InputError(f"A token lives up to {LIFETIME_DAYS_MAX} days.")
    bearer = new_bearer(BearerKind.APPLICATION)
    row = ApiToken(
        prefix=bearer.prefix,
        secret_sha256=bearer.secret_sha256,
        name=name,
        role=role,
        district_codes=await check_districts(session, districts),
        sectors=check_sectors(sectors),
        expires_at=dt.datetime.now(dt.UTC) + lifetime,
        created_by=by.name,
    )
    session.add(row)
    await session.flush()
    details = {
        "role": role.value,
        "districts": row.district_codes,
        "sectors": row.sectors,
        "expires_at": row.expires_at.isoformat(),
    }
    await record(session, [AuditEntry(AuditAction.TOKEN_CREATED, by, "api_token", str(row.id), details)])
    return IssuedToken(row, bearer)


async def revoke_token(session: WriteSession, by: Principal, prefix: str) -> ApiToken:
    """End a token now; one that has been revoked stays so.

    Raises NotFoundError.
    """
    row = await session.scalar(select(ApiToken).where(ApiToken.prefix == prefix).with_for_update())
    if row is None:
        raise NotFoundError(f"There is no token {prefix}.", mend="`tarazu token list` has the prefixes.")
    if row.revoked_at is None:
        row.revoked_at = dt.datetime.now(dt.UTC)
        await record(session, [AuditEntry(AuditAction.TOKEN_REVOKED, by, "api_token", str(row.id))])
    return row


async def list_tokens(session: ReadSession) -> Sequence[ApiToken]:
    """All tokens, the newest first; revoked and expired ones too."""
    return (await session.scalars(select(ApiToken).order_by(ApiToken.id.desc()))).all()


async def find_token(session: ReadSession, presented: BearerToken) -> Credential | None:
    """Whose token it is; None where it is unknown, revoked or expired."""
    row = (
        await session.execute(
            select(ApiToken, district_ids_of(ApiToken.district_codes)).where(
                ApiToken.prefix == presented.prefix,
                ApiToken.revoked_at.is_(None),
                ApiToken.expires_at > func.now(),
            )
        )
    ).first()
    if row is None or not presented.is_of(row[0].secret_sha256):
        return None
    token, district_ids = row
    scope = row_scope(token.district_codes, district_ids, token.sectors)
    principal = principal_of(PrincipalKind.TOKEN, str(token.id), token.name, token.role, scope)
    return Credential(principal, token.expires_at)
