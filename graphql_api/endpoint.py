"""GraphQL over HTTP: POST with a JSON body, and nothing else.

A browser cannot send such a request to another origin without asking first (CORS), so no token against forged requests
is needed. There is no IDE in the page: it would load scripts of others.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.schema.base import BaseSchema

from graphql_api.context import Context
from graphql_api.errors import BAD_REQUEST, UNAVAILABLE, tell
from graphql_api.once import MutationCall, read_mutation_call, settle
from tarazu.database import Sessions, WriteSession
from tarazu.errors import TarazuError
from tarazu.idempotency import Answer, run_once
from tarazu.security.principal import ForbiddenError, Principal
from tarazu.settings import Settings

RETRY_AFTER_SECONDS: Final = 5


class Endpoint(GraphQL[Context, None]):
    """The ASGI application of one schema. The engine is made when the server starts, so sessions come from `state`."""

    def __init__(self, schema: BaseSchema, settings: Settings) -> None:
        super().__init__(schema, graphql_ide=None, allow_queries_via_get=False, subscription_protocols=())
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        sessions: Sessions = request.state.sessions
        context = Context(
            sessions,
            page_size_max=self._settings.page_size_max,
            principal=getattr(request.state, "principal", None),
            request_id=getattr(request.state, "request_id", None),
        )
        try:
            answer = await self._answer(request, context, sessions)
        except HTTPException as error:
            # strawberry would answer in plain text, which GraphQL clients cannot read.
            answer = JSONResponse(
                {"errors": [{"message": error.reason, "extensions": {"code": BAD_REQUEST}}]},
                status_code=error.status_code,
            )
        finally:
            await context.close()
        await answer(scope, receive, send)

    async def _answer(self, request: Request, context: Context, sessions: Sessions) -> Response:
        try:
            body = self.decode_json(await request.body())
            call = read_mutation_call(body) if isinstance(body, dict) else None
        except json.JSONDecodeError:
            call = None
        except TarazuError as error:
            return self._refuse(error, None)
        if call is None:
            return await self.run(request, context=context)
        if context.principal is None:
            return self._refuse(ForbiddenError("Whoever changes something must be known."), call)
        return await self._change(request, context, sessions, context.principal, call)

    async def _change(
        self,
        request: Request,
        context: Context,
        sessions: Sessions,
        principal: Principal,
        call: MutationCall,
    ) -> Response:
        """A mutation, in the one transaction that also keeps its answer."""

        async def execute(session: WriteSession) -> Answer:
            context.write_session = session
            response = await self.run(request, context=context)
            return settle(bytes(response.body), response.status_code)

        try:
            answer = await run_once(
                sessions,
                principal,
                call.key,
                call.body_sha256,
                execute,
                keep_days=self._settings.idempotency_keep_days,
            )
        except HTTPException:
            raise
        except Exception as error:  # noqa: BLE001  # `tell` says what the client may know, and logs the rest
            return self._refuse(error, call)
        finally:
            context.write_session = None
        return self._respond(answer.body, answer.status)

    def _refuse(self, error: Exception, call: MutationCall | None) -> Response:
        told = tell(GraphQLError(str(error), path=[call.field if call else "mutation"], original_error=error))
        return self.create_response({"data": None, "errors": [told.formatted]}, Response())

    def create_response(
        self,
        response_data: Any,
        sub_response: Response,  # noqa: ARG002  # nothing of ours writes to it
    ) -> Response:
        away = any(
            error.get("extensions", {}).get("code") == UNAVAILABLE
            for error in response_data.get("errors", ())
        )
        return self._respond(self.encode_json(response_data), 503 if away else 200)

    def _respond(self, body: bytes, status: int) -> Response:
        return Response(
            body,
            status_code=status,
            headers={"retry-after": str(RETRY_AFTER_SECONDS)} if status == 503 else None,
            media_type="application/json",
        )

    def decode_json(self, data: str | bytes) -> object:
        try:
            decoded = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, error.doc, error.pos) from None
        if not isinstance(decoded, dict):
            raise HTTPException(400, "The body must be one JSON object: query, variables, operationName.")
        name = decoded.get("operationName")
        if name is not None and not isinstance(name, str):
            raise HTTPException(400, "`operationName` must be a string.")
        return decoded

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)
