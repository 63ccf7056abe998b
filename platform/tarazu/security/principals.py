"""Makes principals: the permissions come from the role, the scope from whatever was authenticated."""

from __future__ import annotations

import getpass
import os
from typing import Final

from tarazu.security.permissions import Permission, Role
from tarazu.security.principal import EVERYTHING, Principal, PrincipalKind, RowScope
from tarazu.security.roles import role_policies

NAME_LENGTH_MAX: Final = 100


def principal_of(
    kind: PrincipalKind, key: str, name: str, role: Role, scope: RowScope = EVERYTHING
) -> Principal:
    """`key` tells it apart from others of its kind; it holds no personal data."""
    policy = role_policies()[role]
    return Principal(
        id=f"{kind.value}:{key}",
        kind=kind,
        name=name,
        role=role,
        permissions=policy.permissions,
        scope=scope,
        statement_timeout_ms=policy.statement_timeout_ms,
    )


def local_operator() -> Principal:
    """Whoever runs a command on the machine itself: can read its files and database anyway, so may do everything."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A user id without a name, as in some containers.
        name = f"uid {os.geteuid()}"
    return Principal(
        id=f"{PrincipalKind.LOCAL.value}:{os.geteuid()}",
        kind=PrincipalKind.LOCAL,
        name=name,
        role=Role.ADMINISTRATOR,
        permissions=frozenset(Permission),
    )
