"""The case of an event, read again under the scope of whoever is told."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from graphql_api.subscriptions.context import SubscriptionInfo
from tarazu import models
from tarazu.cases.events import scope_of_cases


async def flagged_case(info: SubscriptionInfo, case_id: uuid.UUID) -> models.Case | None:
    """The case, or None where the principal does not see it any more."""
    statement = select(models.Case).where(models.Case.id == case_id)
    if (condition := scope_of_cases(info.context.principal.scope)) is not None:
        statement = statement.where(condition)
    return await info.context.read(lambda session: session.scalar(statement))
