"""Puts the web process together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from graphql_api.endpoint import Endpoint
from graphql_api.observation import Observers
from graphql_api.schema import schema
from graphql_api.subscriptions.endpoint import SubscriptionEndpoint
from graphql_api.subscriptions.hub import CaseEventHub
from tarazu.app.access import AccessState, access_of
from tarazu.app.authentication import AuthenticationMiddleware
from tarazu.app.health import live, ready
from tarazu.app.logging import log_operation
from tarazu.app.login import log_in, log_out
from tarazu.app.metrics import Metrics, MetricsEndpoint
from tarazu.app.middleware import (
    AccessLogMiddleware,
    BodyLimitMiddleware,
    FaultMiddleware,
    RequestIdMiddleware,
    SecurityHeadersMiddleware,
)
from tarazu.app.tracing import create_tracing
from tarazu.database import ReadPool, Sessions, create_engine
from tarazu.settings import Settings, get_settings

# The longest document and variables of ours stay below 20 KB.
BODY_BYTES_MAX: Final = 256 * 1024


class State(AccessState):
    """What requests find in `request.state`."""

    sessions: Sessions
    reads: ReadPool
    settings: Settings
    hub: CaseEventHub


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application; without `settings`, of the environment's, so that uvicorn can use it as a factory.

    The database need not be reachable: until it is, `/readyz` says so and reads answer UNAVAILABLE.
    """
    chosen = get_settings() if settings is None else settings
    metrics = Metrics()
    tracing = create_tracing(chosen)
    observers = Observers(metrics.note, log_operation, span=tracing.operation)
    endpoint = Endpoint(schema, chosen, observers)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        engine = create_engine(
            chosen, statement_timeout_ms=chosen.statement_timeout_ms, application_name="tarazu api"
        )
        sessions = Sessions(engine)
        reads = ReadPool(chosen)
        metrics.watch_pools(sessions, reads)
        tracing.watch(engine)
        hub = CaseEventHub(chosen, sessions)
        hub.start()
        try:
            async with access_of(sessions, chosen) as access:
                yield {"sessions": sessions, "reads": reads, "settings": chosen, "hub": hub, **access}
        finally:
            await hub.stop()
            await reads.close()
            await engine.dispose()
            tracing.close()

    return Starlette(
        routes=[
            Route("/graphql", endpoint, methods=["POST"]),
            WebSocketRoute("/graphql", SubscriptionEndpoint(schema, chosen, endpoint.gate)),
            Route("/auth/login", log_in, methods=["POST"]),
            Route("/auth/logout", log_out, methods=["POST"]),
            Route("/livez", live, methods=["GET"]),
            Route("/readyz", ready, methods=["GET"]),
            Route("/metrics", MetricsEndpoint(metrics, chosen).read, methods=["GET"]),
        ],
        middleware=[
            Middleware(RequestIdMiddleware),
            Middleware(AccessLogMiddleware),
            Middleware(SecurityHeadersMiddleware),
            Middleware(FaultMiddleware),
            Middleware(AuthenticationMiddleware),
            Middleware(BodyLimitMiddleware, bytes_max=BODY_BYTES_MAX),
        ],
        lifespan=lifespan,
    )
