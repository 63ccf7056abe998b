"""`usagePoint`."""

from __future__ import annotations

from typing import Annotated

import strawberry

from graphql_api.context import Info
from graphql_api.fields import resolver
from graphql_api.filters import plain_text
from graphql_api.metering.types import UsagePoint
from tarazu import models
from tarazu.metering.repository import usage_points_by_subscription_no


@strawberry.type
class MeteringQueries:
    @resolver(
        description="The usage point of a subscription number; null where there is none.",
        graphql_type=UsagePoint | None,
    )
    @staticmethod
    async def usage_point(
        info: Info,
        subscription_no: Annotated[
            str, strawberry.argument(description="Subscription number («شماره اشتراک»), as stored.")
        ],
    ) -> models.UsagePoint | None:
        number = plain_text(subscription_no, "subscriptionNo")
        return await info.context.load(usage_points_by_subscription_no, number)
