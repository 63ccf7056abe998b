"""Finds out who asks, from the `Authorization` header.

On the path of every request, so what was found is kept for a few seconds (`principal_cache_seconds`): a request costs no
statement, and a revoked token, a disabled user or a changed scope takes effect within that time.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from tarazu.database import Sessions
from tarazu.errors import InputError
from tarazu.security.bearer import BearerKind, parse_bearer
from tarazu.security.credential import Credential
from tarazu.security.login import find_session
from tarazu.security.oidc import OidcVerifier
from tarazu.security.principal import Principal
from tarazu.security.tokens import find_token
from tarazu.settings import Settings

Value = TypeVar("Value")

# Access tokens of providers with many groups reach some 4 KB.
_HEADER_CHARACTERS_MAX: Final = 16_384
_CACHE_ENTRIES: Final = 10_000


class UnauthenticatedError(InputError):
    """There is no credential, or none that is valid now. It never says which: that would help a thief."""

    code = "access.unauthenticated"

    def __init__(self) -> None:
        super().__init__(
            "A valid token is needed.",
            mend="Send `Authorization: Bearer …` with a token that has not expired.",
        )


class Authenticator:
    """Principals by credential, checked against the database or the provider's keys."""

    def __init__(
        self,
        sessions: Sessions,
        settings: Settings,
        *,
        oidc: OidcVerifier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._oidc = oidc
        self._clock = clock
        self._seconds = settings.principal_cache_seconds
        # Apart, so that a flood of wrong tokens does not push out the right ones.
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[Principal]] = {}

    async def authenticate(self, authorization: str | None) -> Principal:
        """The principal of an `Authorization` header.

        Raises UnauthenticatedError; an OperationalError where the credential cannot be checked now.
        """
        text = bearer_text(authorization)
        # The cache holds no token that a dump of memory could give away.
        key = hashlib.sha256(text.encode()).digest()
        now = self._clock()
        kept = self._known.get(key)
        if kept is not None and now < kept[0]:
            return kept[1]
        if now < self._unknown.get(key, now):
            raise UnauthenticatedError
        # Requests with the same token that come together share one look-up; one that goes away does not end it.
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._look_up(key, text))
            task.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(task)

    def was_good(self, authorization: str) -> bool | None:
        """Whether the credential was good when it was looked at last; None where that is not known."""
        try:
            key = hashlib.sha256(bearer_text(authorization).encode()).digest()
        except UnauthenticatedError:
            return None
        if key in self._known:
            return True
        return False if self._clock() < self._unknown.get(key, 0.0) else None

    def forget(self, authorization: str | None) -> None:
        """Check this credential anew at its next use: it was revoked a moment ago."""
        key = hashlib.sha256(bearer_text(authorization).encode()).digest()
        self._known.pop(key, None)

    async def _look_up(self, key: bytes, text: str) -> Principal:
        credential = await self._check(text)
        # An expiry is a time of day, the cache's clock is not.
        left = (
            0.0 if credential is None else (credential.expires_at - dt.datetime.now(dt.UTC)).total_seconds()
        )
        if credential is None or left <= 0:
            self._known.pop(key, None)
            _keep(self._unknown, key, self._clock() + self._seconds)
            raise UnauthenticatedError
        _keep(self._known, key, (self._clock() + min(self._seconds, left), credential.principal))
        return credential.principal

    async def _check(self, text: str) -> Credential | None:
        bearer = parse_bearer(text)
        if bearer is None:
            return None if self._oidc is None else await self._oidc.verify(text, self._sessions)
        find = find_token if bearer.kind is BearerKind.APPLICATION else find_session
        async with self._sessions.read() as session:
            return await find(session, bearer)

    def _finish(self, key: bytes, done: asyncio.Task[Principal]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            # Seen, also where every request that waited for it has gone away.
            done.exception()


def bearer_text(authorization: str | None) -> str:
    """The token of an `Authorization` header.

    Raises UnauthenticatedError.
    """
    if authorization is None or len(authorization) > _HEADER_CHARACTERS_MAX:
        raise UnauthenticatedError
    scheme, _, text = authorization.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text or not text.isascii() or not text.isprintable():
        raise UnauthenticatedError
    return text


def _keep(cache: OrderedDict[bytes, Value], key: bytes, value: Value) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > _CACHE_ENTRIES:
        cache.popitem(last=False)
