"""`caseFlagged`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Any, Final

import strawberry
from sqlalchemy import select
from strawberry import UNSET
from strawberry.types.field import StrawberryField

from graphql_api.compiler.mapping import METADATA_KEY, Guard, ResolvedOnly
from graphql_api.errors import ArgumentError
from graphql_api.scalars import Rial
from graphql_api.subscriptions.context import SubscriptionContext, SubscriptionInfo
from graphql_api.subscriptions.subscriber import Wanted
from graphql_api.subscriptions.types import CaseFlaggedMessage, message_of, read_position
from tarazu.models import District
from tarazu.models.enums import CaseEventKind, RuleFamily
from tarazu.security.permissions import Permission

DISTRICTS_MAX: Final = 100


def _subscription(*, description: str, needs: Permission) -> Callable[[Callable[..., Any]], StrawberryField]:
    decorate: Callable[[Callable[..., Any]], StrawberryField] = strawberry.subscription(
        description=f"{description} Needs `{needs.value}`.",
        metadata={METADATA_KEY: ResolvedOnly(Guard(needs))},
    )
    return decorate


@strawberry.type(description="What the server tells by itself, over a WebSocket (graphql-transport-ws).")
class Subscription:
    @_subscription(
        description=(
            "Cases as they are opened, and as something about them changes, each once and in order; only cases in your "
            "scope are told of."
        ),
        needs=Permission.READ_CASES,
    )
    async def case_flagged(
        self,
        info: SubscriptionInfo,
        districts: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Codes of districts that have to work on the case; without it, all."
            ),
        ] = UNSET,
        family: Annotated[
            RuleFamily | None, strawberry.argument(description="The family of the rules; without it, all.")
        ] = UNSET,
        min_money_at_risk_rial: Annotated[
            Rial | None,
            strawberry.argument(
                description="Least money at risk, rial. Needs the permission to read scores of cases."
            ),
        ] = UNSET,
        kinds: Annotated[
            list[CaseEventKind] | None,
            strawberry.argument(description="What happened; without it, OPENED and EVIDENCE_CHANGED."),
        ] = UNSET,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The cursor of the last message received: what was missed comes first. Without it, from now."
            ),
        ] = UNSET,
    ) -> AsyncGenerator[CaseFlaggedMessage, None]:
        context = info.context
        if not isinstance(context, SubscriptionContext):
            raise ArgumentError(
                "Subscriptions are answered over a WebSocket only.", mend="Connect with graphql-transport-ws."
            )
        context.principal.require(Permission.READ_CASES)
        if min_money_at_risk_rial:
            # Who may not see the amount must not find it out by asking.
            context.principal.require(Permission.READ_SCORES)
        wanted = Wanted(
            kinds=frozenset(kinds or (CaseEventKind.OPENED, CaseEventKind.EVIDENCE_CHANGED)),
            family=family or None,
            district_ids=await _district_ids(context, districts) if districts else None,
            money_at_risk_rial_min=min_money_at_risk_rial or None,
        )
        position = read_position(after) if after else None
        # No connection is held while events are waited for.
        await context.renew()
        async with context.hub.subscribe(wanted, position, context.principal.scope) as messages:
            async for message in messages:
                yield message_of(message)


async def _district_ids(context: SubscriptionContext, codes: list[str]) -> frozenset[int]:
    """Raises ArgumentError for a code that no district in the principal's scope has."""
    if len(codes) > DISTRICTS_MAX:
        raise ArgumentError(f"`districts` names {len(codes)} districts; it may name {DISTRICTS_MAX}.")
    statement = select(District.code, District.id).where(District.code.in_(codes))
    scope = context.principal.scope.district_ids
    rows = await context.read(lambda session: session.execute(statement))
    found = {code: key for code, key in rows if scope is None or key in scope}
    if unknown := sorted(set(codes) - found.keys()):
        raise ArgumentError(f"There is no district {unknown[0]!r} in your scope.")
    return frozenset(found.values())
