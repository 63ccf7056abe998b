"""A database into which cases are put quickly, a real server on 127.0.0.1, and a client that speaks the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import uvicorn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from graphql_api.schema import schema
from graphql_api.subscriptions.endpoint import SubscriptionEndpoint
from graphql_api.subscriptions.hub import CaseEventHub
from tarazu.app.websocket_protocol import websocket_options
from tarazu.database import Sessions, create_engine
from tarazu.errors import InputError
from tarazu.security.audit import AuditWriter
from tarazu.security.permissions import Permission, Role
from tarazu.security.principal import EVERYTHING, Principal, PrincipalKind, RowScope
from tarazu.settings import Settings

# The workers of a test run share one cluster, and an event waits for every transaction there that began to write before
# its own: imports that another worker tested have held one back for more than 10 s.
PATIENCE_SECONDS: Final = 60.0

_UTILITY = """
INSERT INTO district (code, name) SELECT 'D' || n, 'D' || n FROM generate_series(1, 3) n;
INSERT INTO customer (customer_no, sector)
    VALUES ('C1', 'government'), ('C2', 'private'), ('C3', 'private');
INSERT INTO supply_agreement (agreement_no, customer_id) SELECT customer_no, id FROM customer;
INSERT INTO usage_point (subscription_no, district_id) SELECT 'S' || right(code, 1), id FROM district;
INSERT INTO agreement_usage_point (agreement_id, usage_point_id, valid_from)
    SELECT a.id, p.id, '2020-01-01' FROM supply_agreement a JOIN usage_point p
    ON right(a.agreement_no, 1) = right(p.subscription_no, 1);
INSERT INTO scan_run (as_of, lake_generation, catalogue_hash) VALUES ('2025-06-01', 'g', 'c')
"""
_OPEN = """
INSERT INTO "case" (id, family, subject_kind, subject_key, usage_point_id, district_id, severity, confidence,
    energy_at_risk_kwh, money_at_risk_rial, priority, opened_on, first_scan_run_id)
SELECT gen_random_uuid(), :family, 'usage_point', gen_random_uuid()::text, p.id, p.district_id, 'high', 0.5, 0.0,
    :money, 1.0, '2025-06-01', (SELECT min(id) FROM scan_run)
