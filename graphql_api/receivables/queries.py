"""`debtors`, `debtSummary`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import strawberry
from strawberry import UNSET

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, window
from graphql_api.context import Info
from graphql_api.errors import ArgumentError
from graphql_api.fields import resolver
from graphql_api.filters import plain_text
from graphql_api.receivables.types import Debtor, DebtSummary
from graphql_api.scalars import Rial
from tarazu.database import ReadSession
from tarazu.models.enums import Sector, TariffClass
from tarazu.paging import Page
from tarazu.receivables import repository
from tarazu.receivables.ageing import AgeBucket
from tarazu.receivables.repository import (
    DEBTOR_ORDERS,
    DebtDimension,
    DebtFilter,
    DebtorFilter,
    DebtorKind,
    DebtorRow,
    DebtSummaryRow,
)

SectorArgument = Annotated[
    Sector | None, strawberry.argument(description="Only debts of customers of this sector.")
]
DistrictArgument = Annotated[
    str | None, strawberry.argument(description="Only debts of usage points of the district with this code.")
]
TariffClassArgument = Annotated[
    TariffClass | None, strawberry.argument(description="Only invoices of periods with this class in force.")
]
AsOf = Annotated[
    dt.date | None,
    strawberry.argument(
        description=(
            "The day for which debts are computed, from invoices issued and payments made until then; "
            "without it, today."
        )
    ),
]

_NOTHING: Final = Rial(0)


def _debts(sector: Sector | None, district: str | None, tariff_class: TariffClass | None) -> DebtFilter:
    return DebtFilter(
        sector=sector or None,
        district_code=plain_text(district, "district") if district else None,
        tariff_class=tariff_class or None,
    )


@strawberry.type
class ReceivablesQueries:
    @resolver(description="Who owes, most overdue first.", graphql_type=Connection[Debtor])
    @staticmethod
    def debtors(
        info: Info,
        by: Annotated[
            DebtorKind,
            strawberry.argument(
                description="Whether a row is a customer at one usage point, or a customer with all points."
            ),
        ] = DebtorKind.USAGE_POINT,
        sector: SectorArgument = UNSET,
        district: DistrictArgument = UNSET,
        tariff_class: TariffClassArgument = UNSET,
        age_bucket: Annotated[
            AgeBucket | None,
            strawberry.argument(description="Only debtors whose oldest unpaid invoice is of this age."),
        ] = UNSET,
        min_overdue_rial: Annotated[
            Rial, strawberry.argument(description="Only debtors with at least this much overdue, rial.")
        ] = _NOTHING,
        as_of: AsOf = UNSET,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[DebtorRow]:
        order = DEBTOR_ORDERS[by]
        cut = window(info, order, first, after)
        day = as_of or info.context.today
        debts = _debts(sector, district, tariff_class)
        who = DebtorFilter(age_bucket=age_bucket or None, min_overdue_rial=int(min_overdue_rial))

        async def page(session: ReadSession) -> Page[DebtorRow]:
            return await repository.debtors(session, day, by, cut, debts, who)

        async def length(session: ReadSession) -> int:
            return await repository.debtor_count(session, day, by, debts, who)

        return ConnectionOf(order, cut, lambda: info.context.read(page), lambda: info.context.read(length))

    @resolver(
        description="Debts summed by sector, district, tariff class or age; the largest group first.",
        graphql_type=list[DebtSummary],
    )
    @staticmethod
    async def debt_summary(
        info: Info,
        group_by: Annotated[
            list[DebtDimension],
            strawberry.argument(
                description="What to sum by; each at most once. Empty: one row with all debts."
            ),
        ],
        sector: SectorArgument = UNSET,
        district: DistrictArgument = UNSET,
        tariff_class: TariffClassArgument = UNSET,
        as_of: AsOf = UNSET,
    ) -> list[DebtSummaryRow]:
        if len(set(group_by)) != len(group_by):
            raise ArgumentError("`groupBy` names a dimension twice.")
        day = as_of or info.context.today
        debts = _debts(sector, district, tariff_class)
        return await info.context.read(lambda session: repository.debt_summary(session, day, group_by, debts))
