"""Tip-offs: what was reported stands in the clear, who reported it only sealed."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import asdict, dataclass
from typing import Final

import orjson
from sqlalchemy import BigInteger, Text, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from tarazu.database import ReadSession, WriteSession
from tarazu.errors import InputError, NotFoundError
from tarazu.models import TipOff
from tarazu.models.enums import TipOffChannel
from tarazu.security.audit import AuditAction, AuditEntry, AuditWriter, record
from tarazu.security.encryption import Cipher
from tarazu.security.permissions import Permission
from tarazu.security.principal import Principal, RowScope
from tarazu.security.row_scope import ScopeValues, of_usage_point

TEXT_LENGTH_MAX: Final = 10_000
REPORTER_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True, repr=False)
class Reporter:
    """Who reported; never in a log, so it has no text of its own."""

    name: str | None = None
    phone: str | None = None


async def record_tip_off(
    session: WriteSession,
    cipher: Cipher,
    by: Principal,
    *,
    received_on: dt.date,
    text: str,
    channel: TipOffChannel,
    usage_point_id: int | None = None,
    reporter: Reporter | None = None,
    request_id: str | None = None,
) -> TipOff:
    """Store a report, in the caller's transaction; call it last (see `tarazu.security.audit.record`).

    That the usage point is in the scope of `by` is for the caller to check. Raises ForbiddenError, InputError.
    """
    by.require(Permission.RECORD_TIP_OFFS)
    if not 1 <= len(text.strip()) <= TEXT_LENGTH_MAX or "\0" in text:
        raise InputError(f"The text of a tip-off has 1 to {TEXT_LENGTH_MAX} characters.")
    known = reporter if reporter is not None and (reporter.name or reporter.phone) else None
    if known is not None and max(len(known.name or ""), len(known.phone or "")) > REPORTER_LENGTH_MAX:
        raise InputError(f"Name and telephone of a reporter have up to {REPORTER_LENGTH_MAX} characters.")
    id_ = uuid.uuid4()
    row = TipOff(
        id=id_,
        received_on=received_on,
        usage_point_id=usage_point_id,
        text=text.strip(),
        channel=channel,
        reporter_ciphertext=None
        if known is None
        else cipher.seal(orjson.dumps(asdict(known)), row=_sealed_for(id_)),
        created_by=by.name,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    await record(
        session, [AuditEntry(AuditAction.SENSITIVE_CREATE, by, "tip_off", str(id_), request_id=request_id)]
    )
    return row


async def reporter_of(
    session: ReadSession,
    cipher: Cipher,
    audit: AuditWriter,
    by: Principal,
    tip_off_id: uuid.UUID,
    *,
    request_id: str | None = None,
) -> Reporter | None:
    """Who reported; None where nobody gave a name. The audit log has it before it is returned.

    Raises ForbiddenError; NotFoundError, also outside the scope of `by`; DecryptionError; AuditUnavailableError.
    """
    by.require(Permission.READ_TIP_OFF_REPORTER)
    statement = select(TipOff.reporter_ciphertext).where(TipOff.id == tip_off_id)
    in_scope = of_usage_point(TipOff.__table__.c, _values(by.scope))
    row = (await session.execute(statement if in_scope is None else statement.where(in_scope))).first()
    if row is None:
        raise NotFoundError(f"There is no tip-off {tip_off_id}.")
    if row.reporter_ciphertext is None:
        return None
    opened = orjson.loads(cipher.open(row.reporter_ciphertext, row=_sealed_for(tip_off_id)))
    details = {"fields": ["reporter"]}
    await audit.write(
        AuditEntry(AuditAction.SENSITIVE_READ, by, "tip_off", str(tip_off_id), details, request_id)
    )
    return Reporter(**opened)


def _sealed_for(tip_off_id: uuid.UUID) -> str:
    return f"tip_off:{tip_off_id}"


def _values(scope: RowScope) -> ScopeValues:
    return ScopeValues(
        district_ids=None
        if scope.district_ids is None
        else literal(sorted(scope.district_ids), ARRAY(BigInteger)),
        sectors=None
        if scope.sectors is None
        else literal(sorted(sector.value for sector in scope.sectors), ARRAY(Text)),
    )
