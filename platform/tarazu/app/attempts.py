"""Stops guessing of credentials from one address, without shutting out who shares the address and is known."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from graphql_api.limits.rate import FailedAttempts, TooManyFailuresError
from tarazu.security.authentication import Authenticator, UnauthenticatedError
from tarazu.security.principal import Principal


class AddressedAuthenticator:
    """Authenticates what comes from one address."""

    def __init__(self, authenticator: Authenticator, failures: FailedAttempts, address: str | None) -> None:
        self._authenticator = authenticator
        self._failures = failures
        self._address = address

    async def authenticate(self, authorization: str | None) -> Principal:
        """As the authenticator. Raises TooManyFailuresError, before anything is looked up.

        A credential that was good before is no guess: it is let in whatever its neighbours do. One that was refused a
        moment ago counts once, so that a program with an expired token does not shut out its whole office.
        """
        was_good = authorization is None or self._authenticator.was_good(authorization)
        if was_good is None:
            self._failures.check(self._address)
        try:
            return await self._authenticator.authenticate(authorization)
        except UnauthenticatedError:
            if was_good is None:
                self._failures.note(self._address)
            raise


def address_of(scope: Scope) -> str | None:
    """The client's address; None for a socket of the machine."""
    client = scope.get("client")
    return None if client is None else client[0]


def too_many_failures(error: TooManyFailuresError) -> Response:
    return JSONResponse(
        error.write(), status_code=error.status, headers={"retry-after": str(error.retry_after_seconds)}
    )
