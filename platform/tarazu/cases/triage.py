"""What people decide on cases: assign, comment, review, dismiss, link, merge, reopen.

Each function asks for the permission, locks its cases in the principal's scope, checks version and state, writes, and
notes what was done. They raise ForbiddenError, NotFoundError, ConflictError, InvalidTransitionError, InvalidInputError,
and the database's faults; the caller keeps what they did only if they return.
"""

from __future__ import annotations

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from tarazu.cases.desk import Desk, Target
from tarazu.cases.opening import CASE_SET_LOCK
from tarazu.cases.refusals import InvalidInputError, InvalidTransitionError
from tarazu.cases.states import Verb, next_state
from tarazu.cases.texts import (
    COMMENT_LENGTH_MAX,
    NAME_LENGTH_MAX,
    REASON_LENGTH_MAX,
    cleaned,
    cleaned_or_none,
)
from tarazu.cases.visits import withdraw_visits
from tarazu.errors import BusyError
from tarazu.models import Case, CaseComment, CaseLink
from tarazu.models.enums import LIVE_CASE_STATES, CaseLinkKind, CaseState, DismissReason
from tarazu.security.permissions import Permission


async def assign(desk: Desk, target: Target, assignee: str | None) -> Case:
    """Give a live case to somebody, by name; None: to nobody."""
    desk.principal.require(Permission.TRIAGE_CASES)
    name = None if assignee is None else cleaned(assignee, "assignee", NAME_LENGTH_MAX)
    (case,) = await desk.take(target)
    desk.move(case, Verb.ASSIGN, assignee=name)
    case.assignee = name
    await desk.session.flush()
    return case


async def comment(desk: Desk, target: Target, text: str) -> tuple[Case, CaseComment]:
    """Add a comment to a case in any state."""
    desk.principal.require(Permission.TRIAGE_CASES)
    words = cleaned(text, "text", COMMENT_LENGTH_MAX, lines=True)
    (case,) = await desk.take(target)
    desk.move(case, Verb.COMMENT)
    return case, await _add_comment(desk, case, words)


async def start_review(desk: Desk, target: Target) -> Case:
    """Take a new case up."""
    desk.principal.require(Permission.TRIAGE_CASES)
    (case,) = await desk.take(target)
    desk.move(case, Verb.START_REVIEW)
    await desk.session.flush()
    return case


async def dismiss(desk: Desk, target: Target, reason: DismissReason, text: str | None) -> Case:
    """Close a case as no loss, or none worth the work. A visit that it waits for is withdrawn."""
    desk.principal.require(Permission.TRIAGE_CASES)
    words = cleaned_or_none(text, "text", REASON_LENGTH_MAX, lines=True)
    if reason is DismissReason.OTHER and words is None:
        raise InvalidInputError("The reason OTHER needs a `text` that says which.", field="text")
    (case,) = await desk.take(target)
    if desk.move(case, Verb.DISMISS, reason=reason.value) is CaseState.INSPECTION_ORDERED:
        await withdraw_visits(desk, case)
    case.dismiss_reason = reason
    case.closed_reason = words or reason.value
    await desk.session.flush()
    return case


async def reopen(desk: Desk, target: Target, reason: str) -> Case:
    """Take a closed or merged case up again; the reason is kept as a comment.

    Raises InvalidTransitionError also where a later case of the same subject and family is live, and BusyError while a
    scan writes its cases, of which one may be such a case.
    """
    desk.principal.require(Permission.TRIAGE_CASES)
    words = cleaned(reason, "reason", REASON_LENGTH_MAX, lines=True)
    (case,) = await desk.take(target)
    next_state(case, Verb.REOPEN)
    if not await desk.session.scalar(select(func.pg_try_advisory_xact_lock_shared(CASE_SET_LOCK))):
        raise BusyError("A scan is writing its cases.", mend="Try again in a moment.")
    live_no = await desk.session.scalar(
        select(Case.case_no).where(
            Case.subject_kind == case.subject_kind,
            Case.subject_key == case.subject_key,
            Case.family == case.family,
            Case.state.in_(LIVE_CASE_STATES),
        )
    )
    if live_no is not None:
        raise _taken(case.state, f"case {live_no} is")
    before = desk.move(case, Verb.REOPEN)
    try:
        await _add_comment(desk, case, words)
    except IntegrityError as error:
        # Another of the subject's closed cases was reopened at the same moment.
        raise _taken(before, "another case is") from error
    return case


