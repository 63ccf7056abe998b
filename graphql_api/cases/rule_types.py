"""Rule with its versions."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import strawberry
from strawberry.scalars import JSON

from graphql_api.compiler.mapping import Relation
from graphql_api.errors import IdError
from graphql_api.fields import column, computed, listed
from graphql_api.ids import KEY_SEPARATOR, parse_number
from graphql_api.rows import Node, Row
from tarazu import models
from tarazu.cases import repository
from tarazu.models.enums import RuleFamily, Severity
from tarazu.security import row_scope
from tarazu.security.permissions import Permission


def _parse_rule_key(key: str) -> tuple[Any, ...]:
    rule_id, at, version = key.rpartition(KEY_SEPARATOR)
    number = parse_number(version)
    if not at or number > 2**31 - 1 or "\0" in rule_id:
        raise IdError("The id is damaged.", mend="Use an id as the API gave it.")
    return rule_id, number


@strawberry.type(description="A rule as it stood when a finding was made.")
class RuleVersion(
    Node,
    model=models.RuleVersion,
    scope=row_scope.everyone,
    requires=Permission.READ_RULES,
    keys=("rule_id", "version"),
    parse_key=_parse_rule_key,
):
    rule_id: str = column("Stable id of the rule, such as T02.")
    version: int = column("Version of the rule, from 1.")
    content_hash: str = column("Hash of the definition.")
    definition: JSON = column(
        "The whole rule: titles, conditions, suppressors, parameters with units and bounds, sources."
    )
    created_at: dt.datetime = column("When this version was first used, UTC.")


def _said(description: str, *path: str) -> Any:
    """A text in the definition of a rule."""

    def python(row: Any) -> Any:
        found = row.definition
        for key in path:
            found = (found or {}).get(key)
        return found

    return computed(lambda c, _: c.definition[path].astext, python, description)


VERSIONS_OF_RULE: Final = Relation(
    models.RuleVersion, ("rule_id",), lambda rule, version, _: version.rule_id == rule.rule_id
)


@strawberry.type(description="A rule with its current version: the one that scans use.")
class Rule(Row, scope=row_scope.everyone, requires=Permission.READ_RULES):
    rule_id: str = column("Stable id of the rule, such as T02.")
    version: int = column("Number of the current version, from 1.")
    version_count: int = column("How many versions are known.")
    content_hash: str = column("Hash of the definition.")
    definition: JSON = column(
        "The whole rule: titles, conditions, suppressors, parameters with units and bounds, sources."
    )
    created_at: dt.datetime = column("When the current version was first used, UTC.")
    family: RuleFamily | None = _said("Its family.", "family")
    severity: Severity | None = _said(
        "How grave its findings are, where nothing makes them graver.", "severity"
    )
    title_fa: str | None = _said("Title in Persian.", "title", "fa")
    title_en: str | None = _said("Title in English.", "title", "en")
    parameters: JSON | None = computed(
        lambda c, _: c.definition["parameters"],
        lambda row: row.definition.get("parameters"),
        "Its parameters by name: unit, default, bounds and source.",
    )
    versions: list[RuleVersion] = listed(
        VERSIONS_OF_RULE, repository.RULE_VERSION_ORDER, "All versions of it, the newest first."
    )
