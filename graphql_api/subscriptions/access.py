"""Who a WebSocket belongs to: by its HTTP header, or, as browsers cannot set one, by `connection_init`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from graphql_api.limits.rate import TooManyFailuresError
from tarazu.database.faults import classify
from tarazu.errors import TarazuError
from tarazu.security.principal import ForbiddenError, Principal

UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
TOO_MANY: Final = 4429
# RFC 6455's registry: "try again later".
TRY_AGAIN_LATER: Final = 1013


class Authenticator(Protocol):
    async def authenticate(self, authorization: str | None, /) -> Principal:
        """The principal of an `Authorization` header. Raises a TarazuError where there is none."""
        ...


class RefusedError(Exception):
    """The socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class NoOne:
    """Where nothing authenticates, nobody is let in."""

    async def authenticate(self, _authorization: str | None, /) -> Principal:
        raise ForbiddenError("Nobody can be authenticated here.")


def authorization(headers: Mapping[str, str], payload: object) -> str | None:
    """The header of the handshake; without one, `authorization` of the payload, in any case of letters."""
    if (header := headers.get("authorization")) is not None:
        return header
    if isinstance(payload, dict):
        for name, value in payload.items():
            if isinstance(name, str) and name.lower() == "authorization" and isinstance(value, str):
                return value
    return None


async def authenticate(authenticator: Authenticator, credential: str | None) -> Principal:
    """Raises RefusedError with the code to close the socket with."""
    try:
        return await authenticator.authenticate(credential)
    except TooManyFailuresError:
        raise RefusedError(TOO_MANY, "Too many failed attempts") from None
    except ForbiddenError:
        raise RefusedError(FORBIDDEN, "Forbidden") from None
    except Exception as error:
        if classify(error) is not None:
            raise RefusedError(TRY_AGAIN_LATER, "Try again later") from None
        if isinstance(error, TarazuError):
            # Which of many reasons it was is for the log of the authenticator.
            raise RefusedError(UNAUTHORIZED, "Unauthorized") from None
        raise


def same_access(one: Principal, other: Principal) -> bool:
    return (one.id, one.permissions, one.scope) == (other.id, other.permissions, other.scope)
