"""The context of one subscription: that of a request, begun anew for each event."""

from __future__ import annotations

import strawberry

from graphql_api.compiler.mapping import Types
from graphql_api.context import Context, company_day
from graphql_api.subscriptions.hub import CaseEventHub
from tarazu.database import Sessions
from tarazu.security.audit import AuditAction, AuditEntry, AuditWriter
from tarazu.security.principal import Principal
from tarazu.settings import Settings


class SubscriptionContext(Context):
    """Events of one subscription are resolved one after the other, so they may share it."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        principal: Principal,
        types: Types,
        settings: Settings,
        hub: CaseEventHub,
        audit: AuditWriter,
    ) -> None:
        super().__init__(sessions, principal=principal, types=types, settings=settings, today=company_day())
        self.hub = hub
        self._audit = audit

    async def renew(self) -> None:
        """Give the connection back and forget what was read: the next event reads what is true then.

        It is called before a message is sent: a consumer that does not take it must not hold a connection.
        """
        await self.close()
        self.begin(company_day())

    async def audit_personal(self, operation_name: str | None) -> None:
        """Write down which personal data the last message holds, before anybody sees it. Raises where that fails."""
        if not self.personal_fields:
            return
        details = {"operation": operation_name, "fields": list(self.personal_fields)}
        self.personal_fields.clear()
        await self._audit.write(
            AuditEntry(
                AuditAction.SENSITIVE_READ,
                self.principal,
                subject_type="graphql",
                subject_id="caseFlagged",
                details=details,
            )
        )


SubscriptionInfo = strawberry.Info[SubscriptionContext, None]
