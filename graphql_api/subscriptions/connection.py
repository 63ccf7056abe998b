"""One WebSocket: whose it is, that it still is, and how it is closed."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from strawberry.http.async_base_view import AsyncWebSocketAdapter

from graphql_api.compiler.mapping import Types
from graphql_api.documents import OperationKind
from graphql_api.gate import Admitted, Gate
from graphql_api.request import GraphqlRequest
from graphql_api.subscriptions.access import (
    FORBIDDEN,
    TOO_MANY,
    TRY_AGAIN_LATER,
    Authenticator,
    RefusedError,
    authenticate,
    authorization,
    same_access,
)
from graphql_api.subscriptions.context import SubscriptionContext
from graphql_api.subscriptions.hub import CaseEventHub
from tarazu.database import Sessions
from tarazu.security.audit import AuditWriter
from tarazu.security.principal import Principal
from tarazu.settings import Settings

_KINDS: Final = frozenset({OperationKind.SUBSCRIPTION})

_log: Final = logging.getLogger("tarazu.subscriptions")


@dataclass
class Served:
    """What the sockets of a process share."""

    connections: int = 0
    by_principal: Counter[str] = field(default_factory=Counter)


class Connection:
    """strawberry's handler keeps it as the context of the socket and sets `connection_params`."""

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        authenticator: Authenticator,
        sessions: Sessions,
        hub: CaseEventHub,
        audit: AuditWriter,
        gate: Gate,
        types: Types,
        settings: Settings,
        served: Served,
    ) -> None:
        self.connection_params: object = None
        self.socket: AsyncWebSocketAdapter | None = None
        self._headers = headers
        self._authenticator = authenticator
        self._sessions = sessions
        self._hub = hub
        self._audit = audit
        self._gate = gate
        self._types = types
        self._settings = settings
        self._served = served
        self._principal: Principal | None = None
        self._recheck: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """After `connection_init`. Raises RefusedError."""
        credential = authorization(self._headers, self.connection_params)
        principal = await authenticate(self._authenticator, credential)
        if self._served.by_principal[principal.id] >= self._settings.subscription_connections_per_principal:
            raise RefusedError(TOO_MANY, "Too many connections")
        self._served.by_principal[principal.id] += 1
        self._principal = principal
        self._recheck = asyncio.create_task(self._watch(credential, principal))

    def operation_context(self) -> SubscriptionContext:
        """Of one subscription: several of a socket run side by side and share no session."""
        assert self._principal is not None
        return SubscriptionContext(
            self._sessions,
            principal=self._principal,
            types=self._types,
            settings=self._settings,
            hub=self._hub,
            audit=self._audit,
        )

    async def admit(self, request: GraphqlRequest) -> Admitted:
        """As over HTTP, but for subscriptions. Raises RefusedError of `graphql_api.refusals`."""
        assert self._principal is not None
        # Queries and mutations go over HTTP, where a retry is safe.
        return await self._gate.admit(request, self._principal, kinds=_KINDS)

    async def close(self, code: int, reason: str) -> None:
        assert self.socket is not None
        await self.socket.close(code, reason)

    async def release(self) -> None:
        """The socket is gone."""
        if self._recheck is not None:
            self._recheck.cancel()
            with suppress(asyncio.CancelledError):
                await self._recheck
        if self._principal is not None:
            self._served.by_principal[self._principal.id] -= 1
            self._served.by_principal += Counter()  # forgets those at zero

    async def _watch(self, credential: str | None, principal: Principal) -> None:
        while True:
            await asyncio.sleep(self._settings.subscription_recheck_seconds)
            try:
                now = await authenticate(self._authenticator, credential)
            except RefusedError as refused:
                if refused.code == TRY_AGAIN_LATER:
                    continue  # the database is away, and with it every event
                await self.close(refused.code, refused.reason)
                return
            except Exception as error:  # noqa: BLE001  # whatever it is, what nobody watches does not go on
                _log.exception("fault while access was looked up again: %s", type(error).__name__)
                await self.close(TRY_AGAIN_LATER, "Try again later")
                return
            if not same_access(now, principal):
                await self.close(FORBIDDEN, "Your access has changed: connect again")
                return
