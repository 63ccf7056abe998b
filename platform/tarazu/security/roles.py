"""What each role may do, as `roles.yaml` beside this file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tarazu.errors import InputError
from tarazu.security.permissions import Permission, Role
from tarazu.yaml_file import YamlFile, read_yaml

ROLES_FILE: Final = Path(__file__).with_name("roles.yaml")
# The bounds of TARAZU_STATEMENT_TIMEOUT_MS.
_TIMEOUT_MS_MIN: Final = 100
_TIMEOUT_MS_MAX: Final = 600_000
_FIELDS: Final = {"title", "statement_timeout_ms", "permissions"}


class RolesError(InputError):
    """The file of roles is wrong: names the file, the line and the field."""

    code = "access.roles"


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """What a role may do, and how long one statement of its reads may take."""

    role: Role
    title_fa: str
    title_en: str
    permissions: frozenset[Permission]
    statement_timeout_ms: int


@cache
def role_policies() -> Mapping[Role, RolePolicy]:
    """The policies of all roles, read once a process."""
    return load_roles(ROLES_FILE)


def load_roles(path: Path) -> Mapping[Role, RolePolicy]:
    """The policies in a file, which must name every role.

    Raises RolesError.
    """
    file = read_yaml(path, RolesError)
    if not isinstance(file.data, dict):
        raise RolesError(f"{file.place([])}: must be a mapping of roles.")
    unknown = [name for name in file.data if name not in set(Role)]
    if unknown:
        raise RolesError(
            f"{file.place([unknown[0]])}: there is no such role.", mend=f"Known: {', '.join(Role)}."
        )
    missing = [role for role in Role if role not in file.data]
    if missing:
        raise RolesError(f"{path}: the roles {', '.join(missing)} are missing.", mend="Add them.")
    return MappingProxyType({role: _policy(file, role, file.data[role]) for role in Role})


def _policy(file: YamlFile, role: Role, data: Any) -> RolePolicy:
    if not isinstance(data, dict) or data.keys() != _FIELDS:
        raise RolesError(f"{file.place([role])}: must have exactly {', '.join(sorted(_FIELDS))}.")
    title, permissions, timeout = data["title"], data["permissions"], data["statement_timeout_ms"]
    if (
        not isinstance(title, dict)
        or title.keys() != {"fa", "en"}
        or not all(isinstance(text, str) and text for text in title.values())
    ):
        raise RolesError(f"{file.place([role, 'title'])}: must have a text for fa and one for en.")
    if type(timeout) is not int or not _TIMEOUT_MS_MIN <= timeout <= _TIMEOUT_MS_MAX:
        raise RolesError(
            f"{file.place([role, 'statement_timeout_ms'])}: must be a number of milliseconds from "
            f"{_TIMEOUT_MS_MIN} to {_TIMEOUT_MS_MAX}."
        )
    if not isinstance(permissions, list):
        raise RolesError(f"{file.place([role, 'permissions'])}: must be a list.")
    for position, name in enumerate(permissions):
        place = file.place([role, "permissions", position])
        if not isinstance(name, str) or name not in set(Permission):
            raise RolesError(
                f"{place}: there is no permission {name!r}.", mend=f"Known: {', '.join(Permission)}."
            )
        if name in permissions[:position]:
            raise RolesError(f"{place}: {name} is given twice.", mend="Keep one of the two.")
    return RolePolicy(
        role=role,
        title_fa=title["fa"],
        title_en=title["en"],
        permissions=frozenset(Permission(name) for name in permissions),
        statement_timeout_ms=timeout,
    )
