"""GraphQL over HTTP: POST with a JSON body, and nothing else.

A browser cannot send such a request to another origin without asking first (CORS), so no token against forged requests
is needed. There is no IDE in the page: it would load scripts of others.

The way of a request: body → trusted documents → parsed and validated (remembered) → variables → cost → rate → executed.
"""

from __future__ import annotations

import time
from typing import Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from graphql_api.compiler.sites import graphql_schema
from graphql_api.disconnect import run_until_disconnect
from graphql_api.documents import OperationKind
from graphql_api.errors import INTERNAL
from graphql_api.execution import RETRY_AFTER_SECONDS, Caller, Executed, Execution
from graphql_api.gate import Admitted, Gate
from graphql_api.observation import NoObserver, Observer, Outcome
from graphql_api.refusals import BodyError, RefusedError
from graphql_api.request import GraphqlRequest, read_request
from tarazu.settings import Settings

_KINDS: Final = frozenset({OperationKind.QUERY, OperationKind.MUTATION})


class Endpoint:
    """The ASGI application of one schema. What the process shares is made when it starts, and comes from `state`."""

    def __init__(self, schema: Schema, settings: Settings, observer: Observer | None = None) -> None:
        self.gate = Gate.of(graphql_schema(schema), settings)
        self._execution = Execution(schema, settings)
        self._observer = observer or NoObserver()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        state = request.state
        # Nobody comes here unknown: without a principal this is a fault, not a stranger's read.
        caller = Caller(
            state.principal,
            state.sessions,
            state.reads,
            state.audit,
            state.reporters,
            getattr(state, "request_id", None),
        )
        started = time.perf_counter()
        admitted: Admitted | None = None
        # What stands here when something raises that is told elsewhere: a body that is too large, then a fault.
        code = BodyError.code
        try:
            _check_content_type(request)
            content = await request.body()
            code = INTERNAL
            asked = read_request(content)
            admitted = await self.gate.admit(asked, caller.principal, kinds=_KINDS)
            executed = await run_until_disconnect(receive, self._run(admitted, asked, caller))
            code = executed.code
            response = _respond(executed.body, executed.status, RETRY_AFTER_SECONDS)
        except RefusedError as error:
            code = error.code
            response = _respond(
                orjson.dumps(error.write()), error.status, getattr(error, "retry_after_seconds", 0)
            )
        except ClientDisconnect:
            code = "disconnected"
            raise
        finally:
            document = admitted.document if admitted else None
            self._observer.note(
                Outcome(
                    operation=self.gate.shown_name(document),
                    kind=document.kind if document else "none",
                    code=code,
                    seconds=time.perf_counter() - started,
                    cost=admitted.cost.total if admitted else 0,
                    principal=caller.principal.id,
                    role=caller.principal.role,
                )
            )
        await response(scope, receive, send)

    async def _run(self, admitted: Admitted, asked: GraphqlRequest, caller: Caller) -> Executed:
        document = admitted.document
        with self._observer.span(self.gate.shown_name(document), document.kind):
            return await self._execution.run(admitted, asked.variables, caller)


def _check_content_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BodyError("The body must be `application/json`.", mend="Send it with that content type.")


def _respond(body: bytes, status: int, retry_after_seconds: int = 0) -> Response:
    headers = {"retry-after": str(retry_after_seconds)} if retry_after_seconds and status != 200 else None
    return Response(body, status_code=status, headers=headers, media_type="application/json")
