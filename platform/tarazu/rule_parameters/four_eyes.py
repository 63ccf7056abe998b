"""What all changes of rules share: a reason, one at a time, a second person, an entry of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import func, select

from tarazu.database import WriteSession
from tarazu.database.locks import lock_key
from tarazu.errors import InputError, NotFoundError
from tarazu.models import District
from tarazu.models.enums import Decision
from tarazu.security.audit import AuditAction, AuditEntry, record
from tarazu.security.principal import ForbiddenError, Principal

# Held to the commit: two versions of a scope at one time would take one number.
_LOCK: Final = lock_key("rule parameters")
_REASON_CHARACTERS_MAX: Final = 1000


class FourEyesError(InputError):
    """Who proposed a change may not decide on it, and nobody decides twice."""

    code = "rules.four_eyes"


def state_of(decision: str | None, *, needs_approval: bool) -> str:
    """pending, counting or rejected."""
    if decision == Decision.REJECTED:
        return "rejected"
    return "pending" if needs_approval and decision is None else "counting"


def checked_reason(given: str) -> str:
    """
    Raises:
        InputError: it is empty or too long.
    """
    reason = given.strip()
    if not 1 <= len(reason) <= _REASON_CHARACTERS_MAX:
        raise InputError(
            f"A reason is needed, of at most {_REASON_CHARACTERS_MAX} characters.",
            mend="Say why: it is what people read later.",
        )
    return reason


async def one_at_a_time(session: WriteSession) -> None:
    """Wait until no other transaction changes a rule, and keep others waiting until the commit."""
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def check_may_decide(by: Principal, name: str, state: str, set_by_id: str) -> None:
    """
    Raises:
        FourEyesError: the principal proposed it, it is decided already, or it needs nobody's approval.
    """
    if state != "pending":
        raise FourEyesError(
            f"Version {name} waits for no decision: it is {state}.",
            mend="`tarazu rules diff` shows what waits.",
        )
    if set_by_id == by.id:
        raise FourEyesError(
            f"{by.name} proposed version {name} and cannot decide on it.", mend="Ask another person to."
        )


async def district_of(session: WriteSession, by: Principal, code: str | None) -> int | None:
    """The id of the district, in which the principal may work.

    Raises:
        ForbiddenError: None, by somebody of some districts only.
        NotFoundError: there is no such district for the principal.
    """
    allowed = by.scope.district_ids
    if code is None:
        if allowed is not None:
            raise ForbiddenError(
                "What holds for all districts is not for somebody of some of them to set.",
                mend="Name one of your districts.",
            )
        return None
    district_id = await session.scalar(select(District.id).where(District.code == code))
    if district_id is None or (allowed is not None and district_id not in allowed):
        raise NotFoundError(f"There is no district {code}.", mend="Check the code.")
    return district_id


async def record_change(
    session: WriteSession, by: Principal, action: AuditAction, rule_id: str, details: Mapping[str, object]
) -> None:
    await record(session, [AuditEntry(action, by, subject_type="rule", subject_id=rule_id, details=details)])
