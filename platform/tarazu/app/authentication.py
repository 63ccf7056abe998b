"""Nothing but health and the log-in itself answers a stranger."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from graphql_api.limits.rate import TooManyFailuresError
from tarazu.app.attempts import AddressedAuthenticator, address_of, too_many_failures
from tarazu.app.health import RETRY_AFTER_SECONDS
from tarazu.app.logging import bind_principal
from tarazu.database.faults import classify
from tarazu.errors import OperationalError
from tarazu.security.authentication import UnauthenticatedError

OPEN_PATHS: Final = frozenset({"/livez", "/readyz", "/auth/login", "/metrics"})
# As the GraphQL endpoint names an outage.
UNAVAILABLE: Final = "UNAVAILABLE"


class AuthenticationMiddleware:
    """Puts who asks into `scope["state"]["principal"]`, or answers 401.

    It takes the credential from the `Authorization` header alone. There are no cookies, so a page of somebody else cannot
    make a browser ask with the rights of its user. A WebSocket passes: browsers cannot give it headers, and its
    `connection_init` brings the token to `scope["state"]["authenticator"]`.
    """

    def __init__(self, app: ASGIApp, *, open_paths: frozenset[str] = OPEN_PATHS) -> None:
        self.app = app
        self.open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.get("state", {})
        if scope["type"] == "websocket":
            addressed = AddressedAuthenticator(state["authenticator"], state["failures"], address_of(scope))
            await self.app({**scope, "state": {**state, "authenticator": addressed}}, receive, send)
            return
        if scope["type"] != "http" or scope["path"] in self.open_paths:
            await self.app(scope, receive, send)
            return
        authenticator = AddressedAuthenticator(state["authenticator"], state["failures"], address_of(scope))
        given = Headers(scope=scope).getlist("authorization")
        try:
            # Two headers: what stands in front may have looked at the other one.
            principal = await authenticator.authenticate(given[0] if len(given) == 1 else None)
        except TooManyFailuresError as error:
            await too_many_failures(error)(scope, receive, send)
            return
        except UnauthenticatedError as error:
            await unauthenticated(error)(scope, receive, send)
            return
        except Exception as error:
            known = classify(error)
            if known is None:
                raise
            await unavailable(known)(scope, receive, send)
            return
        scope["state"]["principal"] = principal
        bind_principal(principal.id)
        await self.app(scope, receive, send)


def unauthenticated(error: UnauthenticatedError) -> Response:
    return JSONResponse(
        {"errors": [{"message": str(error), "extensions": {"code": error.code}}]},
        status_code=401,
        headers={"www-authenticate": "Bearer"},
    )


def unavailable(_error: OperationalError) -> Response:
    """Who asks is not known, so it says no more than that a retry may help."""
    message = "Who asks cannot be checked now; try again in a moment."
    return JSONResponse(
        {"errors": [{"message": message, "extensions": {"code": UNAVAILABLE}}]},
        status_code=503,
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )
