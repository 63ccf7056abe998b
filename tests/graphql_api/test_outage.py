"""A stopped database is an outage, not a crash: a real server process, real requests, a cluster of its own killed.

Readers and writers ask without pause. Each writer sends its change again, under the same key, until it is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import select, text

from graphql_api.ids import encode_id
from migrations.runner import upgrade
from tarazu import models
from tarazu.database import EmbeddedServer, Sessions, create_engine
from tarazu.database.embedded_postmaster import read_postmaster
from tarazu.security.permissions import Role
from tarazu.settings import Settings
from tests.conftest import fastest_place
from tests.effort import EFFORT
from tests.graphql_api.conftest import make_token

OUTAGES = 5 * EFFORT
BACK_SECONDS = 5.0
# Sooner than the answer asks for, so that changes come while the database starts.
AGAIN_SECONDS = 0.2
READERS = WRITERS = 4
READ = "{ cases(first: 5) { totalCount edges { node { caseNo } } } }"
COMMENT = (
    "mutation($input: CommentCaseInput!) { commentCase(input: $input) { __typename "
    "... on CommentPayload { comment { text createdAt } } ... on MutationError { code } } }"
)


@pytest.fixture
def cluster() -> Iterator[EmbeddedServer]:
    """A cluster that loses nothing it has confirmed, unlike the one that the other tests share."""
    directory = Path(tempfile.mkdtemp(prefix="tarazu-outage-", dir=fastest_place()))
    directory.chmod(0o711)  # the server may run as another user and has to pass through
    server = EmbeddedServer(Settings(home=directory / "home", embedded_directory=directory / "postgres"))
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(directory)


def die(server: EmbeddedServer) -> None:
    _postmaster(server).send_signal(signal.SIGKILL)


def stop_at_once(server: EmbeddedServer) -> None:
    """As `pg_ctl stop --mode=immediate`: all backends are gone without a checkpoint."""
    postmaster = _postmaster(server)
    postmaster.send_signal(signal.SIGQUIT)
    with contextlib.suppress(psutil.TimeoutExpired):  # a zombie where nobody reaps it
        postmaster.wait(3)


def _postmaster(server: EmbeddedServer) -> psutil.Process:
    written = read_postmaster(server.layout)
    assert written is not None
    return psutil.Process(written.process_id)


@dataclass
class Load:
    """What was sent and answered."""

    http: httpx.AsyncClient
    case_id: str
    ended: bool = False
    good_at: list[float] = field(default_factory=list)
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    refused: int = 0
    sent_again: int = 0
    """Changes that were answered only after a refusal: it is not known whether the first sending took effect."""
    keys: Any = field(default_factory=itertools.count)

    async def post(self, body: Any) -> bytes | None:
        """The answer; None where the database is away, which must be said in the one right way."""
        response = await self.http.post("/graphql", json=body)
        answer = response.json()
        if "errors" not in answer:
            assert response.status_code == 200
            self.good_at.append(time.monotonic())
            return response.content
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert (response.status_code, codes) == (503, {"UNAVAILABLE"}), response.text
        assert int(response.headers["retry-after"]) > 0
        self.refused += 1
        return None

    async def change(self, key: str) -> bytes:
        body = {
            "query": COMMENT,
            "variables": {"input": {"clientMutationKey": key, "caseId": self.case_id, "text": key}},
        }
        tries = 1
        while (answer := await self.post(body)) is None:
            tries += 1
            await asyncio.sleep(AGAIN_SECONDS)
        self.sent_again += tries > 1
        return answer

    async def read_on(self) -> None:
        while not self.ended:
            answer = await self.post({"query": READ})
            await asyncio.sleep(0.01 if answer else AGAIN_SECONDS)

    async def write_on(self) -> None:
        while not self.ended:
            key = f"outage-{next(self.keys):06d}"
            self.acknowledged[key] = await self.change(key)

    async def probe(self) -> None:
        """While the database is away."""
        assert (await self.http.get("/livez")).status_code == 200
        ready = await self.http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
        assert await self.post({"query": READ}) is None


@contextlib.asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[subprocess.Popen[bytes], str]]:
    """`tarazu serve` as a process, and where it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert settings.database_url is not None
    environment = {
        **os.environ,
        "TARAZU_HOME": str(settings.home),
        "TARAZU_DATABASE_URL": settings.database_url.get_secret_value(),
        "TARAZU_API_PORT": str(port),
        "TARAZU_API_COST_PER_MINUTE": json.dumps({Role.ANALYST.value: 10**12}),
        "TARAZU_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-c", "from tarazu.cli import main; main()", "serve"]
    process = subprocess.Popen(command, env=environment)  # noqa: ASYNC220  # 10 ms before anything is asked
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def answers(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


async def put_case(sessions: Sessions) -> models.Case:
    async with sessions.write() as session:
        await session.execute(text("INSERT INTO district (code, name) VALUES ('D', 'D')"))
        await session.execute(
            text("INSERT INTO usage_point (subscription_no, district_id) SELECT 'S', id FROM district")
        )
        await session.execute(
            text(
                "INSERT INTO scan_run (as_of, lake_generation, catalogue_hash) VALUES ('2025-06-01', 'g', 'c')"
            )
        )
        await session.execute(
            text(
                'INSERT INTO "case" (id, family, subject_kind, subject_key, usage_point_id, district_id, severity,'
                " confidence, energy_at_risk_kwh, money_at_risk_rial, priority, opened_on, first_scan_run_id)"
                " SELECT gen_random_uuid(), 'theft', 'usage_point', 'S', p.id, p.district_id, 'high', 0.5, 0, 1, 1,"
                " '2025-06-01', s.id FROM usage_point p, scan_run s"
            )
        )
        return (await session.scalars(select(models.Case))).one()


async def test_a_killed_database_loses_no_acknowledged_write_and_the_server_goes_on(
    cluster: EmbeddedServer,
) -> None:
    cluster.ensure_database("outage")
    settings = Settings(home=cluster.layout.root.parent / "home", database_url=cluster.uri("outage"))
    await upgrade(settings)
    engine = create_engine(settings)
    case = await put_case(Sessions(engine))
    token = await make_token(settings, Role.ANALYST, None, None)
    ways: list[Callable[[EmbeddedServer], None]] = [die, stop_at_once]
    async with (
        served(settings) as (process, address),
        httpx.AsyncClient(
            base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=20, trust_env=False
        ) as http,
    ):
        await answers(http)
        load = Load(http, encode_id("Case", str(case.id)))
        async with asyncio.TaskGroup() as group:
            for _ in range(READERS):
                group.create_task(load.read_on())
            for _ in range(WRITERS):
                group.create_task(load.write_on())
            for outage in range(OUTAGES):
                before = len(load.acknowledged)
                while len(load.acknowledged) < before + 20:  # noqa: ASYNC110  # a poll says it shorter than an event
                    await asyncio.sleep(0.02)
                await asyncio.to_thread(ways[outage % 2], cluster)
                await asyncio.sleep(0.3)
                await load.probe()
                await asyncio.to_thread(cluster.start)
                up = time.monotonic()
                async with asyncio.timeout(BACK_SECONDS):
                    while not load.good_at or load.good_at[-1] < up:  # noqa: ASYNC110  # as above
                        await asyncio.sleep(0.02)
            load.ended = True
        assert (await http.get("/readyz")).status_code == 200
        for key in list(load.acknowledged)[::7]:
            assert await load.change(key) == load.acknowledged[key], "a key sent again has another answer"
        assert process.poll() is None, "the server ended"

    async with Sessions(engine).read() as session:
        kept = (await session.scalars(select(models.CaseComment.text))).all()
        version = await session.scalar(select(models.Case.version))
    await engine.dispose()
    assert sorted(kept) == sorted(load.acknowledged), "each acknowledged comment is there exactly once"
    assert version == 1 + len(kept)
    assert len(kept) >= OUTAGES * 20
    # Else the outages hit nothing that was under way.
    assert load.refused > OUTAGES
    assert load.sent_again >= OUTAGES
