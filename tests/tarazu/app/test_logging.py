"""The log says what happened, and never to whom."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import literal_column, select

from graphql_api.observation import Outcome
from tarazu.app import create_app
from tarazu.app.logging import bind_principal, bind_request, configure_logging, log_operation
from tarazu.security.authentication import UnauthenticatedError
from tarazu.security.principal import Principal
from tarazu.security.principals import local_operator
from tarazu.settings import Settings

CANARY = "7731689951"


@pytest.fixture
def log() -> Iterator[Any]:
    """Configures the log and gives what was written; afterwards everything is as before."""
    root = logging.getLogger()
    others = [logging.getLogger(name) for name in ("tarazu", "uvicorn")]
    before = (root.handlers[:], [logger.level for logger in (root, *others)])
    stream = io.StringIO()

    def configure(**changes: Any) -> io.StringIO:
        configure_logging(Settings(**{"log_format": "json", **changes}), stream)
        return stream

    yield configure
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before[0]
    for logger, level in zip((root, *others), before[1], strict=True):
        logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_a_json_object_with_the_request_and_the_principal(log: Any) -> None:
    stream = log()
    bind_request("request-1")
    bind_principal("token:7")
    log_operation(Outcome("Work", "query", "ok", 0.0123, 5, "token:7", "analyst"))
    bind_request("request-2")
    logging.getLogger("tarazu.x").warning("پیام %d", 5)
    first, second = lines(stream)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "operation",
        "level": "info",
        "logger": "tarazu.graphql.operations",
        "request_id": "request-1",
        "principal": "token:7",
        "operation": "Work",
        "kind": "query",
        "code": "ok",
        "ms": 12.3,
        "cost": 5,
    }
    assert (second["event"], second["request_id"]) == ("پیام 5", "request-2")
    assert "principal" not in second


@pytest.mark.parametrize("value", ["half a pair: \ud83d", 2**70, {"\udc00": [10**30]}], ids=ascii)
def test_a_value_that_the_quick_encoder_refuses_loses_no_line(log: Any, value: Any) -> None:
    stream = log()
    logging.getLogger("tarazu.x").warning("refused", extra={"cost": value})
    (line,) = lines(stream)
    assert (line["event"], line["cost"]) == ("refused", value)


def test_of_an_object_a_line_has_what_it_shows_of_itself(log: Any) -> None:
    @dataclass
    class Login:
        user: str
        password: str = field(repr=False)

    stream = log()
    logging.getLogger("tarazu.x").warning("refused", extra={"cost": Login("ali", CANARY)})
    assert CANARY not in stream.getvalue()
    assert "user='ali'" in lines(stream)[0]["cost"]


def test_text_is_one_line_too(log: Any) -> None:
    stream = log(log_format="text")
    logging.getLogger("tarazu.x").warning("first\nsecond")
    assert stream.getvalue().count("\n") == 1
    assert "level='warning'" in stream.getvalue()


def test_an_exception_is_told_by_classes_and_places_without_messages(log: Any) -> None:
    stream = log()
    fault = ValueError(f"value {CANARY}")
    try:
        try:
            {}[CANARY]
        except KeyError as error:
            raise fault from error
    except ValueError:
        logging.getLogger("tarazu.x").exception("fault")
        logging.getLogger("some.library").exception("fault")
    for line in lines(stream):
        outer, inner = line["exception"]
        assert (outer["class"], inner["class"]) == ("builtins.ValueError", "builtins.KeyError")
        assert any("test_logging.py:" in place for place in outer["at"])
        assert all(not place.startswith("/") for place in outer["at"])
    assert CANARY not in stream.getvalue()


def test_libraries_speak_of_warnings_only(log: Any) -> None:
    stream = log(log_level="DEBUG")
    for name in ("websockets.server", "sqlalchemy.engine", "asyncpg", "some.library"):
        logging.getLogger(name).debug(CANARY)
        logging.getLogger(name).info(CANARY)
    logging.getLogger("tarazu.x").debug("ours")
    assert [line["event"] for line in lines(stream)] == ["ours"]


def test_a_higher_level_is_kept_for_all(log: Any) -> None:
    stream = log(log_level="ERROR")
    logging.getLogger("some.library").warning("no")
    logging.getLogger("tarazu.x").warning("no")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("compiles", [True, False])
async def test_no_canary_reaches_the_log_on_any_path(
    log: Any, database: Settings, monkeypatch: pytest.MonkeyPatch, compiles: bool
) -> None:
    stream = log(log_level="DEBUG")

    def broken(*_: Any, **__: Any) -> Any:
        return select(literal_column(f"CAST('{CANARY}x'::text AS integer)").label("case_count"))

    def raising(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"row of {CANARY}")

    class EverybodyIsKnown:
        """But those whose credential is the canary."""

        def was_good(self, _authorization: str) -> bool | None:
            return None

        async def authenticate(self, authorization: str | None) -> Principal:
            if CANARY in (authorization or ""):
                raise UnauthenticatedError
            return local_operator()

    monkeypatch.setattr("graphql_api.cases.readers.case_summary_statement", broken)
    monkeypatch.setattr("graphql_api.aggregates.PagedAggregate.read", raising)
    app = create_app(database.model_copy(update={"api_compiler": compiles}))
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = {**state, "authenticator": EverybodyIsKnown()}
            await app(scope, receive, send)

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(with_state),
            base_url="http://tarazu",
            headers={"x-request-id": "request-1", "cookie": CANARY},
        ) as http:
            for query, variables in (
                (f"query N{CANARY} {{ cases {{ totalCount }} }}", {}),
                (f'{{ customers(search: "{CANARY}") {{ totalCount }} }}', {}),
                ("query($s: String) { customers(search: $s) { totalCount } }", {"s": CANARY}),
                ("query($s: Int) { customers(first: $s) { totalCount } }", {"s": CANARY}),
                (f"{{ x{CANARY} }}", {}),
                (f'{{ "{CANARY}', {}),
                (f'{{ usagePoint(subscriptionNo: "{CANARY}") {{ id }} }}', {}),
                ("{ caseSummary(groupBy: []) { caseCount } }", {}),
                ('{ feederBalances(from: "2025-01-01", to: "2025-02-01") { totalCount } }', {}),
                (f'{{ node(id: "{CANARY}") {{ id }} }}', {}),
                (f'{{ cases(after: "{CANARY}") {{ totalCount }} }}', {}),
            ):
                await http.post("/graphql", json={"query": query, "variables": variables})
            stranger = await http.post(
                "/graphql", json={"query": "{ x }"}, headers={"authorization": f"Bearer {CANARY}"}
            )
            assert stranger.status_code == 401
            await http.post("/graphql", json={"documentId": CANARY})
            await http.post("/graphql", json={"query": "{ cases { totalCount } }", "operationName": CANARY})
            await http.post("/graphql", content=CANARY.encode())
            await http.get(f"/customers/{CANARY}?q={CANARY}")
    written = lines(stream)
    operations = [line for line in written if line["event"] == "operation"]
    assert len(operations) == 14
    assert {line["request_id"] for line in written if "request_id" in line} == {"request-1"}
    assert {line["code"] for line in operations} >= {"ok", "INTERNAL", "graphql.invalid", "graphql.variables"}
    assert {line["operation"] for line in operations} == {"anonymous", "other"}
    assert any("exception" in line for line in written)
    assert CANARY not in stream.getvalue()
