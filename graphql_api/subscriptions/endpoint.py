"""The WebSocket side of `/graphql`: graphql-transport-ws and nothing else.

How a socket is closed by the server:

* 4401 not authenticated, or not any more; 4403 forbidden, or the access has changed;
* 4406 another protocol than graphql-transport-ws; 4408 no `connection_init` in time;
* 4400 a message that is none; 4409, 4429 as the protocol has them, 4429 also for too many connections;
* 1012 the server restarts, 1013 it cannot serve now: try again later.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Final

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import Schema
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from graphql_api.compiler.mapping import read_types
from graphql_api.compiler.sites import graphql_schema
from graphql_api.gate import Gate
from graphql_api.subscriptions.access import TRY_AGAIN_LATER, NoOne, RefusedError
from graphql_api.subscriptions.connection import Connection, Served
from graphql_api.subscriptions.handler import Handler, Socket
from tarazu.settings import Settings

# Until then a stranger holds a connection.
INIT_SECONDS: Final = 10


class SubscriptionEndpoint(GraphQL[Connection, None]):
    """`state` of the lifespan holds `sessions`, `hub`, `audit` and `authenticator`; without the last nobody is let in."""

    websocket_adapter_class = Socket
    graphql_transport_ws_handler_class = Handler

    def __init__(self, schema: Schema, settings: Settings, gate: Gate | None = None) -> None:
        """`gate` is that of the HTTP side, so that both charge one budget."""
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=dt.timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=settings.subscriptions_per_connection,
        )
        own = graphql_schema(schema)
        self._gate = gate or Gate.of(own, settings)
        self._types = read_types(own)
        self._settings = settings
        self._served = Served()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if self._served.connections >= self._settings.subscription_connections_max:
            await socket.close(TRY_AGAIN_LATER)  # before it is accepted: HTTP 403
            return
        state = scope["state"]
        connection = Connection(
            socket.headers,
            authenticator=state.get("authenticator") or NoOne(),
            sessions=state["sessions"],
            hub=state["hub"],
            audit=state["audit"],
            gate=self._gate,
            types=self._types,
            settings=self._settings,
            served=self._served,
        )
        self._served.connections += 1
        try:
            await self.run(socket, context=connection)
        finally:
            self._served.connections -= 1
            await connection.release()

    async def on_ws_connect(self, context: Connection) -> Any:
        try:
            await context.open()
        except RefusedError as refused:
            await context.close(refused.code, refused.reason)
            raise ConnectionRejectionError from None
        return await super().on_ws_connect(context)

    def decode_json(self, data: str | bytes) -> object:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, error.doc, error.pos) from None

    def encode_json(self, data: object) -> str:
        # As text: the protocol knows no binary frames.
        return orjson.dumps(data).decode()
