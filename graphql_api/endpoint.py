"""GraphQL over HTTP: POST with a JSON body, and nothing else.

A browser cannot send such a request to another origin without asking first (CORS), so no token against forged requests
is needed. There is no IDE in the page: it would load scripts of others.
"""

from __future__ import annotations

import inspect
import time
from typing import Any, Final

import orjson
from graphql import ExecutionResult, execute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.schema import Schema as StrawberrySchema

from graphql_api.context import Context
from graphql_api.disconnect import run_until_disconnect
from graphql_api.documents import OperationKind
from graphql_api.errors import INTERNAL, UNAVAILABLE, tell
from graphql_api.gate import Admitted, Gate
from graphql_api.observation import OK, NoObserver, Observer, Outcome
from graphql_api.refusals import BodyError, RefusedError
from graphql_api.request import read_request
from tarazu.database import Sessions
from tarazu.security.permissions import Permission, Role
from tarazu.security.principal import Principal, PrincipalKind
from tarazu.settings import Settings

RETRY_AFTER_SECONDS: Final = 5

_KINDS: Final = frozenset({OperationKind.QUERY, OperationKind.MUTATION})
# Whoever reaches the address, where nothing in front has found out who it is.
_ANYBODY: Final = Principal(
    "local", PrincipalKind.LOCAL, "local", Role.APPLICATION, permissions=frozenset(Permission)
)


class Endpoint:
    """The ASGI application of one schema. The engine is made when the server starts, so sessions come from `state`."""

    def __init__(
        self, schema: StrawberrySchema, settings: Settings, observer: Observer | None = None
    ) -> None:
        self._schema = schema._schema  # noqa: SLF001  # the only way to the schema of graphql-core
        self._settings = settings
        self._gate = Gate.of(self._schema, settings)
        self._observer = observer or NoObserver()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        principal: Principal = getattr(request.state, "principal", _ANYBODY)
        started = time.perf_counter()
        admitted: Admitted | None = None
        # What stands here when something raises that is told elsewhere: a body that is too large, then a fault.
        code = BodyError.code
        try:
            _check_content_type(request)
            content = await request.body()
            code = INTERNAL
            asked = read_request(content)
            admitted = await self._gate.admit(asked, principal, kinds=_KINDS)
            body = await run_until_disconnect(
                receive, self._execute(request.state.sessions, admitted, asked.variables)
            )
            code = _code(body)
            response = _respond(body, 503 if code == UNAVAILABLE else 200, RETRY_AFTER_SECONDS)
        except RefusedError as error:
            code = error.code
            response = _respond(error.write(), error.status, getattr(error, "retry_after_seconds", 0))
        except ClientDisconnect:
            code = "disconnected"
            raise
        finally:
            document = admitted.document if admitted else None
            self._observer.note(
                Outcome(
                    operation=self._gate.shown_name(document),
                    kind=document.kind if document else "none",
                    code=code,
                    seconds=time.perf_counter() - started,
                    cost=admitted.cost.total if admitted else 0,
                    principal=principal.id,
                    role=principal.role,
                )
            )
        await response(scope, receive, send)

    async def _execute(self, sessions: Sessions, admitted: Admitted, variables: Any) -> dict[str, Any]:
        document = admitted.document
        context = Context(sessions, page_size_max=self._settings.page_size_max)
        try:
            with self._observer.span(self._gate.shown_name(document), document.kind):
                result = execute(
                    self._schema,
                    document.ast,
                    context_value=context,
                    variable_values=dict(variables),
                    operation_name=document.name,
                    hide_suggestions=not self._settings.api_development,
                )
                if inspect.isawaitable(result):
                    result = await result
        finally:
            await context.close()
        assert isinstance(result, ExecutionResult)
        body: dict[str, Any] = {"data": result.data, "extensions": admitted.extensions}
        if result.errors:
            body["errors"] = [tell(error).formatted for error in result.errors]
        return body


def _check_content_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BodyError("The body must be `application/json`.", mend="Send it with that content type.")


def _code(body: dict[str, Any]) -> str:
    codes = [error["extensions"]["code"] for error in body.get("errors", ())]
    if UNAVAILABLE in codes:
        return UNAVAILABLE
    return str(codes[0]) if codes else OK


def _respond(body: dict[str, Any], status: int, retry_after_seconds: int = 0) -> Response:
    headers = {"retry-after": str(retry_after_seconds)} if retry_after_seconds and status != 200 else None
    return Response(orjson.dumps(body), status_code=status, headers=headers, media_type="application/json")
