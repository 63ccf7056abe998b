"""Set a parameter, decide on what another person has set, roll back: each adds a row and an entry of the audit log."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from tarazu.database import WriteSession
from tarazu.errors import InputError, NotFoundError
from tarazu.models import RuleParameter, RuleParameterDecision
from tarazu.models.enums import Decision, TariffClass
from tarazu.rule_parameters.four_eyes import (
    check_may_decide,
    checked_reason,
    district_of,
    one_at_a_time,
    record_change,
)
from tarazu.rule_parameters.repository import (
    ParameterVersion,
    newest_version,
    parameter_version,
    parameter_versions,
)
from tarazu.security.audit import AuditAction
from tarazu.security.permissions import Permission
from tarazu.security.principal import Principal


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be set. `least` and `most` are the bounds of the rule file; `value` None gives it the word back."""

    rule_id: str
    parameter: str
    value: float | None
    least: float
    most: float
    valid_from: dt.date
    valid_to: dt.date | None
    reason: str
    needs_approval: bool
    tariff_class: TariffClass | None = None
    district_code: str | None = None


async def set_parameter(session: WriteSession, by: Principal, change: Change) -> ParameterVersion:
    """Add a version.

    Raises:
        ForbiddenError: the principal may not manage rules, or not for this district.
        NotFoundError: there is no such district.
        InputError: no reason, a value outside the bounds, or a validity that ends before it begins.
    """
    by.require(Permission.MANAGE_RULES)
    reason = checked_reason(change.reason)
    if change.value is not None and not change.least <= change.value <= change.most:
        raise InputError(
            f"{change.rule_id} {change.parameter}: {change.value:g} is outside "
            f"{change.least:g} … {change.most:g}.",
            mend="Set a value inside the bounds of the rule file.",
        )
    if change.valid_to is not None and change.valid_to <= change.valid_from:
        raise InputError("The validity ends before it begins.", mend="Give a later last day.")
    district_id = await district_of(session, by, change.district_code)
    await one_at_a_time(session)
    scope = (change.rule_id, change.parameter, change.tariff_class, district_id)
    row = RuleParameter(
        rule_id=change.rule_id,
        parameter=change.parameter,
        tariff_class=change.tariff_class,
        district_id=district_id,
        version=await newest_version(session, *scope) + 1,
        value=change.value,
        least=change.least,
        most=change.most,
        valid_from=change.valid_from,
        valid_to=change.valid_to,
        needs_approval=change.needs_approval,
        reason=reason,
        principal_id=by.id,
        principal_name=by.name,
    )
    session.add(row)
    await session.flush()
    details = {
        "parameter": change.parameter,
        "tariff_class": change.tariff_class,
        "district": change.district_code,
        "version": row.version,
        "value": change.value,
        "needs_approval": change.needs_approval,
        "reason": reason,
    }
    await record_change(session, by, AuditAction.RULE_PARAMETER_SET, change.rule_id, details)
    return await _known(session, row.id)


async def decide(
    session: WriteSession, by: Principal, version_id: int, decision: Decision, reason: str
) -> ParameterVersion:
    """Approve or reject a version that waits for a second person.

    Raises:
        ForbiddenError: the principal may not manage rules, or not for this district.
        NotFoundError: there is no such version.
        FourEyesError: the principal proposed it, it is decided already, or it needs nobody's approval.
    """
    by.require(Permission.MANAGE_RULES)
    reason = checked_reason(reason)
    await one_at_a_time(session)
    version = await _known(session, version_id)
    await district_of(session, by, version.district_code)
    check_may_decide(by, str(version_id), version.state, version.set_by_id)
    session.add(
        RuleParameterDecision(
            rule_parameter_id=version_id,
            proposed_by_id=version.set_by_id,
            decision=decision,
            reason=reason,
            principal_id=by.id,
            principal_name=by.name,
        )
    )
    details = {
        "id": version_id,
        "parameter": version.parameter,
        "version": version.version,
        "decision": decision.value,
        "reason": reason,
    }
    await record_change(session, by, AuditAction.RULE_PARAMETER_DECIDED, version.rule_id, details)
    return await _known(session, version_id)


async def value_to_roll_back_to(
    session: WriteSession,
    rule_id: str,
    parameter: str,
    *,
    tariff_class: str | None,
    district_code: str | None,
    version: int | None,
) -> float | None:
    """The value of that version of the scope; None: what the rule file says, as before version 1.

    Without a version, the one that counted before the newest that counts.

    Raises:
        NotFoundError: the scope has no such version, or nothing was ever set.
    """
    counting = [
        known
        for known in await parameter_versions(session, rule_id)
        if (known.parameter, known.tariff_class, known.district_code)
        == (parameter, tariff_class, district_code)
        and known.state == "counting"
    ]
    if not counting:
        raise NotFoundError(
            f"Nothing is set for {rule_id} {parameter} there.", mend="See `tarazu rules show`."
        )
    if version == 0 or (version is None and len(counting) == 1):
        return None
    wanted = counting[1].version if version is None else version
    for known in counting:
        if known.version == wanted:
            return known.value
    raise NotFoundError(
        f"{rule_id} {parameter} has no version {version} that ever counted.", mend="See `tarazu rules show`."
    )


async def _known(session: WriteSession, version_id: int) -> ParameterVersion:
    await session.flush()
    version = await parameter_version(session, version_id)
    if version is None:
        raise NotFoundError(
            f"There is no version {version_id}.", mend="`tarazu rules diff` shows what waits."
        )
    return version
