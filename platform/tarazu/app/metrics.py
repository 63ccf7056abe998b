"""What Prometheus may read at `/metrics`. Labels are from closed sets; none says who or what was asked for."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector
from sqlalchemy.pool import QueuePool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from graphql_api.limits.rate import RateError
from graphql_api.observation import Outcome
from tarazu.database import ReadPool, Sessions
from tarazu.settings import Settings

# Seconds; the objective is 0.3 s, and a statement may take 5 s.
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)
# Units of cost, to the most that one operation may cost and beyond.
_COST_BUCKETS: Final = (1, 10, 100, 1_000, 10_000, 50_000, 100_000, 200_000, 1_000_000)


class Metrics:
    """The numbers of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._operations = Counter(
            "tarazu_graphql_operations",
            "GraphQL operations by name, kind and outcome (`ok` or the code of the first error).",
            ("operation", "kind", "code"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tarazu_graphql_operation_seconds",
            "Seconds from the request to its answer.",
            ("operation", "kind"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._cost = Histogram(
            "tarazu_graphql_operation_cost",
            "Cost charged for an operation.",
            ("operation",),
            buckets=_COST_BUCKETS,
            registry=self.registry,
        )
        self._refused = Counter(
            "tarazu_graphql_rate_refusals",
            "Operations refused because the principal's budget of the minute was used up.",
            ("role",),
            registry=self.registry,
        )
        self._pool_in_use = Gauge(
            "tarazu_database_connections_in_use",
            "Connections of the pool that requests hold now: `reads` answers compiled reads, `sessions` all else.",
            ("pool",),
            registry=self.registry,
        )
        self._pool_size = Gauge(
            "tarazu_database_connections_max",
            "Connections that the pool may open.",
            ("pool",),
            registry=self.registry,
        )

    def note(self, outcome: Outcome) -> None:
        """An observer of operations."""
        self._operations.labels(outcome.operation, outcome.kind, outcome.code).inc()
        self._seconds.labels(outcome.operation, outcome.kind).observe(outcome.seconds)
        if outcome.cost:
            self._cost.labels(outcome.operation).observe(outcome.cost)
        if outcome.code == RateError.code:
            self._refused.labels(outcome.role).inc()

    def watch_pools(self, sessions: Sessions, reads: ReadPool) -> None:
        """Looks at the pools whenever the metrics are read."""
        pool = sessions.engine.sync_engine.pool
        if isinstance(pool, QueuePool):
            self._pool_in_use.labels("sessions").set_function(pool.checkedout)
            self._pool_size.labels("sessions").set_function(pool.size)
        self._pool_in_use.labels("reads").set_function(lambda: reads.in_use)
        self._pool_size.labels("reads").set(reads.size)

    def write(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)


class MetricsEndpoint:
    """`/metrics`: for whoever has the token of TARAZU_METRICS_TOKEN, or without one, for this machine."""

    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics = metrics
        self._token = settings.metrics_token

    async def read(self, request: Request) -> Response:
        if not self._may_read(request):
            # No more than of a path that does not exist.
            return PlainTextResponse("Not Found", status_code=404)
        return Response(self._metrics.write(), media_type=CONTENT_TYPE_LATEST)

    def _may_read(self, request: Request) -> bool:
        if self._token is None:
            # Through a proxy on this machine everybody seems to be on it.
            return _is_loopback(request.client) and not set(request.headers.keys()) & {
                "forwarded",
                "x-forwarded-for",
            }
        given = request.headers.get("authorization", "")
        expected = f"Bearer {self._token.get_secret_value()}"
        return hmac.compare_digest(given.encode(), expected.encode())


def _is_loopback(client: Any) -> bool:
    try:
        return client is not None and ipaddress.ip_address(client.host).is_loopback
    except ValueError:
        return False
