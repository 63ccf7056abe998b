"""Versions of parameters as the database has them, and which of them are in force on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from tarazu.database import ReadSession
from tarazu.models import District, RuleParameter, RuleParameterDecision
from tarazu.models.enums import Decision


class ParameterVersion(NamedTuple):
    """One version; `state` is pending, counting or rejected. `value` None gives the word back to the rule file."""

    id: int
    rule_id: str
    parameter: str
    tariff_class: str | None
    district_id: int | None
    district_code: str | None
    version: int
    value: float | None
    valid_from: dt.date
    valid_to: dt.date | None
    needs_approval: bool
    reason: str
    set_by_id: str
    set_by: str
    set_at: dt.datetime
    decision: str | None
    decided_by: str | None
    decided_at: dt.datetime | None
    decision_reason: str | None

    @property
    def state(self) -> str:
        if self.decision == Decision.REJECTED:
            return "rejected"
        return "pending" if self.needs_approval and self.decision is None else "counting"


_VERSIONS: Final = (
    select(
        RuleParameter.id,
        RuleParameter.rule_id,
        RuleParameter.parameter,
        RuleParameter.tariff_class,
        RuleParameter.district_id,
        District.code.label("district_code"),
        RuleParameter.version,
        RuleParameter.value,
        RuleParameter.valid_from,
        RuleParameter.valid_to,
        RuleParameter.needs_approval,
        RuleParameter.reason,
        RuleParameter.principal_id.label("set_by_id"),
        RuleParameter.principal_name.label("set_by"),
        RuleParameter.created_at.label("set_at"),
        RuleParameterDecision.decision,
        RuleParameterDecision.principal_name.label("decided_by"),
        RuleParameterDecision.created_at.label("decided_at"),
        RuleParameterDecision.reason.label("decision_reason"),
    )
    .outerjoin(District, District.id == RuleParameter.district_id)
    .outerjoin(RuleParameterDecision, RuleParameterDecision.rule_parameter_id == RuleParameter.id)
)
_SCOPE: Final = (
    RuleParameter.rule_id,
    RuleParameter.parameter,
    RuleParameter.tariff_class,
    RuleParameter.district_id,
)


async def parameters_in_force(
    session: ReadSession | AsyncConnection, day: dt.date
) -> Sequence[ParameterVersion]:
    """The version of each scope that holds on `day`; scopes given back to the rule file are left out."""
    counts = or_(
        and_(~RuleParameter.needs_approval, RuleParameterDecision.decision.is_(None)),
        RuleParameterDecision.decision == Decision.APPROVED,
    )
    valid = and_(
        RuleParameter.valid_from <= day, or_(RuleParameter.valid_to.is_(None), RuleParameter.valid_to > day)
    )
    statement = (
        _VERSIONS.ext(distinct_on(*_SCOPE))
        .where(counts, valid)
        .order_by(*_SCOPE, RuleParameter.version.desc())
    )
    return [version for version in await _read(session, statement) if version.value is not None]


async def parameter_versions(session: ReadSession, rule_id: str | None = None) -> Sequence[ParameterVersion]:
    """All versions of a rule, or of all rules, by scope, the newest first."""
    statement = _VERSIONS.order_by(*_SCOPE, RuleParameter.version.desc())
    return await _read(
        session, statement if rule_id is None else statement.where(RuleParameter.rule_id == rule_id)
    )


async def parameter_version(session: ReadSession, version_id: int) -> ParameterVersion | None:
    found = await _read(session, _VERSIONS.where(RuleParameter.id == version_id))
    return found[0] if found else None


async def newest_version(
    session: ReadSession, rule_id: str, parameter: str, tariff_class: str | None, district_id: int | None
) -> int:
    """The number of the newest version of a scope, 0 where there is none."""
    statement = select(func.max(RuleParameter.version)).where(
        *of_scope(rule_id, parameter, tariff_class, district_id)
    )
    return await session.scalar(statement) or 0


def of_scope(
    rule_id: str, parameter: str, tariff_class: str | None, district_id: int | None
) -> tuple[ColumnElement[bool], ...]:
    return (
        RuleParameter.rule_id == rule_id,
        RuleParameter.parameter == parameter,
        RuleParameter.tariff_class.is_not_distinct_from(tariff_class),
        RuleParameter.district_id.is_not_distinct_from(district_id),
    )


async def _read(
    session: ReadSession | AsyncConnection, statement: Select[*tuple[Any, ...]]
) -> list[ParameterVersion]:
    return [ParameterVersion(*row) for row in await session.execute(statement)]
