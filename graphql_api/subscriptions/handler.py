"""strawberry's graphql-transport-ws handler, hardened: no message of a client ends in a fault of ours."""

from __future__ import annotations

import logging
from typing import Any, Final, cast

from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.base import BaseSchema
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message, SubscribeMessage

from graphql_api.subscriptions.connection import Connection
from graphql_api.subscriptions.operations import Operations
from tarazu.errors import InputError

# RFC 6455: a control frame carries 125 bytes, two of them the code.
_REASON_BYTES_MAX: Final = 123
# Ids are the client's own: 36 characters of a UUID with room.
_ID_LENGTH_MAX: Final = 100

_log: Final = logging.getLogger("tarazu.subscriptions")


class TooManySubscriptionsError(InputError):
    """A socket holds as many subscriptions as it may."""

    code = "graphql.subscriptions"


class Socket(ASGIWebSocketAdapter):
    """May be closed twice, and sent to after that: several tasks write to it."""

    is_closed = False

    async def send_json(self, message: Any) -> None:
        if self.is_closed:
            return
        try:
            await super().send_json(message)
        except WebSocketDisconnected:
            # The reading side sees it too, and ends everything.
            self.is_closed = True
        except RuntimeError:
            if not self.is_closed:
                raise

    async def close(self, code: int, reason: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        cut = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
        try:
            await super().close(code, cut)
        except (OSError, RuntimeError):
            _log.debug("closed by the other side")


class Handler(BaseGraphQLTransportWSHandler[Connection, None]):
    def __init__(self, *, schema: BaseSchema, context: Connection, websocket: Any, **given: Any) -> None:
        super().__init__(
            schema=cast("BaseSchema", Operations(schema)), context=context, websocket=websocket, **given
        )
        context.socket = websocket

    async def handle_message(self, message: Message) -> None:
        if fault := _fault_of(message):
            await self.handle_invalid_message(fault)
            return
        if message["type"] == "connection_init" and message.get("payload") is None:
            message = {"type": "connection_init"}  # the protocol allows null
        await super().handle_message(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        most = self.max_subscriptions_per_connection
        if (
            self.connection_acknowledged
            and most is not None
            and len(self.operations) >= most
            and message["id"] not in self.operations
        ):
            error = TooManySubscriptionsError(
                f"This connection holds {most} subscriptions already.", mend="End one first."
            )
            told: Any = {"message": str(error), "extensions": {"code": error.code}}
            await self.send_message({"id": message["id"], "type": "error", "payload": [told]})
            return
        await super().handle_subscribe(message)

    async def handle_task_exception(self, error: Exception) -> None:
        _log.error("fault in a subscription: %s", type(error).__name__, exc_info=error)


def _fault_of(message: object) -> str | None:
    """What is wrong with the shape of a message; strawberry would stumble over it."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is an object with a type"
    if message["type"] in ("subscribe", "complete") and not _is_id(message.get("id")):
        return f"An id has 1 to {_ID_LENGTH_MAX} characters"
    if message["type"] == "subscribe":
        payload = message.get("payload")
        if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
            return "The payload of a subscription has a query"
        if not isinstance(payload.get("variables"), dict | None):
            return "Variables are an object"
        if not isinstance(payload.get("operationName"), str | None):
            return "An operationName is a string"
    return None


def _is_id(given: object) -> bool:
    return isinstance(given, str) and 0 < len(given) <= _ID_LENGTH_MAX
