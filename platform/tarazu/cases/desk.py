"""Where one principal changes cases: in one transaction, on rows that are locked, in scope, and written down."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from sqlalchemy import ARRAY, BigInteger, Select, Text, func, inspect, literal, select

from tarazu.cases.refusals import ConflictError, InvalidInputError
from tarazu.cases.states import Verb, next_state
from tarazu.database import WriteSession
from tarazu.errors import InputError, NotFoundError
from tarazu.models import Case
from tarazu.models.enums import LIVE_CASE_STATES, CaseState
from tarazu.security import audit, row_scope
from tarazu.security.audit import AuditEntry
from tarazu.security.principal import Principal, RowScope

Value = TypeVar("Value")

BATCH_MAX: Final = 200

# A scan that merges holds cases for seconds. PostgreSQL ends one of two transactions that wait for each other when one
# of them has waited for its deadlock_timeout, 1 s by default; by giving up before, it is never the scan.
_LOCK_TIMEOUT: Final = "750ms"


@dataclass(frozen=True, slots=True)
class Target:
    """A case, and the version in which the caller saw it; None where the change fits every version."""

    case_id: uuid.UUID
    expected_version: int | None = None


class Desk:
    """An open desk: `async with Desk(…) as desk`. At its end all that was done is written to the audit log.

    A case outside the principal's scope is not found. Cases are locked in the order of their ids (FOR NO KEY UPDATE, which
    lets a scan add findings meanwhile), so that two desks never wait for each other.
    """

    def __init__(
        self, session: WriteSession, principal: Principal, *, today: dt.date, request_id: str | None = None
    ) -> None:
        self.session = session
        self.principal = principal
        self.today = today
        self.scope: Final = scope_values(principal.scope)
        self._request_id = request_id
        self._now: dt.datetime | None = None
        self._held: dict[uuid.UUID, Case] = {}
        self._entries: list[AuditEntry] = []

    async def __aenter__(self) -> Self:
        statement = select(func.set_config("lock_timeout", _LOCK_TIMEOUT, True), func.now())
        _, self._now = (await self.session.execute(statement)).one()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.session.flush()
            if self._entries:
                await audit.record(self.session, self._entries)

    @property
    def now(self) -> dt.datetime:
        """The moment of the transaction, by the clock of the database."""
        assert self._now is not None
        return self._now

    async def hold(self, case_ids: Iterable[uuid.UUID]) -> None:
        """Lock those of the cases that are in scope."""
        missing = sorted(set(case_ids) - self._held.keys())
        if missing:
            statement = self._in_scope(select(Case).where(Case.id.in_(missing)))
            locked = statement.order_by(Case.id).with_for_update(key_share=True, of=Case)
            fresh = locked.execution_options(populate_existing=True)
            self._held |= {case.id: case for case in await self.session.scalars(fresh)}

    async def take(self, *targets: Target) -> tuple[Case, ...]:
        """The cases, locked. Raises NotFoundError, ConflictError."""
        await self.hold(target.case_id for target in targets)
        found = [self._held.get(target.case_id) for target in targets]
        cases = tuple(case for case in found if case is not None)
        if len(cases) < len(targets):
            raise NotFoundError("There is no such case.", mend="Use an id as the API gave it.")
        for case, target in zip(cases, targets, strict=True):
            if target.expected_version not in (None, case.version):
                raise ConflictError(
                    f"Case {case.case_no} has changed: it is at version {case.version}, not {target.expected_version}.",
                    current_version=case.version,
                    mend="Read it again, then decide.",
                )
        return cases

    def move(self, case: Case, verb: Verb, **details: Any) -> CaseState:
        """Do the verb: the new state, a new version, an entry in the audit log. Gives the state before.

        Raises InvalidTransitionError. Whoever closes a case sets `closed_reason`.
        """
        before, after = case.state, next_state(case, verb)
        case.state = after
        case.version += 1
        case.updated_at = self.now
        if after in LIVE_CASE_STATES:
            case.closed_at = case.closed_reason = case.dismiss_reason = case.merged_into_id = None
        elif after is not before:
            case.closed_at = self.now
            case.dismiss_reason = case.merged_into_id = None
        self.note(
            f"case.{verb.value}",
            "case",
            str(case.id),
            {"from": before.value, "to": after.value, "version": case.version, **details},
        )
        return before

    def note(self, action: str, subject_type: str, subject_id: str, details: Mapping[str, Any]) -> None:
        """An entry for the audit log; nothing that people wrote belongs into it."""
        self._entries.append(
            AuditEntry(action, self.principal, subject_type, subject_id, details, self._request_id)
        )

    async def attempt(self, work: Callable[[], Awaitable[Value]]) -> Value:
        """The result of `work`; where that raises, nothing of it stays."""
        noted = len(self._entries)
        try:
            async with self.session.savepoint():
                return await work()
        except BaseException:
            del self._entries[noted:]
            # What was changed in vain is read again when it is needed next; the locks stay.
            self._held = {
                key: case for key, case in self._held.items() if not inspect(case).expired_attributes
            }
            raise

    async def each(
        self, targets: Sequence[Target], work: Callable[[Target], Awaitable[Value]]
    ) -> list[Value | InputError]:
        """`work` on each of 1 to 200 cases, with the result or the refusal of each.

        Raises InvalidInputError where they are none, too many, or one stands twice; operational errors end all.
        """
        ids = [target.case_id for target in targets]
        if not 1 <= len(ids) <= BATCH_MAX:
            raise InvalidInputError(f"`cases` has {len(ids)}; it may have 1 to {BATCH_MAX}.", field="cases")
        if len(set(ids)) < len(ids):
            raise InvalidInputError("`cases` names a case twice.", field="cases")
        await self.hold(ids)
        results: list[Value | InputError] = []
        for target in targets:
            try:
                results.append(await self.attempt(partial(work, target)))
            except InputError as refusal:
                results.append(refusal)
        return results

    def _in_scope(self, statement: Select[Case]) -> Select[Case]:
        condition = row_scope.case(Case.__table__.c, self.scope)
        return statement if condition is None else statement.where(condition)


def scope_values(scope: RowScope) -> row_scope.ScopeValues:
    """A scope with its arrays as bound values."""
    return row_scope.ScopeValues(
        None if scope.district_ids is None else literal(sorted(scope.district_ids), ARRAY(BigInteger)),
        None if scope.sectors is None else literal(sorted(scope.sectors), ARRAY(Text)),
    )
