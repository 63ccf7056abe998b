"""`case`, `cases`, `caseSummary`."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from graphql_api.cases.filters import CASE_ORDERS, CaseFilter, CaseOrder
from graphql_api.cases.types import Case
from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, root
from graphql_api.context import Info
from graphql_api.errors import ArgumentError
from graphql_api.fields import resolver
from graphql_api.filters import condition
from graphql_api.ids import key_of, parse_uuid
from graphql_api.refs import DistrictRef
from graphql_api.scalars import Long, Rial
from tarazu import models
from tarazu.cases import repository
from tarazu.cases.repository import CaseDimension, CaseSummaryRow
from tarazu.models.enums import CaseState, RuleFamily
from tarazu.network.repository import districts_by_id

CaseFilterArgument = Annotated[
    CaseFilter | None, strawberry.argument(description="Which cases; without it, all.")
]


@strawberry.type(
    name="CaseSummaryRow",
    description="Cases of one group. A field of the group is null where cases were not grouped by it.",
)
class CaseSummary:
    state: CaseState | None = strawberry.field(description="Where the cases stand.")
    family: RuleFamily | None = strawberry.field(description="Family of their rules.")
    case_count: int = strawberry.field(description="How many cases.")
    energy_at_risk_kwh: float = strawberry.field(description="Estimated energy at risk, kWh.")
    money_at_risk_rial: Rial = strawberry.field(description="Estimated money at risk, rial.")

    @resolver(
        description="Their district; null also for cases of subjects without one.",
        graphql_type=DistrictRef | None,
    )
    @staticmethod
    async def district(root: strawberry.Parent[CaseSummaryRow], info: Info) -> models.District | None:
        if root.district_id is None:
            return None
        return await info.context.load(districts_by_id, root.district_id)


@strawberry.type
class CaseQueries:
    @resolver(
        description="The case of an id or a case number; give one of them. Null where there is none.",
        graphql_type=Case | None,
    )
    @staticmethod
    async def case(
        info: Info,
        id: Annotated[  # noqa: A002  # the argument's name in GraphQL
            strawberry.ID | None, strawberry.argument(description="Global id of the case.")
        ] = UNSET,
        case_no: Annotated[Long | None, strawberry.argument(description="Number of the case.")] = UNSET,
    ) -> models.Case | None:
        if id and not case_no:
            return await info.context.load(repository.cases_by_id, parse_uuid(key_of(id, "Case")))
        if case_no and not id:
            return await info.context.load(repository.cases_by_no, int(case_no))
        raise ArgumentError("Give either `id` or `caseNo`.")

    @resolver(description="Cases, a page of them.", graphql_type=Connection[Case])
    @staticmethod
    def cases(
        info: Info,
        filter: CaseFilterArgument = UNSET,  # noqa: A002  # the argument's name in GraphQL
        order: Annotated[
            CaseOrder, strawberry.argument(description="The order of the list.")
        ] = CaseOrder.PRIORITY,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        return root(info, models.Case, repository.cases(condition(filter)), CASE_ORDERS[order], first, after)

    @resolver(
        description="Cases counted and summed; most money at risk first. Without `groupBy`, one row.",
        graphql_type=list[CaseSummary],
    )
    @staticmethod
    async def case_summary(
        info: Info,
        group_by: Annotated[
            list[CaseDimension], strawberry.argument(description="What to count by; each at most once.")
        ],
        filter: CaseFilterArgument = UNSET,  # noqa: A002  # the argument's name in GraphQL
    ) -> list[CaseSummaryRow]:
        if len(set(group_by)) != len(group_by):
            raise ArgumentError("`groupBy` names a dimension twice.")
        chosen = condition(filter)
        return await info.context.read(lambda session: repository.case_summary(session, group_by, chosen))
