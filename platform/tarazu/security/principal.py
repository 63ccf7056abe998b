"""Who asks: an application with a token, or a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tarazu.errors import InputError
from tarazu.models.enums import Sector
from tarazu.security.permissions import Permission, Role


class PrincipalKind(StrEnum):
    TOKEN = "token"  # noqa: S105 - the name of a kind
    USER = "user"
    OIDC = "oidc"
    # The command line on the machine itself, and tests.
    LOCAL = "local"


class ForbiddenError(InputError):
    """The principal lacks a permission, or the row is outside its scope."""

    code = "access.forbidden"


@dataclass(frozen=True, slots=True)
class RowScope:
    """Which rows a principal sees: those of its districts and sectors. None does not restrict; empty shows nothing."""

    district_ids: frozenset[int] | None = None
    sectors: frozenset[Sector] | None = None

    @property
    def is_everything(self) -> bool:
        return self.district_ids is None and self.sectors is None


EVERYTHING = RowScope()


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request comes from, as the authenticator found it."""

    id: str
    """Stable and free of personal data: `token:12`, `user:3`, `oidc:<hash of issuer and subject>`."""
    kind: PrincipalKind
    name: str
    """What people call it; stands in assignments and the audit log."""
    role: Role
    permissions: frozenset[Permission]
    scope: RowScope = EVERYTHING
    statement_timeout_ms: int | None = None
    """How long one statement may take; None: the API's own setting."""

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises ForbiddenError."""
        if permission not in self.permissions:
            raise ForbiddenError(
                f"The permission `{permission.value}` is needed.",
                mend="Ask an administrator for a role that has it.",
            )
