"""GraphQL over HTTP: POST with a JSON body, and nothing else.

A browser cannot send such a request to another origin without asking first (CORS), so no token against forged requests
is needed. There is no IDE in the page: it would load scripts of others.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.schema.base import BaseSchema

from graphql_api.context import Context
from graphql_api.errors import BAD_REQUEST, UNAVAILABLE
from tarazu.database import Sessions
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
        context = Context(sessions, page_size_max=self._settings.page_size_max)
        try:
            answer = await self.run(request, context=context)
        except HTTPException as error:
            # strawberry would answer in plain text, which GraphQL clients cannot read.
            answer = JSONResponse(
                {"errors": [{"message": error.reason, "extensions": {"code": BAD_REQUEST}}]},
                status_code=error.status_code,
            )
        finally:
            await context.close()
        await answer(scope, receive, send)

    def create_response(
        self,
        response_data: Any,
        sub_response: Response,  # noqa: ARG002  # nothing of ours writes to it
    ) -> Response:
        away = any(
            error.get("extensions", {}).get("code") == UNAVAILABLE
            for error in response_data.get("errors", ())
        )
        return Response(
            self.encode_json(response_data),
            status_code=503 if away else 200,
            headers={"retry-after": str(RETRY_AFTER_SECONDS)} if away else None,
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
