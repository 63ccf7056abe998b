"""Good clients alone, and the same with hostile ones beside them, against one server process over real sockets.

Four good clients ask for pages of customers. Then hostile ones send in turn: 10,000 aliases, depth 1,000, documents of
1 MB, fragment bombs, the heaviest documents that are within the limits, and slow readers. Prints the ratio of the good
clients' p99, the slowest refusal, and the growth of the server's memory. Run on the database of the benchmarks:

    python -m benchmarks.graphql_hostile --seconds 20
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil

from benchmarks.graphql_data import headers, home, prepared
from benchmarks.graphql_server import serving
from tarazu.app.factory import BODY_BYTES_MAX

GOOD = "query Good { customers(first: 20) { edges { node { customerNo kind sector } } } }"
GOOD_CLIENTS = 4
HOSTILE_CLIENTS = 4
# Between two hostile requests of one client, so that about a tenth of all requests is hostile.
HOSTILE_PAUSE_SECONDS = 0.05
PAGE_CASES = "cases { edges { node { id } } }"


def hostile_documents() -> dict[str, str]:
    chain = [f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(28)]
    return {
        "10,000 aliases": "{ " + " ".join(f"a{i}: {PAGE_CASES}" for i in range(10_000)) + " }",
        "300 aliases": "{ " + " ".join(f"a{i}: cases {{ totalCount }}" for i in range(280)) + " }",
        "depth 1,000": "{ cases " * 1_000 + "}" * 1_000,
        "1 MB": "{ cases { totalCount } }" + " " * 2**20,
        "fragment bomb": "{ ...F0 } " + " ".join(chain) + " fragment F28 on Query { __typename }",
        "1,400 unknown fields": "{ cases { " + " ".join(f"x{i}" for i in range(1_400)) + " } }",
        "full pages of full pages": (
            "{ cases(first: 100) { edges { node { usagePoint { invoices(first: 100) { edges { node { allocations"
            "(first: 100) { edges { node { amountRial } } } } } } } } } } }"
        ),
    }


def hostile_bodies() -> Iterator[tuple[str, bytes]]:
    """Name and body, again and again; each time another text, so that none is remembered.

    Written beforehand: the good clients run in this process too, and are not to wait for the making of these.
    """
    begun = {
        name: json.dumps({"query": document}).removesuffix('"}').encode()
        for name, document in hostile_documents().items()
    }
    for n in itertools.count():
        for name, body in begun.items():
            yield name, body + f' # {n}"}}'.encode()


async def good_client(client: httpx.AsyncClient, until: float, seconds: list[float]) -> None:
    while time.perf_counter() < until:
        started = time.perf_counter()
        response = await client.post("/graphql", json={"query": GOOD})
        seconds.append(time.perf_counter() - started)
        assert "errors" not in response.json(), response.text[:300]


async def hostile_client(
    client: httpx.AsyncClient,
    until: float,
    refusals: dict[str, list[float]],
    bodies: Iterator[tuple[str, bytes]],
) -> None:
    for name, body in bodies:
        if time.perf_counter() > until:
            return
        started = time.perf_counter()
        try:
            response = await client.post(
                "/graphql", content=body, headers={"content-type": "application/json"}
            )
        except (httpx.ReadError, httpx.WriteError):
            # The server closes on what is too long while it is still being sent.
            assert len(body) > BODY_BYTES_MAX, name
        else:
            assert response.status_code in (400, 413, 429), (name, response.status_code, response.text[:300])
        refusals.setdefault(name, []).append(time.perf_counter() - started)
        await asyncio.sleep(HOSTILE_PAUSE_SECONDS)


async def slow_reader(port: int, until: float, authorization: str) -> None:
    """Asks for a large page and reads a byte in a while."""
    body = json.dumps(
        {"query": "{ customers(first: 100) { edges { node { id customerNo kind sector } } } }"}
    ).encode()
    while time.perf_counter() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            + f"authorization: {authorization}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        for _ in range(20):
            await reader.read(1)
            await asyncio.sleep(0.1)
            if time.perf_counter() > until:
                break
        writer.close()


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


async def measure(
    port: int, server: psutil.Process, seconds: float, token: dict[str, str], hostile_token: dict[str, str]
) -> dict[str, object]:
    limits = httpx.Limits(max_connections=50)
    options: dict[str, Any] = {"timeout": 60, "limits": limits, "trust_env": False}
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=token, **options) as client,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=hostile_token, **options) as hostile,
    ):
        for attempt in range(200):
            try:
                await client.get("/livez")
                break
            except httpx.ConnectError:
                assert attempt < 199, "the server does not start"
                await asyncio.sleep(0.1)
        await asyncio.gather(*(good_client(client, time.perf_counter() + 2, []) for _ in range(GOOD_CLIENTS)))
        bodies = hostile_bodies()
        alone: list[float] = []
        until = time.perf_counter() + seconds
        await asyncio.gather(*(good_client(client, until, alone) for _ in range(GOOD_CLIENTS)))
        memory = server.memory_info().rss
        beside: list[float] = []
        refusals: dict[str, list[float]] = {}
        until = time.perf_counter() + seconds
        await asyncio.gather(
            *(good_client(client, until, beside) for _ in range(GOOD_CLIENTS)),
            *(hostile_client(hostile, until, refusals, bodies) for _ in range(HOSTILE_CLIENTS)),
            *(slow_reader(port, until, hostile_token["authorization"]) for _ in range(2)),
        )
        growth = server.memory_info().rss - memory
        # One after the other on an idle server, by one who was not refused before: what a refusal takes by itself.
        idle: dict[str, list[float]] = {}
        await hostile_client(client, time.perf_counter() + 1, idle, bodies)
    return {
        "good_requests_alone": len(alone),
        "good_requests_beside": len(beside),
        "hostile_share": round(sum(map(len, refusals.values())) / (len(beside) or 1), 3),
        "p99_ms_alone": round(p99(alone) * 1000, 1),
        "p99_ms_beside": round(p99(beside) * 1000, 1),
        "p99_ratio": round(p99(beside) / p99(alone), 2),
        "median_ratio": round(statistics.median(beside) / statistics.median(alone), 2),
        "rss_growth_mb": round(growth / 2**20, 1),
        "refusal_ms_median": {name: round(statistics.median(took) * 1000, 1) for name, took in idle.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of the two measurements")
    chosen = parser.parse_args()
    with prepared() as (_, settings), serving(settings, home() / "server.log", log_level="WARNING") as server:
        tokens = headers(settings), headers(settings, "hostile")
        figures = measure(server.port, psutil.Process(server.pid), chosen.seconds, *tokens)
        print(json.dumps(asyncio.run(figures), indent=2))


if __name__ == "__main__":
    main()
