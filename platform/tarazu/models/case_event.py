"""What happened to cases, for subscribers. Triggers on `case` write it; nothing else does."""

from __future__ import annotations

import uuid

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Identity, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, CreatedAt, choice
from .enums import CaseEventKind, RuleFamily


class CaseEvent(Base):
    """A case was opened or changed.

    The order of events is that of (transaction_id, id). The id alone would not do: it is given when a row is written,
    and transactions end in another order, so whoever reads on after the highest id seen would miss those of slower
    transactions. Whoever reads only transactions below every one still running (`tarazu.cases.events`) misses none.

    It refers to its case without a foreign key: it is a log with its own, shorter life, and a key would cost each case
    of a scan a look-up.
    """

    __tablename__ = "case_event"

    # The xid8 of the writing transaction, which never wraps, as the 64-bit integer that drivers know.
    transaction_id: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=text("(pg_current_xact_id()::text::bigint)"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    kind: Mapped[CaseEventKind] = mapped_column(choice(CaseEventKind))
    # These three as they stood when it happened: what subscribers choose by.
    district_id: Mapped[int | None]
    family: Mapped[RuleFamily] = mapped_column(choice(RuleFamily))
    money_at_risk_rial: Mapped[int]
    at: Mapped[CreatedAt]


class CaseEventPruned(Base):
    """The last event that was pruned: who stands before it may have missed some. One row."""

    __tablename__ = "case_event_pruned"
    __table_args__ = (CheckConstraint("one_row", name="one_row"),)

    one_row: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    transaction_id: Mapped[int]
    event_id: Mapped[int]
