"""Cases counted and summed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from tarazu.cases.fields import case_fields
from tarazu.expressions import total
from tarazu.filtering import EVERYTHING, Condition, where
from tarazu.models import Case, District, Finding
from tarazu.security import row_scope
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues


class CaseDimension(StrEnum):
    """What cases can be counted by."""

    STATE = "state"
    FAMILY = "family"
    DISTRICT = "district"
    RULE = "rule"
    SEVERITY = "severity"
    ASSIGNEE = "assignee"


_CASE: Final = Case.__table__.c
# By case and rule, not by finding: a rule can have several findings in one case.
_HOLDS: Final = (
    select(Finding.case_id, Finding.rule_id)
    .where(Finding.ended_scan_run_id.is_(None))
    .distinct()
    .subquery("holds")
)
_COLUMNS: Final[Mapping[CaseDimension, dict[str, ColumnElement[Any]]]] = {
    CaseDimension.STATE: {"state": _CASE.state},
    CaseDimension.FAMILY: {"family": _CASE.family},
    CaseDimension.DISTRICT: {"district_id": _CASE.district_id, "district_code": District.__table__.c.code},
    CaseDimension.RULE: {"rule_id": _HOLDS.c.rule_id},
    CaseDimension.SEVERITY: {"severity": _CASE.severity},
    CaseDimension.ASSIGNEE: {"assignee": _CASE.assignee},
}


def case_summary_statement(
    group_by: Collection[CaseDimension],
    condition: Condition = EVERYTHING,
    scope: ScopeValues = UNRESTRICTED,
    *,
    by_money: bool = True,
) -> Select[*tuple[Any, ...]]:
    """Cases counted and summed by the dimensions; without dimensions, one row.

    Most money at risk comes first, or with `by_money` False most cases: an order tells of what it goes by.

    Columns: `state`, `family`, `district_id` and `district_code`, `rule_id`, `severity`, `assignee` where grouped by;
    `case_count`, `energy_at_risk_kwh`, `money_at_risk_rial`. The district is null for cases without one, the assignee
    for cases of nobody. By RULE a case counts, with all its energy and money, under each rule that holds in it, so that
    rows add up to more than there are cases; the rule is null where none holds any more.
    """
    columns = {
        name: column
        for dimension in CaseDimension
        if dimension in group_by
        for name, column in _COLUMNS[dimension].items()
    }
    source: Any = Case.__table__
    if CaseDimension.DISTRICT in group_by:
        source = source.outerjoin(District, District.id == _CASE.district_id)
    if CaseDimension.RULE in group_by:
        source = source.outerjoin(_HOLDS, _HOLDS.c.case_id == _CASE.id)
    money = total(_CASE.money_at_risk_rial)
    statement = (
        select(
            *(expression.label(name) for name, expression in columns.items()),
            func.count().label("case_count"),
            func.coalesce(func.sum(_CASE.energy_at_risk_kwh), 0.0).label("energy_at_risk_kwh"),
            money.label("money_at_risk_rial"),
        )
        .select_from(source)
        .where(where(condition, case_fields(_CASE)))
        .group_by(*columns.values())
        .order_by(*([money.desc()] if by_money else []), func.count().desc(), *columns.values())
    )
    in_scope = row_scope.case(_CASE, scope)
    return statement if in_scope is None else statement.where(in_scope)
