"""Personal data stays in answers to who may read them: nothing of it in the log, metrics, traces or refusals.

The canaries belong to nobody and stand nowhere else. They are sent in every way that requests are: good ones, wrong
ones, failing ones, over a socket, as credentials; and they are read from the database.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import func, select

from tarazu.app import create_app
from tarazu.app.logging import configure_logging
from tarazu.app.tracing import OpenTelemetryTracing
from tarazu.models import AuditEvent
from tarazu.security.permissions import Role
from tests.graphql_api.conftest import make_token

NAME = "زرتشت‌کاناری"
SENT = ("7731689951", "+989387716534", "9387716534", "7748317142054", NAME)
# Whom one may force to speak: statements without their values. Below INFO it writes rows, as do sockets with frames.
LOUD = ("asyncpg", "asyncio", "uvicorn", "uvicorn.error", "uvicorn.access", "strawberry", "tarazu")
PERSONAL = {
    '{ customer(customerNo: "C00000") { nationalId } }': {"Customer.nationalId"},
    '{ customer(customerNo: "C00000") { mobile name } }': {"Customer.mobile", "Customer.name"},
    '{ usagePoint(subscriptionNo: "S000000") { billId } }': {"UsagePoint.billId"},
    "{ usagePoints(first: 2) { edges { node { address latitude longitude } } } }": {
        "UsagePoint.address",
        "UsagePoint.latitude",
        "UsagePoint.longitude",
    },
    "{ invoices(first: 2) { edges { node { billId } } } }": {"Invoice.billId"},
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log as an operator may turn it up; afterwards everything is as before."""
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, (*LOUD, "sqlalchemy.engine"))]
    before = root.handlers[:], [logger.level for logger in loggers]
    stream = io.StringIO()
    yield stream
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before[0]
    for logger, level in zip(loggers, before[1], strict=True):
        logger.setLevel(level)


def turn_up(settings: Any, stream: io.StringIO) -> None:
    configure_logging(settings.model_copy(update={"log_level": "DEBUG", "log_format": "json"}), stream)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)


def bodies(canary: str) -> Iterator[dict[str, Any]]:
    text = json.dumps(canary, ensure_ascii=False)
    word = re.sub(r"\W", "_", canary)
    for query in (
        f"query N{word} {{ cases {{ totalCount }} }}",
        f"{{ customers(search: {text}) {{ totalCount }} }}",
        f"{{ usagePoint(subscriptionNo: {text}) {{ id }} }}",
        f"{{ node(id: {text}) {{ id }} }}",
        f"{{ cases(after: {text}) {{ totalCount }} }}",
        f"{{ caseSummary(groupBy: []) {{ caseCount }} cases(filter: {{assignee: {{eq: {text}}}}}) {{ totalCount }} }}",
    ):
        yield {"query": query}
    yield {
        "query": "query($s: String) { customers(search: $s) { totalCount } }",
        "variables": {"s": canary},
    }
    yield {"query": "{ cases { totalCount } }", "operationName": "A", "extensions": {"note": canary}}
    yield {"documentId": canary}


def broken_bodies(canary: str) -> Iterator[dict[str, Any]]:
    """What is told back to who sent it: only the log must not have it."""
    text = json.dumps(canary, ensure_ascii=False)
    yield {"query": f"{{ {text}"}
    yield {"query": "query($s: Int) { customers(first: $s) { totalCount } }", "variables": {"s": canary}}
    yield {
        "query": "query($d: Date) { debtSummary(groupBy: [], asOf: $d) { invoiceCount } }",
        "variables": {"d": canary},
    }
    yield {"query": "{ cases { totalCount } }", "operationName": canary}