async def link(desk: Desk, target: Target, other: Target, kind: CaseLinkKind) -> tuple[Case, Case, CaseLink]:
    """Note that two cases belong together; a link that is there already is refused. The link is the first one's."""
    desk.principal.require(Permission.TRIAGE_CASES)
    _refuse_same(target, other, "otherCaseId")
    case, other_case = await desk.take(target, other)
    if await desk.session.get(CaseLink, (case.id, other_case.id, kind)) is not None:
        raise InvalidInputError(
            f"Case {case.case_no} and case {other_case.case_no} have this link already.", field="kind"
        )
    desk.move(case, Verb.LINK, other=str(other_case.id), kind=kind.value)
    desk.move(other_case, Verb.LINK, other=str(case.id), kind=kind.value)
    who = {"kind": kind, "principal_id": desk.principal.id, "principal_name": desk.principal.name}
    sides = [
        {"case_id": case.id, "other_case_id": other_case.id, **who},
        {"case_id": other_case.id, "other_case_id": case.id, **who},
    ]
    # One statement: the database checks each side's mirror at its end.
    await desk.session.execute(insert(CaseLink).values(sides))
    added = await desk.session.get(CaseLink, (case.id, other_case.id, kind))
    assert added is not None
    return case, other_case, added


async def merge(desk: Desk, target: Target, into: Target) -> tuple[Case, Case]:
    """Go on with one live case for two: `target` becomes MERGED, `into` stays as it is.

    All that hangs on the merged case stays with it, and is found from the other by `merged_cases`. What was merged into it
    before is merged into the other now. A visit that it waits for is withdrawn. A scan adds new evidence to the merged
    case and opens none in its place, as long as the other is live or was closed within its window.
    """
    desk.principal.require(Permission.TRIAGE_CASES)
    _refuse_same(target, into, "intoCaseId")
    touched = or_(Case.id.in_((target.case_id, into.case_id)), Case.merged_into_id == target.case_id)
    await desk.session.execute(
        select(Case.id).where(touched).order_by(Case.id).with_for_update(key_share=True)
    )
    case, survivor = await desk.take(target, into)
    next_state(survivor, Verb.TAKE_IN)
    before = desk.move(case, Verb.MERGE, into=str(survivor.id))
    desk.move(survivor, Verb.TAKE_IN, merged=str(case.id))
    case.merged_into_id = survivor.id
    case.closed_reason = f"merged into case {survivor.case_no}"
    if before is CaseState.INSPECTION_ORDERED:
        await withdraw_visits(desk, case)
    await desk.session.flush()
    await desk.session.execute(
        update(Case)
        .where(Case.merged_into_id == case.id)
        .values(merged_into_id=survivor.id, version=Case.version + 1, updated_at=desk.now)
        .execution_options(synchronize_session=False)
    )
    return case, survivor


async def _add_comment(desk: Desk, case: Case, words: str) -> CaseComment:
    added = CaseComment(
        case_id=case.id, principal_id=desk.principal.id, principal_name=desk.principal.name, text=words
    )
    desk.session.add(added)
    await desk.session.flush()
    return added


def _refuse_same(target: Target, other: Target, field: str) -> None:
    if target.case_id == other.case_id:
        raise InvalidInputError(f"`{field}` names the case itself.", field=field)


def _taken(state: CaseState, which: str) -> InvalidTransitionError:
    return InvalidTransitionError(
        f"For this subject and family {which} live already, and there is one at most.",
        state=state,
        mend="Work on that one; link the two.",
    )
