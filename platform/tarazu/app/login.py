"""`POST /auth/login` and `POST /auth/logout`: for companies without an identity provider."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from graphql_api.limits.rate import FailedAttempts, TooManyFailuresError
from tarazu.app.attempts import address_of, too_many_failures
from tarazu.app.authentication import unavailable
from tarazu.database.faults import classify
from tarazu.errors import TarazuError
from tarazu.security.authentication import Authenticator, bearer_text
from tarazu.security.login import LoginFailedError, Logins


async def log_in(request: Request) -> Response:
    """`{"username": …, "password": …}` → `{"token": …, "expires_at": …}`, or 401 with one answer to every failure.

    429 where the address failed too often of late: then no password is looked at.
    """
    try:
        given = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        given = None
    username = given.get("username") if isinstance(given, dict) else None
    password = given.get("password") if isinstance(given, dict) else None
    if not isinstance(username, str) or not isinstance(password, str):
        return _refused(400, "BAD_REQUEST", "The body must be JSON with the texts `username` and `password`.")
    logins: Logins = request.state.logins
    failures: FailedAttempts = request.state.failures
    address = address_of(request.scope)
    try:
        failures.check(address)
        issued = await logins.log_in(username, password, request_id=request.state.request_id)
    except TooManyFailuresError as error:
        return too_many_failures(error)
    except LoginFailedError as error:
        failures.note(address)
        return _refused(401, error.code, str(error))
    except Exception as error:
        known = classify(error)
        if known is None:
            raise
        return unavailable(known)
    return JSONResponse({"token": issued.bearer.text, "expires_at": issued.expires_at.isoformat()})


async def log_out(request: Request) -> Response:
    """Ends the log-in whose token came with the request: 204."""
    authorization = request.headers["authorization"]
    logins: Logins = request.state.logins
    authenticator: Authenticator = request.state.authenticator
    try:
        await logins.log_out(
            request.state.principal, bearer_text(authorization), request_id=request.state.request_id
        )
    except Exception as error:
        known = classify(error)
        if known is not None:
            return unavailable(known)
        if isinstance(error, TarazuError):
            return _refused(400, "BAD_REQUEST", str(error))
        raise
    authenticator.forget(authorization)
    return Response(status_code=204)


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse(
        {"errors": [{"message": message, "extensions": {"code": code}}]},
        status_code=status,
        headers={"www-authenticate": "Bearer"} if status == 401 else None,
    )
