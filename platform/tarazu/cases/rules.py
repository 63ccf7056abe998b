"""Rules as they stand and stood; the newest version of a rule is the one that scans use."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, func, select

from tarazu.filtering import EVERYTHING, Columns, Condition, Field, column, where
from tarazu.models import RuleVersion


def rule_fields(c: Columns) -> dict[str, Field]:
    """What rules can be filtered by."""
    return {
        "rule_id": column(c.rule_id),
        "version": column(c.version),
        "family": column(c.definition["family"].astext),
        "severity": column(c.definition["severity"].astext),
        "created_at": column(c.created_at),
    }


_OF_RULE: Final = (
    select(
        RuleVersion.rule_id,
        func.max(RuleVersion.version).label("current_version"),
        func.count().label("version_count"),
    )
    .group_by(RuleVersion.rule_id)
    .subquery("of_rule")
)


def rules_statement(condition: Condition = EVERYTHING) -> Select[*tuple[Any, ...]]:
    """The current version of each rule that meets the condition, by rule id.

    Columns: those of `rule_version`, and `version_count`: how many versions of it are known.
    """
    return (
        select(RuleVersion.__table__, _OF_RULE.c.version_count)
        .join(_OF_RULE, _OF_RULE.c.rule_id == RuleVersion.rule_id)
        .where(RuleVersion.version == _OF_RULE.c.current_version, where(condition, rule_fields(RuleVersion.__table__.c)))
        .order_by(RuleVersion.rule_id)
    )


def rule_versions_statement(condition: Condition = EVERYTHING) -> Select[*tuple[Any, ...]]:
    """All versions of the rules that meet the condition, by rule id, the newest first.

    Columns: those of `rule_version`, and `is_current`.
    """
    return (
        select(RuleVersion.__table__, (RuleVersion.version == _OF_RULE.c.current_version).label("is_current"))
        .join(_OF_RULE, _OF_RULE.c.rule_id == RuleVersion.rule_id)
        .where(where(condition, rule_fields(RuleVersion.__table__.c)))
        .order_by(RuleVersion.rule_id, RuleVersion.version.desc())
    )