FROM usage_point p, generate_series(1, :count) WHERE p.subscription_no = 'S' || :district
RETURNING case_no
"""


@dataclass
class Utility:
    """Districts D1 to D3; in each one point, supplied to C1 (government), C2, C3 (private)."""

    engine: AsyncEngine
    settings: Settings
    districts: dict[str, int] = field(default_factory=dict)

    async def open_cases(
        self, count: int = 1, *, district: int = 1, family: str = "theft", money: int = 1_000
    ) -> list[int]:
        """Their numbers, in the order of their events."""
        async with self.engine.begin() as connection:
            return await open_cases(connection, count, district=district, family=family, money=money)

    async def run(self, statement: str, **values: Any) -> Any:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return result.all() if result.returns_rows else None

    async def kill_listeners(self) -> int:
        # Those that have read once: who is killed before that waits ever longer before it connects again.
        rows = await self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tarazu listen' AND datname = current_database()"
            " AND query LIKE '%case_event%'"
        )
        return len(rows)

    async def has_no_connection(self) -> bool:
        return await self.connections() == 0

    async def connections(self) -> int:
        """Of the server under test."""
        rows = await self.run(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name IN ('tarazu listen', 'tarazu api')"
        )
        return len(rows)


async def open_cases(
    connection: Any, count: int = 1, *, district: int = 1, family: str = "theft", money: int = 1_000
) -> list[int]:
    values = {"count": count, "district": str(district), "family": family, "money": money}
    return sorted((await connection.execute(text(_OPEN), values)).scalars())


@pytest.fixture
async def utility(database: Settings, engine: AsyncEngine) -> Utility:
    async with engine.begin() as connection:
        for statement in _UTILITY.split(";"):
            await connection.execute(text(statement))
        rows = await connection.execute(text("SELECT code, id FROM district"))
        return Utility(engine, database, {row.code: row.id for row in rows})


class UnknownTokenError(InputError):
    code = "access.unauthenticated"


class Tokens:
    """An authenticator of words."""

    def __init__(self) -> None:
        self.principals: dict[str, Principal] = {}

    def give(
        self,
        word: str,
        *,
        permissions: frozenset[Permission] = frozenset({Permission.READ_CASES, Permission.READ_SCORES}),
        scope: RowScope = EVERYTHING,
    ) -> str:
        self.principals[word] = Principal(
            f"token:{word}", PrincipalKind.TOKEN, word, Role.APPLICATION, permissions, scope
        )
        return word

    async def authenticate(self, authorization: str | None, /) -> Principal:
        word = (authorization or "").removeprefix("Bearer ")
        if word not in self.principals:
            raise UnknownTokenError("The token is not known.")
        return self.principals[word]


@dataclass
class Server:
    port: int
    tokens: Tokens
    hub: CaseEventHub
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    uvicorn: uvicorn.Server

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def has_no_subscriber(self) -> bool:
        return self.hub.subscriber_count == 0

    def stop(self) -> None:
        self.uvicorn.should_exit = True
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()


def serve(settings: Settings, tokens: Tokens, *, send_buffer_bytes: int | None = None) -> Server:
    """As `tarazu serve` does, in a thread with a loop of its own, with tokens that are words."""
    started = threading.Event()
    made: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        engine = create_engine(settings, statement_timeout_ms=5000, application_name="tarazu api")
        sessions = Sessions(engine)
        hub = CaseEventHub(settings, sessions)
        hub.start()
        made.update(hub=hub, loop=asyncio.get_running_loop())
        try:
            async with AuditWriter(sessions) as audit:
                yield {"sessions": sessions, "hub": hub, "audit": audit, "authenticator": tokens}
        finally:
            await hub.stop()
            await engine.dispose()

    listening = socket.socket()
    if send_buffer_bytes is not None:
        # Accepted sockets inherit it.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    listening.bind(("127.0.0.1", 0))
    app = Starlette(
        routes=[WebSocketRoute("/graphql", SubscriptionEndpoint(schema, settings))], lifespan=lifespan
    )

    class Started(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Started(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=5, **websocket_options()))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    assert started.wait(10)
    return Server(listening.getsockname()[1], tokens, made["hub"], made["loop"], thread, server)


@pytest.fixture
def start(utility: Utility) -> Iterator[Callable[..., Server]]:
    """Starts servers on the utility's database; all are stopped at the end."""
    running: list[Server] = []
    tokens = Tokens()
    tokens.give("all")

    def make(*, send_buffer_bytes: int | None = None, **others: Any) -> Server:
        settings = utility.settings.model_copy(update=others)
        running.append(serve(settings, tokens, send_buffer_bytes=send_buffer_bytes))
        return running[-1]

    yield make
    for server in running:
        server.stop()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for what happens a moment later."""

    async def wait(holds: Callable[[], Awaitable[Any]], seconds: float = PATIENCE_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while True:
                if await holds():
                    return
                await asyncio.sleep(0.02)

    return wait


QUERY = """subscription Flagged($districts: [String!], $family: RuleFamily, $min: Rial, $kinds: [CaseEventKind!],
    $after: String) {
  caseFlagged(districts: $districts, family: $family, minMoneyAtRiskRial: $min, kinds: $kinds, after: $after) {
    __typename
    ... on CaseFlagged { kind cursor happenedAt case { caseNo state family moneyAtRiskRial } }
    ... on Checkpoint { cursor }
    ... on Resync { reason cursor }
  }
}"""


@dataclass
class Client:
    """Speaks graphql-transport-ws over one socket."""

    socket: ClientConnection

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def receive(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            answer = await self.socket.recv()
        assert isinstance(answer, str), "the protocol knows text frames only"
        return json.loads(answer)

    async def subscribe(self, id_: str = "1", query: str = QUERY, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send(type="subscribe", id=id_, payload=payload)

    async def follow(self, **variables: Any) -> str:
        """Subscribe, and the cursor of the first message: from here on nothing is missed."""
        await self.subscribe(**variables)
        first = await self.next()
        assert first["__typename"] == "Checkpoint", first
        return first["cursor"]

    async def next(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        message = await self.receive(seconds)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]["caseFlagged"]

    async def numbers(self, count: int, seconds: float = PATIENCE_SECONDS) -> list[int]:
        """Of the cases of the next events."""
        return [(await self.next(seconds))["case"]["caseNo"] for _ in range(count)]

    async def silent(self, seconds: float = 0.4) -> bool:
        try:
            message = await self.receive(seconds)
        except TimeoutError:
            return True
        raise AssertionError(message)

    async def closed(self, seconds: float = PATIENCE_SECONDS) -> tuple[int, str]:
        """The code and reason with which the server closed the socket, whatever it sent before."""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


Open = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def client() -> Open:
    """A client that the server has greeted."""

    @asynccontextmanager
    async def open_(server: Server, word: str = "all", **options: Any) -> AsyncIterator[Client]:
        async with connect(server.url, subprotocols=["graphql-transport-ws"], **options) as socket_:
            it = Client(socket_)
            await it.send(type="connection_init", payload={"authorization": f"Bearer {word}"})
            assert (await it.receive())["type"] == "connection_ack"
            yield it

    return open_


@pytest.fixture
def in_district(utility: Utility) -> Callable[[str], RowScope]:
    return lambda code: RowScope(district_ids=frozenset({utility.districts[code]}))
