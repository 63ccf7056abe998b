"""Who may come in: tokens of applications, people with their passwords, and the log-ins of those people.

Secrets are kept as hashes only. A scope of NULL does not restrict; an empty array lets nothing be seen.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from tarazu.security.permissions import Role

from .base import Base, CreatedAt, Key, choice
from .enums import Sector

_SECTORS = ", ".join(f"'{sector.value}'" for sector in Sector)


def _sectors_check() -> CheckConstraint:
    return CheckConstraint(f"sectors <@ ARRAY[{_SECTORS}]::text[]", name="sectors")


class ApiToken(Base):
    """A credential of an application: `trz_<prefix>_<secret>`, of which only the SHA-256 of the secret is kept."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("octet_length(secret_sha256) = 32", name="secret_sha256"),
        CheckConstraint("expires_at > created_at", name="expiry"),
        _sectors_check(),
    )

    id: Mapped[Key]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(choice(Role))
    district_codes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    sectors: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]


class UserAccount(Base):
    """A person who logs in here, where the company has no identity provider."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint("username ~ '^[a-z0-9][a-z0-9._-]{1,63}$'", name="username"),
        CheckConstraint("failed_attempts >= 0", name="failed_attempts"),
        _sectors_check(),
    )

    id: Mapped[Key]
    username: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[Role] = mapped_column(choice(Role))
    district_codes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    sectors: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    disabled_at: Mapped[dt.datetime | None]
    # Attempts since the last success; an attempt counts before its password is looked at.
    failed_attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    locked_until: Mapped[dt.datetime | None]
    password_changed_at: Mapped[CreatedAt]
    created_at: Mapped[CreatedAt]


class LoginSession(Base):
    """What a log-in gives: a token of hours, `trs_<prefix>_<secret>`; role and scope are the user's of the moment."""

    __tablename__ = "login_session"
    __table_args__ = (
        CheckConstraint("octet_length(secret_sha256) = 32", name="secret_sha256"),
        CheckConstraint("expires_at > created_at", name="expiry"),
        Index(None, "user_account_id"),
    )

    id: Mapped[Key]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    user_account_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
    created_at: Mapped[CreatedAt]
