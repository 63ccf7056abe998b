"""OpenTelemetry spans of operations and statements, where TARAZU_TRACING_EXPORTER asks for them (extra `tracing`).

A span has the operation's known name and kind, a statement's has its first word and a hash of its text: enough to see
which of them is slow, with no value of any row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tarazu.errors import InputError
from tarazu.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

# Where the SDK and packages of exporters announce themselves.
_ENTRY_POINTS: Final = "opentelemetry_traces_exporter"
_STATEMENTS_REMEMBERED: Final = 1_000


class TracingError(InputError):
    """The exporter of TARAZU_TRACING_EXPORTER is not installed."""

    code = "tracing"


class Tracing(Protocol):
    def operation(self, name: str, kind: str) -> AbstractContextManager[Any]:
        """A span around the execution of an operation."""

    def statement(self, text: str) -> AbstractContextManager[Any]:
        """A span around a statement that is sent without an engine."""

    def watch(self, engine: AsyncEngine) -> None:
        """A span for each statement that the engine sends from now on."""

    def close(self) -> None:
        """Send what is still waiting."""


class NoTracing:
    """Traces nothing and costs nothing."""

    @contextmanager
    def operation(self, name: str, kind: str) -> Iterator[None]:  # noqa: ARG002  # nobody looks
        yield

    def statement(self, text: str) -> AbstractContextManager[None]:  # noqa: ARG002  # as above
        return nullcontext()

    def watch(self, engine: AsyncEngine) -> None:
        """Nothing is watched."""

    def close(self) -> None:
        """Nothing waits."""


class OpenTelemetryTracing:
    """Spans of one tracer; `close` shuts down the provider that it came from, if that is ours."""

    def __init__(self, tracer: Tracer, provider: Any = None) -> None:
        self._tracer = tracer
        self._provider = provider

    @contextmanager
    def operation(self, name: str, kind: str) -> Iterator[None]:
        # Exceptions are not recorded: their messages may hold values of rows.
        with self._tracer.start_as_current_span(
            f"{kind} {name}",
            attributes={"graphql.operation.name": name, "graphql.operation.type": kind},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                raise

    @contextmanager
    def statement(self, text: str) -> Iterator[None]:
        verb, fingerprint = describe_statement(text)
        with self._tracer.start_as_current_span(
            verb,
            attributes=_described(verb, fingerprint),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                raise

    def watch(self, engine: AsyncEngine) -> None:
        event.listen(engine.sync_engine, "before_cursor_execute", self._begin)
        event.listen(engine.sync_engine, "after_cursor_execute", self._end)
        event.listen(engine.sync_engine, "handle_error", self._fail)

    def close(self) -> None:
        if self._provider is not None:
            self._provider.shutdown()

    def _begin(
        self, _connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, many: bool
    ) -> None:
        verb, fingerprint = describe_statement(statement)
        context.tracing_span = self._tracer.start_span(
            verb,
            attributes={**_described(verb, fingerprint), "db.operation.batch": many},
        )

    def _end(
        self, _connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool
    ) -> None:
        context.tracing_span.end()

    def _fail(self, exception: Any) -> None:
        span = getattr(exception.execution_context, "tracing_span", None)
        if span is not None:
            span.set_attribute("error.type", type(exception.original_exception).__name__)
            span.end()


def _described(verb: str, fingerprint: str) -> dict[str, str]:
    return {
        "db.system.name": "postgresql",
        "db.operation.name": verb,
        "db.statement.sha256": fingerprint,
    }


@lru_cache(maxsize=_STATEMENTS_REMEMBERED)
def describe_statement(statement: str) -> tuple[str, str]:
    """The first word, and sixteen digits of the SHA-256 of the text with its placeholders."""
    verb = statement.split(maxsplit=1)[0].upper() if statement.strip() else ""
    known = verb if verb in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE") else "OTHER"
    return known, hashlib.sha256(statement.encode()).hexdigest()[:16]


def create_tracing(settings: Settings) -> Tracing:
    """Raises TracingError."""
    if settings.tracing_exporter is None:
        return NoTracing()
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise TracingError("OpenTelemetry is not installed.", mend="Install `tarazu[tracing]`.") from None
    found = list(entry_points(group=_ENTRY_POINTS, name=settings.tracing_exporter))
    if not found:
        raise TracingError(
            f"There is no exporter `{settings.tracing_exporter}` of OpenTelemetry.",
            mend="Install the package that has it, or name `console`.",
        )
    exporter = found[0].load()()
    provider = TracerProvider(resource=Resource.create({"service.name": "tarazu"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OpenTelemetryTracing(provider.get_tracer("tarazu"), provider)
