"""Readers of case sums and rules: arguments into the statements of `tarazu.cases`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Text

from graphql_api.aggregates import Aggregate, Statement, dimensions
from graphql_api.compiler.arguments import chosen_condition
from graphql_api.compiler.binding import Bind, Collected, filled
from graphql_api.compiler.mapping import ReadingLimits, Values
from graphql_api.fields import CASE_GUARDS
from tarazu.cases.rules import rules_statement
from tarazu.cases.summary import CaseDimension, case_summary_statement
from tarazu.filtering import Condition
from tarazu.security.permissions import Permission


@dataclass(frozen=True, slots=True)
class _SummaryShape:
    group_by: tuple[CaseDimension, ...]
    condition: Condition
    by_money: bool


def _read_summary(arguments: Mapping[str, Any], limits: ReadingLimits, collected: Collected) -> _SummaryShape:
    return _SummaryShape(
        dimensions(arguments),
        chosen_condition(arguments, CASE_GUARDS, limits, collected),
        Permission.READ_SCORES in limits.permissions,
    )


def _summary(shape: _SummaryShape, bind: Bind, values: Values) -> Statement:
    return case_summary_statement(
        shape.group_by, filled(shape.condition, bind), values.scope, by_money=shape.by_money
    )


def _read_rules(arguments: Mapping[str, Any], limits: ReadingLimits, collected: Collected) -> Condition:
    return chosen_condition(arguments, {}, limits, collected)


def _rules(shape: Condition, bind: Bind, _values: Values) -> Statement:
    return rules_statement(filled(shape, bind))


CASE_SUMMARY: Final = Aggregate(
    _read_summary,
    _summary,
    {
        "state": Text(),
        "family": Text(),
        "severity": Text(),
        "rule_id": Text(),
        "assignee": Text(),
        "district_id": BigInteger(),
    },
)
RULES: Final = Aggregate(_read_rules, _rules, {})
