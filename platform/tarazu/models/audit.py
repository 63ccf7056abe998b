"""What was done and what personal data was read, in the order in which it happened."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base


class AuditEvent(Base):
    """A link of the chain: `hash` covers the row and the hash before it (tarazu.security.audit_chain).

    Ids are consecutive from 1. Triggers refuse UPDATE, DELETE and TRUNCATE. Role and action are plain text: rows
    outlive the enumerations they were written with.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index(None, "subject_type", "subject_id", "id"),
        Index(None, "principal_id", "id"),
        CheckConstraint("id >= 1", name="id"),
        CheckConstraint("octet_length(previous_hash) = 32 AND octet_length(hash) = 32", name="hash"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime]
    # NULL where nobody was known yet: a failed log-in.
    principal_id: Mapped[str | None]
    principal_name: Mapped[str | None]
    principal_role: Mapped[str | None]
    action: Mapped[str]
    subject_type: Mapped[str | None]
    subject_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    request_id: Mapped[str | None]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
