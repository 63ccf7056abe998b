"""Set a rule's status, except a subject from a rule, decide on either: each adds a row and an entry of the audit log."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from tarazu.database import WriteSession
from tarazu.errors import InputError, NotFoundError
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
from tarazu.models.enums import Decision, RuleLifecycle, TariffClass
from tarazu.rule_changes.repository import (
    ExceptionVersion,
    StatusVersion,
    exception_versions,
    status_versions,
)
from tarazu.rule_parameters.four_eyes import (
    check_may_decide,
    checked_reason,
    district_of,
    one_at_a_time,
    record_change,
)
from tarazu.security.audit import AuditAction
from tarazu.security.permissions import Permission
from tarazu.security.principal import Principal

# A year and a day: what nobody thinks of again for so long is no exception any more.
_DAYS_MAX: Final = 366
_OWNER_CHARACTERS_MAX: Final = 200
_OPEN_CASES: Final = (RuleLifecycle.TRIAL, RuleLifecycle.STABLE)
_SUBJECT_MEND: Final = (
    "Write point:NUMBER, customer:NUMBER, transformer:CODE, agent:NUMBER, class:CLASS, district:CODE "
    "or class:CLASS,district:CODE."
)


@dataclass(frozen=True, slots=True)
class StatusChange:
    """`status` None gives the rule file the word back; `present` is the status that it leaves."""

    rule_id: str
    present: RuleLifecycle
    status: RuleLifecycle | None
    file: RuleLifecycle
    valid_from: dt.date
    reason: str
    district_code: str | None = None
    most_findings: int | None = None


@dataclass(frozen=True, slots=True)
class ExceptionChange:
    """`valid_to` on the day it begins ends the exception."""

    rule_id: str
    subject: str
    owner: str
    valid_from: dt.date
    valid_to: dt.date
    reason: str


async def set_status(session: WriteSession, by: Principal, change: StatusChange) -> StatusVersion:
    """Add a version. What opens cases or no longer opens them counts only after a second person agreed.

    Raises:
        ForbiddenError: the principal may not manage rules, or not in all districts.
        NotFoundError: there is no such district.
        InputError: no reason, or limits of a status that is no trial.
    """
    by.require(Permission.MANAGE_RULES)
    await district_of(session, by, None)
    reason = checked_reason(change.reason)
    is_limited = change.district_code is not None or change.most_findings is not None
    if is_limited and change.status is not RuleLifecycle.TRIAL:
        raise InputError("Only a trial is held to a district or a number of findings.")
    if change.most_findings is not None and change.most_findings < 1:
        raise InputError("A trial of no finding shows nothing.", mend="Set it to shadow, or give at least 1.")
    district_id = (
        None if change.district_code is None else await district_of(session, by, change.district_code)
    )
    await one_at_a_time(session)
    newest = await session.scalar(
        select(func.max(RuleStatus.version)).where(RuleStatus.rule_id == change.rule_id)
    )
    row = RuleStatus(
        rule_id=change.rule_id,
        version=(newest or 0) + 1,
        status=change.status,
        district_id=district_id,
        most_findings=change.most_findings,
        valid_from=change.valid_from,
        needs_approval=change.present in _OPEN_CASES or (change.status or change.file) in _OPEN_CASES,
        reason=reason,
        principal_id=by.id,
        principal_name=by.name,
    )
    session.add(row)
    await session.flush()
    details = {
        "version": row.version,
        "status": change.status,
        "district": change.district_code,
        "most_findings": change.most_findings,
        "needs_approval": row.needs_approval,
        "reason": reason,
    }
    await record_change(session, by, AuditAction.RULE_STATUS_SET, change.rule_id, details)
    return await _known_status(session, row.id)


async def status_to_roll_back_to(session: WriteSession, rule_id: str) -> StatusVersion | None:
    """The version that counted before the newest that counts; None: what the rule file says.

    Raises:
        NotFoundError: no status was ever set.
    """
    counting = [
        version
        for version in await status_versions(session)
        if version.rule_id == rule_id and version.state == "counting"
    ]
    if not counting:
        raise NotFoundError(f"No status is set for {rule_id}.", mend="See `tarazu rules show`.")
    return counting[1] if len(counting) > 1 else None


async def except_subject(session: WriteSession, by: Principal, change: ExceptionChange) -> ExceptionVersion:
    """Add an exception, which hides findings and so needs a second person; to end one needs nobody else.

    Raises:
        ForbiddenError: the principal may not manage rules, or not where the subject is.
        NotFoundError: there is no such subject.
        InputError: no reason or owner, a subject that cannot be read, or a wrong last day.
    """
    by.require(Permission.MANAGE_RULES)
    reason, owner = checked_reason(change.reason), change.owner.strip()
    if not 1 <= len(owner) <= _OWNER_CHARACTERS_MAX:
        raise InputError("An exception needs an owner.", mend="Say which office or person answers for it.")
    days = (change.valid_to - change.valid_from).days
    if not 0 <= days <= _DAYS_MAX:
        raise InputError(
            f"An exception lasts {_DAYS_MAX} days at most and does not end before it begins.",
            mend="Give a last day within a year; it can be made again.",
        )
    subject = await _subject(session, by, change.subject)
    await one_at_a_time(session)
    same = [
        version
        for version in await exception_versions(session)
        if version.rule_id == change.rule_id
        and all(getattr(version, name) == subject.get(name) for name in _SUBJECT_COLUMNS)
    ]
    if not days and not any(version.state == "counting" for version in same):
        raise NotFoundError(f"{change.rule_id} has no exception of {change.subject} to end.")
    row = RuleException(
        rule_id=change.rule_id,
        **subject,
        version=max((version.version for version in same), default=0) + 1,
        owner=owner,
        valid_from=change.valid_from,
        valid_to=change.valid_to,
        needs_approval=days > 0,
        reason=reason,
        principal_id=by.id,
        principal_name=by.name,
    )
    session.add(row)
    await session.flush()
    details = {
        "id": row.id,
        "version": row.version,
        "subject": {name: value for name, value in subject.items() if value is not None},
        "owner": owner,
        "until": change.valid_to.isoformat(),
        "reason": reason,
    }
    await record_change(session, by, AuditAction.RULE_EXCEPTION_SET, change.rule_id, details)
    return await _known_exception(session, row.id)


async def decide_change(
    session: WriteSession, by: Principal, name: str, decision: Decision, reason: str
) -> StatusVersion | ExceptionVersion:
    """Approve or reject a status (`S3`) or an exception (`E5`) that waits for a second person.

    Raises:
        ForbiddenError: the principal may not manage rules, or not where this is.
        NotFoundError: there is no such version.
        FourEyesError: the principal proposed it, it is decided already, or it needs nobody's approval.
    """
    by.require(Permission.MANAGE_RULES)
    reason = checked_reason(reason)
    await one_at_a_time(session)
    number = int(name[1:]) if name[1:].isdecimal() and len(name) < 19 else 0
    change = await (_known_status if name[:1] == "S" else _known_exception)(session, number)
    where = change.subject_district_code if isinstance(change, ExceptionVersion) else None
    await district_of(session, by, where)
    check_may_decide(by, name, change.state, change.set_by_id)
    is_status = isinstance(change, StatusVersion)
    session.add(
        RuleChangeDecision(
            rule_status_id=number if is_status else None,
            rule_exception_id=None if is_status else number,
            proposed_by_id=change.set_by_id,
            decision=decision,
            reason=reason,
            principal_id=by.id,
            principal_name=by.name,
        )
    )
    details = {"id": name, "decision": decision.value, "reason": reason}
    await record_change(session, by, AuditAction.RULE_CHANGE_DECIDED, change.rule_id, details)
    await session.flush()
    return await (_known_status if is_status else _known_exception)(session, number)


_SUBJECT_COLUMNS: Final = (
    "usage_point_id",
    "customer_id",
    "transformer_id",
    "reading_agent_id",
    "tariff_class",
    "district_id",
)


async def _subject(session: WriteSession, by: Principal, words: str) -> dict[str, Any]:
    """Columns of the subject that a person has named, where the principal may work."""
    given = dict.fromkeys(_SUBJECT_COLUMNS)
    parts = [part.partition(":") for part in words.split(",")]
    kinds = [kind for kind, _, _ in parts]
    if not all(name for _, _, name in parts) or not (
        len(kinds) == 1 or sorted(kinds) == ["class", "district"]
    ):
        raise InputError(f"{words!r} names no subject.", mend=_SUBJECT_MEND)
    named = {kind: name for kind, _, name in parts}
    if "class" in named and named["class"] not in list(TariffClass):
        raise InputError(
            f"There is no tariff class {named['class']!r}.", mend=f"Known: {', '.join(TariffClass)}."
        )
    match kinds[0]:
        case "class" | "district":
            tariff_class = named.get("class")
            given["tariff_class"] = None if tariff_class is None else TariffClass(tariff_class)
            given["district_id"] = await district_of(session, by, named.get("district"))
        case "point":
            found = await session.execute(
                select(UsagePoint.id, District.code)
                .outerjoin(District, District.id == UsagePoint.district_id)
                .where(UsagePoint.subscription_no == named["point"])
            )
            given["usage_point_id"] = await _there(session, by, found.one_or_none(), words)
        case "transformer":
            found = await session.execute(
                select(DistributionTransformer.id, District.code)
                .outerjoin(District, District.id == DistributionTransformer.district_id)
                .where(DistributionTransformer.code == named["transformer"])
            )
            given["transformer_id"] = await _there(session, by, found.one_or_none(), words)
        case "customer":
            number = await session.scalar(
                select(Customer.id).where(Customer.customer_no == named["customer"])
            )
            given["customer_id"] = await _there(session, by, number and (number, None), words)
        case "agent":
            number = await session.scalar(
                select(ReadingAgent.id).where(ReadingAgent.agent_no == named["agent"])
            )
            given["reading_agent_id"] = await _there(session, by, number and (number, None), words)
        case _:
            raise InputError(f"{words!r} names no subject.", mend=_SUBJECT_MEND)
    return given


async def _there(session: WriteSession, by: Principal, found: Any, words: str) -> int:
    if found is None:
        raise NotFoundError(f"There is no {words}.", mend="Check the number.")
    await district_of(session, by, found[1])
    return int(found[0])


async def _known_status(session: WriteSession, number: int) -> StatusVersion:
    for version in await status_versions(session):
        if version.number == number:
            return version
    raise NotFoundError(f"There is no status S{number}.", mend="`tarazu rules diff` shows what waits.")


async def _known_exception(session: WriteSession, number: int) -> ExceptionVersion:
    for version in await exception_versions(session):
        if version.number == number:
            return version
    raise NotFoundError(f"There is no exception E{number}.", mend="`tarazu rules exceptions` shows them.")
