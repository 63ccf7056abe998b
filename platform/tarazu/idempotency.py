"""A change that is asked for again has one effect and one answer.

A principal names each change by a key. The key, the effects and the answer are written in one transaction: a process that
is killed leaves all of them or none. A twin that comes meanwhile waits, and gets the same answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, insert, select, tuple_

from tarazu.database import Sessions, WriteSession
from tarazu.database.locks import lock_key
from tarazu.errors import InputError
from tarazu.models import IdempotencyKey
from tarazu.security.principal import Principal

KEY_LENGTH_MIN: Final = 8
KEY_LENGTH_MAX: Final = 100
# Expired keys that each new one removes; more than one, so that they grow fewer.
_PRUNED_AT_ONCE: Final = 10


class KeyFormatError(InputError):
    """A key is too short, too long, or holds characters that cannot be printed."""

    code = "idempotency.key"


class KeyMismatchError(InputError):
    """The key was used for another change before."""

    code = "idempotency.mismatch"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a change, as sent. What is not `final` is undone and not kept: the same key may try again."""

    body: bytes
    status: int = 200
    final: bool = True


class _UndoError(Exception):
    """Ends a transaction whose answer is not final."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def check_key(key: str) -> None:
    """Raises KeyFormatError."""
    if not KEY_LENGTH_MIN <= len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise KeyFormatError(
            f"`clientMutationKey` must have {KEY_LENGTH_MIN} to {KEY_LENGTH_MAX} printable ASCII characters.",
            mend="Make one per change, such as a UUID, and send it again with every retry.",
        )


async def run_once(
    sessions: Sessions,
    principal: Principal,
    key: str,
    body_sha256: bytes,
    execute: Callable[[WriteSession], Awaitable[Answer]],
    *,
    keep_days: int,
) -> Answer:
    """The answer of `execute`, or, where the principal has used the key before, the answer of then.

    `execute` runs in the transaction that also keeps its answer, and commits nothing itself. `body_sha256` stands for the
    whole request. Keys older than `keep_days` are forgotten.

    Raises:
        KeyFormatError: the key cannot be one.
        KeyMismatchError: the key was used with another request.
    """
    check_key(key)
    try:
        async with sessions.write() as session:
            # The lock ends with the transaction, after what it wrote has become visible.
            await session.execute(select(func.pg_advisory_xact_lock(_lock_of(principal, key))))
            kept = await _kept(session, principal, key, body_sha256)
            if kept is not None:
                return kept
            answer = _final(await execute(session))
            await session.execute(
                insert(IdempotencyKey).values(
                    principal_id=principal.id,
                    key=key,
                    body_sha256=body_sha256,
                    status=answer.status,
                    response=answer.body,
                )
            )
            await prune(session, keep_days=keep_days, limit=_PRUNED_AT_ONCE)
            return answer
    except _UndoError as undo:
        return undo.answer


async def prune(session: WriteSession, *, keep_days: int, limit: int) -> int:
    """Forget at most `limit` keys that are older than `keep_days`, the oldest first; how many it were."""
    name = (IdempotencyKey.principal_id, IdempotencyKey.key)
    expired = (
        select(*name)
        .where(IdempotencyKey.created_at < func.now() - func.make_interval(0, 0, 0, keep_days))
        .order_by(IdempotencyKey.created_at)
        .limit(limit)
        # Another that forgets the same keys does not wait.
        .with_for_update(skip_locked=True)
    )
    gone = await session.execute(
        delete(IdempotencyKey)
        .where(tuple_(*name).in_(expired))
        .returning(IdempotencyKey.key)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _final(answer: Answer) -> Answer:
    if not answer.final:
        raise _UndoError(answer)
    return answer


async def _kept(session: WriteSession, principal: Principal, key: str, body_sha256: bytes) -> Answer | None:
    columns = (IdempotencyKey.body_sha256, IdempotencyKey.response, IdempotencyKey.status)
    kept = (
        await session.execute(
            select(*columns).where(IdempotencyKey.principal_id == principal.id, IdempotencyKey.key == key)
        )
    ).one_or_none()
    if kept is None:
        return None
    if kept.body_sha256 != body_sha256:
        raise KeyMismatchError(
            "This `clientMutationKey` was used for another change before.",
            mend="Send exactly what was sent then, or make a new key.",
        )
    return Answer(kept.response, kept.status)


def _lock_of(principal: Principal, key: str) -> int:
    # 64 bits of a hash: two keys that share one wait for each other, and nothing else.
    return lock_key(f"idempotency:{principal.id}:{key}")