async def speak(app: Any, state: Any, *sent: dict[str, Any]) -> list[dict[str, Any]]:
    """What the application sends over a socket until it closes it or has answered each message."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    scope = {
        "type": "websocket",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [],
        "subprotocols": ["graphql-transport-ws"],
        "client": ("127.0.0.1", 1),
        "state": dict(state),
    }
    running = asyncio.create_task(app(scope, incoming.get, outgoing.put))
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        told.append(await outgoing.get())
        for message in sent:
            incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})
            told.append(await outgoing.get())
            if told[-1]["type"] == "websocket.close":
                break
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.gather(running, return_exceptions=True)
    return told


@pytest.mark.parametrize("compiles", [True, False], ids=["statements", "resolvers"])
async def test_no_canary_is_in_the_log_the_metrics_the_traces_or_a_refusal(
    world: Any, company: Any, log: io.StringIO, monkeypatch: Any, compiles: bool
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = OpenTelemetryTracing(provider.get_tracer("test"))
    monkeypatch.setattr("tarazu.app.factory.create_tracing", lambda _settings: tracing)

    def raising(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"a row of {' '.join(SENT)}")

    monkeypatch.setattr("graphql_api.aggregates.PagedAggregate.read", raising)
    token = await make_token(company, Role.ANALYST, None, None)
    chosen = company.model_copy(update={"api_compiler": compiles})
    refusals: list[str] = []

    app = create_app(chosen)
    known = {"authorization": f"Bearer {token}"}
    greeting = {"type": "connection_init", "payload": known}
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state)
            await app(scope, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(with_state, client=("127.0.0.1", 1)), base_url="http://127.0.0.1"
        ) as http:
            turn_up(chosen, log)

            async def post(body: Any, headers: dict[str, str] = known) -> httpx.Response:
                return await http.post("/graphql", json=body, headers=headers)

            for query in PERSONAL:
                assert "errors" not in (await post({"query": query})).json()
            fault = '{ feederBalances(from: "2025-01-01", to: "2025-02-01") { totalCount } }'
            refusals.append((await post({"query": fault})).text)
            for canary in SENT:
                for body in bodies(canary):
                    answer = await post(body)
                    if "errors" in answer.json():
                        refusals.append(answer.text)
                for body in broken_bodies(canary):
                    await post(body)
                plain = canary.encode("ascii", "ignore").decode()
                stranger = {"authorization": f"Bearer {plain}", "x-request-id": plain}
                log_in = {"username": canary, "password": canary}
                for response in (
                    await post({"query": "{ x }"}, stranger),
                    await http.post("/auth/login", json=log_in),
                    await http.post("/auth/login", content=canary.encode()),
                    await http.post("/graphql", content=canary.encode(), headers=known),
                    await http.get(
                        f"/customers/{plain}", params={"q": canary}, headers={**known, "cookie": plain}
                    ),
                ):
                    assert response.status_code >= 400
                    refusals.append(response.text)
                wrong = {"type": "connection_init", "payload": {"authorization": f"Bearer {canary}"}}
                subscription = "subscription($a: String) { caseFlagged(after: $a) { __typename } }"
                following = {"query": subscription, "variables": {"a": canary}}
                subscribe = {"type": "subscribe", "id": "1", "payload": following}
                refusals.append(str(await speak(app, state, wrong)))
                refusals.append(str(await speak(app, state, greeting, subscribe)))
            metrics = (await http.get("/metrics")).text

    written = log.getvalue()
    spans = exporter.get_finished_spans()
    assert "sqlalchemy.engine" in written, "the log is turned up"
    assert "operation" in [json.loads(line)["event"] for line in written.splitlines()]
    assert "exception" in written
    assert "tarazu_graphql_operations" in metrics
    assert len(spans) > 50
    told = {
        "log": written,
        "metrics": metrics,
        "traces": " ".join(span.to_json() for span in spans),
        "refusals": " ".join(refusals),
    }
    for canary in SENT:
        escaped = json.dumps(canary)[1:-1]
        assert [place for place, text in told.items() if canary in text or escaped in text] == []


@pytest.mark.parametrize("query", PERSONAL)
async def test_every_read_of_an_unmasked_field_has_a_row_in_the_audit(api_both: Any, query: str) -> None:
    async with api_both.sessions.read() as session:
        before = await session.scalar(select(func.max(AuditEvent.id))) or 0
    await api_both.ask(query)
    async with api_both.sessions.read() as session:
        (entry,) = await session.scalars(select(AuditEvent).where(AuditEvent.id > before))
    assert entry.action == "sensitive_read"
    assert set(entry.details["fields"]) == PERSONAL[query]
    assert not any(canary in json.dumps(entry.details, ensure_ascii=False) for canary in SENT)


def test_the_audited_reads_are_of_all_personal_fields() -> None:
    """But the reporter of a tip-off, who is tested there."""
    from graphql_api.fields import PERSONAL_NOTE
    from graphql_api.schema import schema

    marked = {
        f"{name}.{field}"
        for name, kind in schema._schema.type_map.items()
        for field, given in getattr(kind, "fields", {}).items()
        if PERSONAL_NOTE.strip() in (given.description or "")
    }
    assert marked == set().union(*PERSONAL.values())
