"""The context of one subscription: that of a request, begun anew for each event."""

from __future__ import annotations

import datetime as dt

import strawberry

from graphql_api.context import Context
from graphql_api.subscriptions.hub import CaseEventHub
from tarazu.database import Sessions
from tarazu.security.principal import Principal


class SubscriptionContext(Context):
    """Events of one subscription are resolved one after the other, so they may share it."""

    def __init__(
        self, sessions: Sessions, *, page_size_max: int, principal: Principal, hub: CaseEventHub
    ) -> None:
        super().__init__(sessions, page_size_max=page_size_max)
        self.principal = principal
        self.hub = hub

    async def renew(self) -> None:
        """Give the connection back and forget what was read: the next event reads what is true then.

        It is called before a message is sent: a consumer that does not take it must not hold a connection.
        """
        await self.close()
        self._loaders.clear()
        self.today = dt.datetime.now().astimezone().date()


SubscriptionInfo = strawberry.Info[SubscriptionContext, None]
