from __future__ import annotations

import pytest
import yaml

from tarazu.security.permissions import Permission, Role
from tarazu.security.principals import local_operator
from tarazu.security.roles import ROLES_FILE, RolesError, load_roles, role_policies


def test_the_file_that_ships_has_every_role_and_uses_every_permission():
    policies = role_policies()
    assert set(policies) == set(Role)
    assert frozenset().union(*(policy.permissions for policy in policies.values())) == frozenset(Permission)
    assert all(policy.title_fa and policy.title_en for policy in policies.values())


def test_only_who_manages_an_office_learns_of_reporters_and_only_administrators_manage_access():
    policies = role_policies()

    def having(permission):
        return {role for role in Role if permission in policies[role].permissions}

    assert having(Permission.READ_TIP_OFF_REPORTER) == {Role.OFFICE_MANAGER}
    assert having(Permission.MANAGE_ACCESS) == {Role.ADMINISTRATOR}
    assert having(Permission.READ_AUDIT) == {Role.AUDITOR, Role.ADMINISTRATOR}


def _without(role):
    def change(data):
        del data[role]

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_without("inspector"), "inspector"),
        (lambda data: data.update(janitor={}), "janitor: there is no such role"),
        (lambda data: data["analyst"]["permissions"].append("cases.delete"), "'cases.delete'"),
        (lambda data: data["analyst"]["permissions"].append("cases.read"), "given twice"),
        (lambda data: data["analyst"].update(statement_timeout_ms=0), "statement_timeout_ms"),
        (lambda data: data["analyst"].update(statement_timeout_ms=True), "statement_timeout_ms"),
        (lambda data: data["analyst"]["title"].pop("fa"), "title"),
        (lambda data: data["analyst"].pop("permissions"), "exactly"),
        (lambda data: data["analyst"].update(permissions="cases.read"), "must be a list"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path, change, named):
    data = yaml.safe_load(ROLES_FILE.read_text(encoding="utf-8"))
    change(data)
    file = tmp_path / "roles.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(RolesError) as caught:
        load_roles(file)
    assert named in str(caught.value)
    assert str(file) in str(caught.value)


def test_whoever_runs_commands_on_the_machine_may_do_everything():
    assert local_operator().permissions == frozenset(Permission)
