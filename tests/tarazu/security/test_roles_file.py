"""`roles.yaml` is the file that people read: complete, and about nothing that does not exist."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
import yaml

from tarazu.security.permissions import Permission, Role
from tarazu.security.principal import ForbiddenError, Principal, PrincipalKind, RowScope

ROLES: dict[str, Any] = yaml.safe_load(
    files("tarazu.security").joinpath("roles.yaml").read_text(encoding="utf-8")
)


def test_every_role_stands_in_the_file_and_no_other() -> None:
    assert set(ROLES) == {role.value for role in Role}


def test_every_permission_is_known_named_once_and_had_by_some_role() -> None:
    given = [permission for role in ROLES.values() for permission in role["permissions"]]
    assert set(given) == {permission.value for permission in Permission}
    assert all(len(set(role["permissions"])) == len(role["permissions"]) for role in ROLES.values())


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_a_title_in_both_languages_and_a_bounded_statement(role: str) -> None:
    assert set(ROLES[role]["title"]) == {"fa", "en"}
    assert 100 <= ROLES[role]["statement_timeout_ms"] <= 600_000


def test_who_manages_access_sees_no_customer_and_the_auditor_changes_nothing() -> None:
    assert not any(
        name.startswith(("customers", "personal", "cases")) for name in ROLES["administrator"]["permissions"]
    )
    assert all(name.endswith((".read", ".scores")) for name in ROLES["auditor"]["permissions"])
    assert "personal_data.read" not in ROLES["auditor"]["permissions"]


def test_a_principal_without_the_permission_is_refused_by_its_name() -> None:
    principal = Principal(
        "token:1", PrincipalKind.TOKEN, "reports", Role.APPLICATION, frozenset({Permission.READ_CASES})
    )
    principal.require(Permission.READ_CASES)
    with pytest.raises(ForbiddenError, match=r"`audit\.read`"):
        principal.require(Permission.READ_AUDIT)


@pytest.mark.parametrize(
    ("scope", "everything"),
    [(RowScope(), True), (RowScope(frozenset()), False), (RowScope(None, frozenset()), False)],
)
def test_an_empty_scope_is_not_an_open_one(scope: RowScope, everything: bool) -> None:
    assert scope.is_everything is everything
