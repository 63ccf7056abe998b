"""Puts the web process together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypedDict

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from graphql_api.endpoint import Endpoint
from graphql_api.schema import schema
from graphql_api.subscriptions.endpoint import SubscriptionEndpoint
from graphql_api.subscriptions.hub import CaseEventHub
from tarazu.app.health import live, ready
from tarazu.app.middleware import (
    AccessLogMiddleware,
    BodyLimitMiddleware,
    FaultMiddleware,
    RequestIdMiddleware,
    SecurityHeadersMiddleware,
)
from tarazu.database import Sessions, create_engine
from tarazu.settings import Settings, get_settings

# The longest document and variables of ours stay below 20 KB.
BODY_BYTES_MAX: Final = 256 * 1024


class State(TypedDict):
    """What requests find in `request.state`."""

    sessions: Sessions
    settings: Settings
    hub: CaseEventHub


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application; without `settings`, of the environment's, so that uvicorn can use it as a factory.

    The database need not be reachable: until it is, `/readyz` says so and reads answer UNAVAILABLE.
    """
    chosen = get_settings() if settings is None else settings

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        engine = create_engine(
            chosen, statement_timeout_ms=chosen.statement_timeout_ms, application_name="tarazu api"
        )
        sessions = Sessions(engine)
        hub = CaseEventHub(chosen, sessions)
        hub.start()
        try:
            yield {"sessions": sessions, "settings": chosen, "hub": hub}
        finally:
            await hub.stop()
            await engine.dispose()

    return Starlette(
        routes=[
            Route("/graphql", Endpoint(schema, chosen), methods=["POST"]),
            WebSocketRoute("/graphql", SubscriptionEndpoint(schema, chosen)),
            Route("/livez", live, methods=["GET"]),
            Route("/readyz", ready, methods=["GET"]),
        ],
        middleware=[
            Middleware(RequestIdMiddleware),
            Middleware(AccessLogMiddleware),
            Middleware(SecurityHeadersMiddleware),
            Middleware(FaultMiddleware),
            Middleware(BodyLimitMiddleware, bytes_max=BODY_BYTES_MAX),
        ],
        lifespan=lifespan,
    )
