"""Writes down what is done and what personal data is read.

Details name fields and rows, never the values of personal data.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

import orjson

from tarazu.database import Sessions, WriteSession
from tarazu.database.faults import classify
from tarazu.database.locks import lock_key
from tarazu.errors import DatabaseUnavailableError
from tarazu.security.audit_chain import APPEND, LOCK_CHAIN, NO_HASH
from tarazu.security.principal import Principal

_log: Final = logging.getLogger("tarazu.security")
_LOCK_KEY: Final = lock_key("audit")
# Requests that wait for their entry at one time; each is a read that would answer with personal data.
_QUEUE_ENTRIES: Final = 1_000
_BATCH_ENTRIES: Final = 200


class AuditAction(StrEnum):
    """Names of the OWASP logging vocabulary, where it has one."""

    LOGIN_SUCCESS = "authn_login_success"
    LOGIN_FAIL = "authn_login_fail"
    LOGIN_LOCK = "authn_login_lock"
    LOGOUT = "authn_logout"
    PASSWORD_CHANGE = "authn_password_change"  # noqa: S105 - the name of an event
    TOKEN_CREATED = "authn_token_created"  # noqa: S105 - the name of an event
    TOKEN_REVOKED = "authn_token_revoked"  # noqa: S105 - the name of an event
    AUTHZ_FAIL = "authz_fail"
    USER_CREATED = "user_created"
    USER_UPDATED = "user_updated"
    SENSITIVE_READ = "sensitive_read"
    SENSITIVE_CREATE = "sensitive_create"
    PERSON_FORGOTTEN = "sensitive_delete"
    RULE_PARAMETER_SET = "rule_parameter_set"
    RULE_PARAMETER_DECIDED = "rule_parameter_decided"
    RULE_STATUS_SET = "rule_status_set"
    RULE_EXCEPTION_SET = "rule_exception_set"
    RULE_CHANGE_DECIDED = "rule_change_decided"


class AuditUnavailableError(DatabaseUnavailableError):
    """The audit log cannot be written, so what would have to stand in it is refused."""

    code = "operational.audit_unavailable"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What the log is to say. `principal` is None only where nobody is known yet (a failed log-in)."""

    action: str
    principal: Principal | None
    subject_type: str | None = None
    subject_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None


async def record(session: WriteSession, entries: Sequence[AuditEntry]) -> None:
    """Append the entries in the caller's transaction: they stand when it commits, and not otherwise.

    Call it last. The chain has one order, so its lock is held from here to the commit, and other writers wait.
    """
    if not entries:
        return
    await session.flush()
    await session.execute(LOCK_CHAIN, {"key": _LOCK_KEY})
    rows = [_row(number, entry) for number, entry in enumerate(entries, 1)]
    await session.execute(APPEND, {"entries": orjson.dumps(rows).decode(), "no_hash": NO_HASH})


def _row(number: int, entry: AuditEntry) -> dict[str, Any]:
    principal = entry.principal
    return {
        "n": number,
        "principal_id": None if principal is None else principal.id,
        "principal_name": None if principal is None else principal.name,
        "principal_role": None if principal is None else principal.role.value,
        "action": str(entry.action),
        "subject_type": entry.subject_type,
        "subject_id": entry.subject_id,
        "details": dict(entry.details),
        "request_id": entry.request_id,
    }


@dataclass(slots=True)
class _Waiting:
    entry: AuditEntry
    done: asyncio.Future[None]


class AuditWriter:
    """Writes entries of reads, many requests' in one transaction: `async with AuditWriter(sessions) as writer`.

    While one batch commits the next gathers, so a thousand reads a second cost a few commits.
    """

    def __init__(self, sessions: Sessions, *, queue_entries: int = _QUEUE_ENTRIES) -> None:
        self._sessions = sessions
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(queue_entries)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="audit writer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Writes what still waits, then ends."""
        task, self._task = self._task, None
        if task is not None:
            await self._queue.put(None)
            await task

    async def write(self, entry: AuditEntry) -> None:
        """Returns when the entry is committed.

        Raises AuditUnavailableError; what the entry tells of must then not happen.
        """
        if self._task is None or self._task.done():
            raise AuditUnavailableError("The audit log is not being written.", mend="Try again in a moment.")
        waiting = _Waiting(entry, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise AuditUnavailableError(
                "More reads wait for the audit log than it can hold.", mend="Try again in a moment."
            ) from None
        await waiting.done

    async def _run(self) -> None:
        while (first := await self._queue.get()) is not None:
            batch, is_last = [first], False
            while len(batch) < _BATCH_ENTRIES:
                try:
                    following = self._queue.get_nowait()
                except asyncio.QueueEmpty:
                    break
                if following is None:
                    is_last = True
                    break
                batch.append(following)
            await self._write(batch)
            if is_last:
                return

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            async with self._sessions.write() as session:
                await record(session, [waiting.entry for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each waiting read gets it; the writer goes on
            known = classify(error)
            if known is None and len(batch) > 1:
                # One entry that cannot be written must not refuse the reads of others.
                for waiting in batch:
                    await self._write([waiting])
                return
            _log.error("audit entries refused: %s", type(error).__name__ if known is None else known.code)
            for waiting in batch:
                if not waiting.done.done():
                    refused = AuditUnavailableError(
                        "The audit log cannot be written.", mend="Try again in a moment."
                    )
                    refused.__cause__ = error
                    waiting.done.set_exception(refused)
        else:
            for waiting in batch:
                # A client that went away has cancelled its future.
                with contextlib.suppress(asyncio.InvalidStateError):
                    waiting.done.set_result(None)
