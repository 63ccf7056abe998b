"""Statuses and exceptions of rules as the database has them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from tarazu.database import ReadSession
from tarazu.models import (
    Customer,
    DistributionTransformer,
    District,
    ReadingAgent,
    RuleChangeDecision,
    RuleException,
    RuleStatus,
    UsagePoint,
)
from tarazu.models.enums import RuleLifecycle, TariffClass
from tarazu.rule_parameters.four_eyes import state_of


class StatusVersion(NamedTuple):
    """One version; `status` None gives the word back to the rule file."""

    number: int
    rule_id: str
    version: int
    status: RuleLifecycle | None
    district_id: int | None
    district_code: str | None
    most_findings: int | None
    valid_from: dt.date
    needs_approval: bool
    reason: str
    set_by_id: str
    set_by: str
    set_at: dt.datetime
    decision: str | None
    decided_by: str | None

    @property
    def id(self) -> str:
        """By which a second person names it."""
        return f"S{self.number}"

    @property
    def state(self) -> str:
        return state_of(self.decision, needs_approval=self.needs_approval)

    def to_json(self) -> dict[str, Any]:
        return {**self._asdict(), "id": self.id, "state": self.state}


class ExceptionVersion(NamedTuple):
    """One version; `subject` as a person names it: `point:…`, `customer:…`, `class:…,district:…`."""

    number: int
    rule_id: str
    version: int
    usage_point_id: int | None
    customer_id: int | None
    transformer_id: int | None
    reading_agent_id: int | None
    tariff_class: TariffClass | None
    district_id: int | None
    subject: str
    subject_district_code: str | None
    owner: str
    valid_from: dt.date
    valid_to: dt.date
    needs_approval: bool
    reason: str
    set_by_id: str
    set_by: str
    set_at: dt.datetime
    decision: str | None
    decided_by: str | None

    @property
    def id(self) -> str:
        """By which a second person names it."""
        return f"E{self.number}"

    @property
    def scope(self) -> tuple[object, ...]:
        return (
            self.rule_id,
            self.usage_point_id,
            self.customer_id,
            self.transformer_id,
            self.reading_agent_id,
            self.tariff_class,
            self.district_id,
        )

    @property
    def state(self) -> str:
        return state_of(self.decision, needs_approval=self.needs_approval)

    def holds_on(self, day: dt.date) -> bool:
        return self.valid_from <= day < self.valid_to

    def to_json(self) -> dict[str, Any]:
        return {**self._asdict(), "id": self.id, "state": self.state}


_STATUSES: Final[Select[*tuple[Any, ...]]] = (
    select(
        RuleStatus.id,
        RuleStatus.rule_id,
        RuleStatus.version,
        RuleStatus.status,
        RuleStatus.district_id,
        District.code,
        RuleStatus.most_findings,
        RuleStatus.valid_from,
        RuleStatus.needs_approval,
        RuleStatus.reason,
        RuleStatus.principal_id,
        RuleStatus.principal_name,
        RuleStatus.created_at,
        RuleChangeDecision.decision,
        RuleChangeDecision.principal_name,
    )
    .outerjoin(District, District.id == RuleStatus.district_id)
    .outerjoin(RuleChangeDecision, RuleChangeDecision.rule_status_id == RuleStatus.id)
    .order_by(RuleStatus.rule_id, RuleStatus.version.desc())
)
# Where what is excepted is: who works in some districts decides on theirs only.
_Home: Final = aliased(District)
_EXCEPTIONS: Final[Select[*tuple[Any, ...]]] = (
    select(
        RuleException.id,
        RuleException.rule_id,
        RuleException.version,
        RuleException.usage_point_id,
        RuleException.customer_id,
        RuleException.transformer_id,
        RuleException.reading_agent_id,
        RuleException.tariff_class,
        RuleException.district_id,
        func.concat_ws(
            ",",
            "point:" + UsagePoint.subscription_no,
            "customer:" + Customer.customer_no,
            "transformer:" + DistributionTransformer.code,
            "agent:" + ReadingAgent.agent_no,
            "class:" + cast(RuleException.tariff_class, Text),
            "district:" + District.code,
        ),
        _Home.code,
        RuleException.owner,
        RuleException.valid_from,
        RuleException.valid_to,
        RuleException.needs_approval,
        RuleException.reason,
        RuleException.principal_id,
        RuleException.principal_name,
        RuleException.created_at,
        RuleChangeDecision.decision,
        RuleChangeDecision.principal_name,
    )
    .outerjoin(UsagePoint, UsagePoint.id == RuleException.usage_point_id)
    .outerjoin(Customer, Customer.id == RuleException.customer_id)
    .outerjoin(DistributionTransformer, DistributionTransformer.id == RuleException.transformer_id)
    .outerjoin(ReadingAgent, ReadingAgent.id == RuleException.reading_agent_id)
    .outerjoin(District, District.id == RuleException.district_id)
    .outerjoin(
        _Home,
        _Home.id
        == func.coalesce(
            RuleException.district_id, UsagePoint.district_id, DistributionTransformer.district_id
        ),
    )
    .outerjoin(RuleChangeDecision, RuleChangeDecision.rule_exception_id == RuleException.id)
    .order_by(RuleException.rule_id, RuleException.version.desc(), RuleException.id.desc())
)


async def status_versions(session: ReadSession | AsyncConnection) -> list[StatusVersion]:
    """All versions of all rules, the newest of a rule first."""
    return [StatusVersion(*tuple(row)) for row in await session.execute(_STATUSES)]


async def statuses_in_force(session: ReadSession | AsyncConnection, day: dt.date) -> dict[str, StatusVersion]:
    """By rule, the newest version that counts and has begun; rules given back to their files are left out."""
    newest: dict[str, StatusVersion] = {}
    for version in await status_versions(session):
        if version.state == "counting" and version.valid_from <= day:
            newest.setdefault(version.rule_id, version)
    return {rule_id: version for rule_id, version in newest.items() if version.status is not None}


async def exception_versions(session: ReadSession | AsyncConnection) -> list[ExceptionVersion]:
    """All versions of all exceptions, the newest of a rule first."""
    return [ExceptionVersion(*tuple(row)) for row in await session.execute(_EXCEPTIONS)]


def newest_exceptions(versions: list[ExceptionVersion], day: dt.date) -> list[ExceptionVersion]:
    """Of each rule and subject the newest version that counts and has begun, whether or not it still holds."""
    newest: dict[tuple[object, ...], ExceptionVersion] = {}
    for version in versions:
        if version.state == "counting" and version.valid_from <= day:
            newest.setdefault(version.scope, version)
    return list(newest.values())
