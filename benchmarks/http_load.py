"""A closed loop of HTTP requests over keep-alive connections, in a process of its own.

One epoll loop over plain sockets: 70 µs of processor time a request, 120 where the answer has 200 KB. A client library
takes ten times that (httpx: 660 and 1,110), which the servers under test would miss on a machine of two cores. wrk, in C,
gets the same requests a second out of the same servers, within 3 % on the mean of four runs.
"""

from __future__ import annotations

import itertools
import multiprocessing
import re
import selectors
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

CONNECTIONS: Final = 4
# No answer of a server that works takes longer; a connection that hangs must not hang the benchmark.
_ANSWER_SECONDS: Final = 30.0
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER: Final = b"\r\nretry-after:"
# GraphQL says its errors with status 200, before the data or behind it.
_ERRORS: Final = b'"errors":'


@dataclass(frozen=True, slots=True)
class Target:
    """Where the requests go, and their bodies, which are sent in turn."""

    port: int
    path: str
    bodies: tuple[bytes, ...]
    headers: dict[str, str] = field(default_factory=dict)

    def requests(self) -> list[bytes]:
        """The requests as they go over the wire."""
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return [
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-type: application/json\r\n"
            f"accept: application/json\r\n{headers}content-length: {len(body)}\r\n\r\n".encode()
            + body
            for body in self.bodies
        ]


@dataclass(frozen=True, slots=True)
class Samples:
    """One entry a request: when it ended (`time.monotonic()`), seconds it took, and what came."""

    seconds: float
    ended: np.ndarray[Any, Any]
    took: np.ndarray[Any, Any]
    status: np.ndarray[Any, Any]
    """The HTTP status; 0 where the connection broke."""
    good: np.ndarray[Any, Any]
    """200, and no `errors` in the answer."""
    told_to_retry: np.ndarray[Any, Any]
    """The answer has a Retry-After."""

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return float(self.good.sum()) / self.seconds

    @property
    def failed(self) -> int:
        return int((~self.good).sum())

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.took, percent)) * 1000


def joined(rounds: list[Samples]) -> Samples:
    """Several runs as one."""
    return Samples(
        sum(one.seconds for one in rounds),
        *(
            np.concatenate([getattr(one, name) for one in rounds])
            for name in ("ended", "took", "status", "good", "told_to_retry")
        ),
    )


class Generator:
    """Runs loops in its process, one after the other."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def run(self, target: Target, seconds: float, connections: int = CONNECTIONS) -> Samples:
        return self.start(target, seconds, connections).result()

    def start(self, target: Target, seconds: float, connections: int = CONNECTIONS) -> Future[Samples]:
        return self._executor.submit(closed_loop, target, seconds, connections)


@contextmanager
def generator() -> Iterator[Generator]:
    # Spawned: a fork would share what this process has open.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield Generator(executor)


def closed_loop(target: Target, seconds: float, connections: int = CONNECTIONS) -> Samples:
    """Each connection sends its next request when the answer to the last one has come whole."""
    # Not from the start every time: neighbouring runs would ask for the same.
    requests = itertools.cycle(target.requests())
    next(itertools.islice(requests, int(time.monotonic() * 1000) % len(target.bodies), None))
    selector = selectors.DefaultSelector()
    rows: list[tuple[float, float, int, bool, bool]] = []
    for _ in range(connections):
        _Connection(target.port, selector).send(next(requests))
    began = time.monotonic()
    until = began + seconds
    waiting = connections
    while waiting:
        ready = selector.select(_ANSWER_SECONDS)
        if not ready:
            raise TimeoutError(f"No answer from port {target.port} in {_ANSWER_SECONDS:.0f} s.")
        for key, _ in ready:
            connection: _Connection = key.data
            answer = connection.receive()
            if answer is None:
                continue
            now = time.monotonic()
            rows.append((now, now - connection.sent, *answer))
            if now < until:
                connection.send(next(requests))
            else:
                connection.close()
                waiting -= 1
    ended, took, status, good, told = zip(*rows, strict=True)
    return Samples(
        time.monotonic() - began,
        np.array(ended),
        np.array(took),
        np.array(status, dtype=np.int16),
        np.array(good, dtype=bool),
        np.array(told, dtype=bool),
    )


class _Connection:
    """A keep-alive connection; it is made anew when the server closes it."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._selector = selector
        self._buffer = bytearray(1 << 20)
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_READ, self)

    def close(self) -> None:
        self._selector.unregister(self._socket)
        self._socket.close()

    def send(self, request: bytes) -> None:
        self._filled = 0
        self._length: int | None = None
        self._head = 0
        self.sent = time.monotonic()
        self._socket.sendall(request)

    def receive(self) -> tuple[int, bool, bool] | None:
        """What came (status, good, told to retry), once the answer is whole."""
        try:
            count = self._socket.recv_into(memoryview(self._buffer)[self._filled :])
        except ConnectionError:
            count = 0
        if count == 0:
            self.close()
            self._open()
            return 0, False, False
        self._filled += count
        if self._length is None:
            self._head = self._buffer.find(b"\r\n\r\n", 0, self._filled)
            if self._head < 0:
                return None
            length = _LENGTH.search(self._buffer, 0, self._head)
            if length is None:
                raise ValueError("The answer has no content-length: " + self._buffer[: self._head].decode())
            self._length = self._head + 4 + int(length[1])
            if self._length > len(self._buffer):
                self._buffer.extend(bytes(self._length - len(self._buffer)))
        if self._filled < self._length:
            return None
        status = int(self._buffer[9:12])
        begin = self._head + 4
        wrong = (
            self._buffer.find(_ERRORS, begin, begin + 256) >= 0
            or self._buffer.find(_ERRORS, max(begin, self._filled - 2048), self._filled) >= 0
        )
        told = status != 200 and _RETRY_AFTER in self._buffer[: self._head].lower()
        return status, status == 200 and not wrong, told
