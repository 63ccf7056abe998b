"""What a subscriber of cases is told."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Final

import strawberry

from graphql_api.cursors import decode_cursor, encode_cursor
from graphql_api.fields import resolver
from graphql_api.refs import CaseRef
from graphql_api.subscriptions.case import flagged_case
from graphql_api.subscriptions.context import SubscriptionInfo
from graphql_api.subscriptions.subscriber import Loss, Lost, Message, Reached
from tarazu import models
from tarazu.cases.events import Position
from tarazu.models.enums import CaseEventKind
from tarazu.paging import Order

# Not of a list: it gives cursors of events their name and their parts.
_EVENT_ORDER: Final = Order("case_event", ("transaction_id", "event_id"), (int, int))

_CURSOR: Final = "Its place among all events, for `after` of a later subscription; opaque."


strawberry.enum(
    Loss,
    name="ResyncReason",
    description=(
        "Why a subscription ends: CURSOR_TOO_OLD, events after `after` are not kept any more, so read the list of cases "
        "once and subscribe without `after`; SLOW_CONSUMER, messages were not taken in time, so subscribe again after "
        "`cursor`, after which nothing was sent."
    ),
)
strawberry.enum(
    CaseEventKind,
    description=(
        "What happened to a case: OPENED; EVIDENCE_CHANGED, its severity, confidence, energy or money at risk; "
        "STATE_CHANGED, by a person."
    ),
)


@strawberry.type(description="A case was opened, or something about it changed.")
class CaseFlagged:
    case_id: strawberry.Private[uuid.UUID]
    kind: CaseEventKind = strawberry.field(description="What happened to the case.")
    happened_at: dt.datetime = strawberry.field(description="When it happened, UTC.")
    cursor: str = strawberry.field(description=_CURSOR)

    @resolver(
        description=(
            "The case as it is now, which may be newer than the event; null where it has left your scope since."
        ),
        graphql_type=CaseRef | None,
    )
    @staticmethod
    async def case(root: strawberry.Parent[Any], info: SubscriptionInfo) -> models.Case | None:
        return await flagged_case(info, root.case_id)


@strawberry.type(
    description=(
        "Nothing else to tell: everything up to this cursor has been sent. The first message of a subscription, and one "
        "a minute while nothing happens. Keep the cursor as that of an event."
    )
)
class Checkpoint:
    cursor: str = strawberry.field(description="The place that has been reached, for `after`; opaque.")


@strawberry.type(description="The last message of a subscription that cannot go on without a gap.")
class Resync:
    reason: Loss = strawberry.field(description="Why.")
    cursor: str = strawberry.field(description="The place up to which events have been sent; opaque.")


CaseFlaggedMessage = Annotated[
    CaseFlagged | Checkpoint | Resync,
    strawberry.union(
        "CaseFlaggedMessage", description="A message of `caseFlagged`: an event, a checkpoint or the end."
    ),
]


def message_of(message: Message) -> CaseFlagged | Checkpoint | Resync:
    if isinstance(message, Reached):
        return Checkpoint(cursor=write_position(message.position))
    if isinstance(message, Lost):
        return Resync(reason=message.reason, cursor=write_position(message.position))
    return CaseFlagged(
        case_id=message.case_id,
        kind=message.kind,
        happened_at=message.at,
        cursor=write_position(message.position),
    )


def write_position(position: Position) -> str:
    return encode_cursor(_EVENT_ORDER, position)


def read_position(cursor: str) -> Position:
    """Raises CursorError."""
    transaction_id, event_id = decode_cursor(cursor, _EVENT_ORDER)
    assert isinstance(transaction_id, int)
    assert isinstance(event_id, int)
    return Position(transaction_id, event_id)
