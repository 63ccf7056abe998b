"""Answers of mutations, kept so that a request that is sent again gets the same one."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base


class IdempotencyKey(Base):
    """The answer that a principal's key has, written in the transaction of the effects it tells of."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        Index(None, "created_at"),
        CheckConstraint("char_length(key) BETWEEN 8 AND 100", name="key"),
        CheckConstraint("octet_length(body_sha256) = 32", name="body_sha256"),
        {"info": {"natural_key": ("principal_id", "key")}},
    )

    principal_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    response: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
