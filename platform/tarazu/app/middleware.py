"""What every request goes through: an id, a line in the log, a limit of its body, headers, and a last net."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tarazu.app.logging import bind_request

_log: Final = logging.getLogger("tarazu.access")
_fault_log: Final = logging.getLogger("tarazu.app")

# What a proxy in front may hand over; anything else could smuggle lines or identifiers into the log.
# With a letter: digits alone may be somebody's identifier, and the id stands in every line of the log.
_REQUEST_ID: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[0-9A-Za-z._-]{8,64}")

_SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
# Answers tell of customers: no proxy keeps them.
_NO_STORE: Final = "no-store"


class RequestIdMiddleware:
    """Gives each request an id, or keeps a proper one of a proxy: `scope["state"]["request_id"]`, `x-request-id`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        bind_request(request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        await self.app(scope, receive, send_with_id)


class AccessLogMiddleware:
    """One line a request: method, route, status, milliseconds, id. Never the query, the body, an address or a token."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            # The route as declared: a path that no route has could be anything, a subscription number too.
            route = scope.get("route")
            _log.info(
                "%s %s %d %.1f ms %s",
                scope["method"],
                "-" if route is None else route.path,
                status,
                (time.perf_counter() - started) * 1000,
                scope["state"]["request_id"],
            )


class SecurityHeadersMiddleware:
    """Headers for the browser that meets the API by accident."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", _NO_STORE)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class FaultMiddleware:
    """Turns what nobody caught into a 500 without a trace of it; the log has it under the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            return
        except Exception:
            _fault_log.exception("fault in request %s", scope["state"]["request_id"])
            if started:
                raise
            answer = {
                "errors": [{"message": "This failed inside Tarazu.", "extensions": {"code": "INTERNAL"}}]
            }
            await JSONResponse(answer, status_code=500)(scope, receive, send)


class BodyLimitMiddleware:
    """Refuses bodies over `bytes_max` with 413, by their announced length or as soon as they exceed it."""

    def __init__(self, app: ASGIApp, *, bytes_max: int) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self.bytes_max:
            await self._refuse(scope, receive, send)
            return
        received = 0

        async def receive_and_count() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self.bytes_max:
                    raise _BodyTooLargeError
            return message

        try:
            await self.app(scope, receive_and_count, send)
        except _BodyTooLargeError:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"The body may have {self.bytes_max} bytes."
        answer = {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]}
        # The rest of the body is not read, so the connection cannot serve another request.
        await JSONResponse(answer, status_code=413, headers={"connection": "close"})(scope, receive, send)


class _BodyTooLargeError(Exception):
    """The body went on past the limit."""
