"""Spans of operations and statements, and nothing of rows in them."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tarazu.app.tracing import (
    NoTracing,
    OpenTelemetryTracing,
    TracingError,
    create_tracing,
    describe_statement,
)
from tarazu.database import ReadPool
from tarazu.settings import Settings

CANARY = "7731689951"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> OpenTelemetryTracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OpenTelemetryTracing(provider.get_tracer("test"))


async def test_statements_are_spans_below_their_operation(
    engine: AsyncEngine, tracing: Any, exporter: InMemorySpanExporter
) -> None:
    tracing.watch(engine)
    with tracing.operation("Work", "query"):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT :value"), {"value": CANARY})
    statement, operation = exporter.get_finished_spans()
    assert operation.name == "query Work"
    assert statement.name == "SELECT"
    assert statement.parent is not None
    assert statement.parent.span_id == operation.context.span_id
    assert set(statement.attributes) == {
        "db.system.name",
        "db.operation.name",
        "db.statement.sha256",
        "db.operation.batch",
    }


async def test_a_failed_statement_ends_its_span_without_the_message(
    engine: AsyncEngine, tracing: Any, exporter: InMemorySpanExporter
) -> None:
    tracing.watch(engine)
    with pytest.raises(DBAPIError), tracing.operation("Work", "query"):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT CAST(CAST(:value AS text) AS date)"), {"value": CANARY})
    assert [span.name for span in exporter.get_finished_spans()] == ["SELECT", "query Work"]
    for span in exporter.get_finished_spans():
        assert CANARY not in span.to_json()


async def test_compiled_reads_are_spans_below_their_operation_too(
    database: Settings, tracing: Any, exporter: InMemorySpanExporter
) -> None:
    pool = ReadPool(database, size=1, span=tracing.statement)
    with tracing.operation("Work", "query"):
        assert await pool.fetch_text("SELECT to_json($1::text)", [CANARY], timeout_ms=1000)
    with pytest.raises(asyncpg.PostgresError), tracing.operation("Work", "query"):
        await pool.fetch_text("SELECT to_json(($1::text)::date)", [CANARY], timeout_ms=1000)
    await pool.close()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["SELECT", "query Work"] * 2
    for statement, operation in (spans[:2], spans[2:]):
        assert statement.parent.span_id == operation.context.span_id
    assert spans[2].attributes["error.type"] == spans[3].attributes["error.type"]
    assert not any(CANARY in span.to_json() for span in spans)


def test_statements_are_told_by_a_word_and_a_hash() -> None:
    verb, fingerprint = describe_statement("select name from customer where id = $1")
    assert verb == "SELECT"
    assert len(fingerprint) == 16
    assert describe_statement("")[0] == "OTHER"
    assert describe_statement(f"{CANARY} x")[0] == "OTHER"


def test_without_the_setting_nothing_is_traced() -> None:
    tracing = create_tracing(Settings())
    assert isinstance(tracing, NoTracing)
    with tracing.operation("Work", "query"):
        pass
    tracing.close()


def test_an_exporter_that_is_not_installed_is_named() -> None:
    with pytest.raises(TracingError, match="otlp_nowhere"):
        create_tracing(Settings(tracing_exporter="otlp_nowhere"))


def test_an_installed_exporter_gets_the_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    exported: list[str] = []
    monkeypatch.setattr(
        "opentelemetry.sdk.trace.export.ConsoleSpanExporter.export",
        lambda _self, spans: exported.extend(span.name for span in spans),
    )
    tracing = create_tracing(Settings(tracing_exporter="console"))
    with tracing.operation("Work", "query"):
        pass
    tracing.close()
    assert exported == ["query Work"]
