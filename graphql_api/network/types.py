"""District, ExchangePoint, Feeder, DistributionTransformer with its measured energy."""

from __future__ import annotations

import datetime as dt
from typing import Any

import strawberry
from strawberry import UNSET

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, children
from graphql_api.context import Info
from graphql_api.fields import jalali, resolver
from graphql_api.nodes import Node
from graphql_api.refs import CaseRef, DistributionTransformerRef, FeederRef, UsagePointRef
from tarazu import models
from tarazu.cases.repository import cases_of_transformers
from tarazu.metering.repository import usage_points_of_districts, usage_points_of_transformers
from tarazu.network import repository

_CODE = "The company's code; unique."
_NAME = "The name as the source writes it."


@strawberry.type(description="A distribution district («امور برق»): the scope of offices and officers.")
class District(Node, model=models.District, fetch=repository.districts_by_id):
    code: str = strawberry.field(description=_CODE)
    name: str | None = strawberry.field(description=_NAME)

    @resolver(description="Usage points of the district.", graphql_type=Connection[UsagePointRef])
    @staticmethod
    def usage_points(
        root: strawberry.Parent[models.District], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, usage_points_of_districts, root.id, first, after)

    @resolver(
        description="Transformers of the district.", graphql_type=Connection[DistributionTransformerRef]
    )
    @staticmethod
    def transformers(
        root: strawberry.Parent[models.District], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.transformers_of_districts, root.id, first, after)


@strawberry.type(
    description="Where the company takes energy over from the transmission grid («نقطه تبادل انرژی»)."
)
class ExchangePoint(Node, model=models.ExchangePoint, fetch=repository.exchange_points_by_id):
    code: str = strawberry.field(description=_CODE)
    name: str | None = strawberry.field(description=_NAME)

    @resolver(description="Feeders that begin here.", graphql_type=Connection[FeederRef])
    @staticmethod
    def feeders(
        root: strawberry.Parent[models.ExchangePoint],
        info: Info,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        return children(info, repository.feeders_of_exchange_points, root.id, first, after)


@strawberry.type(description="A medium-voltage feeder («فیدر»).")
class Feeder(Node, model=models.Feeder, fetch=repository.feeders_by_id):
    code: str = strawberry.field(description=_CODE)
    name: str | None = strawberry.field(description=_NAME)

    @resolver(
        description="Where the feeder takes its energy; null where the source does not say.",
        graphql_type=ExchangePoint | None,
    )
    @staticmethod
    async def exchange_point(
        root: strawberry.Parent[models.Feeder], info: Info
    ) -> models.ExchangePoint | None:
        if root.exchange_point_id is None:
            return None
        return await info.context.load(repository.exchange_points_by_id, root.exchange_point_id)

    @resolver(description="Transformers on the feeder.", graphql_type=Connection[DistributionTransformerRef])
    @staticmethod
    def transformers(
        root: strawberry.Parent[models.Feeder], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.transformers_of_feeders, root.id, first, after)


@strawberry.type(description="Energy that a transformer's own meter measured in a period.")
class TransformerEnergy:
    period_start: dt.date = strawberry.field(description="First day of the period.")
    period_start_jalali: str | None = jalali("period_start")
    period_end: dt.date = strawberry.field(description="First day after the period.")
    period_end_jalali: str | None = jalali("period_end")
    delivered_kwh: float = strawberry.field(description="Energy delivered to the low-voltage side, kWh.")


@strawberry.type(description="The last transformer before the customers («ترانس توزیع»).")
class DistributionTransformer(
    Node, model=models.DistributionTransformer, fetch=repository.transformers_by_id
):
    code: str = strawberry.field(description=_CODE)
    name: str | None = strawberry.field(description=_NAME)
    rated_power_kva: float | None = strawberry.field(description="Rated power, kVA.")

    @resolver(
        description="The feeder it hangs on; null where the source does not say.", graphql_type=Feeder | None
    )
    @staticmethod
    async def feeder(
        root: strawberry.Parent[models.DistributionTransformer], info: Info
    ) -> models.Feeder | None:
        if root.feeder_id is None:
            return None
        return await info.context.load(repository.feeders_by_id, root.feeder_id)

    @resolver(description="Its district; null where the source does not say.", graphql_type=District | None)
    @staticmethod
    async def district(
        root: strawberry.Parent[models.DistributionTransformer], info: Info
    ) -> models.District | None:
        if root.district_id is None:
            return None
        return await info.context.load(repository.districts_by_id, root.district_id)

    @resolver(
        description="Energy its own meter measured, the latest period first.",
        graphql_type=Connection[TransformerEnergy],
    )
    @staticmethod
    def energies(
        root: strawberry.Parent[models.DistributionTransformer],
        info: Info,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        return children(info, repository.energies_of_transformers, root.id, first, after)

    @resolver(description="Usage points it feeds.", graphql_type=Connection[UsagePointRef])
    @staticmethod
    def usage_points(
        root: strawberry.Parent[models.DistributionTransformer],
        info: Info,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        return children(info, usage_points_of_transformers, root.id, first, after)

    @resolver(
        description="Cases about its energy balance, the newest first.", graphql_type=Connection[CaseRef]
    )
    @staticmethod
    def cases(
        root: strawberry.Parent[models.DistributionTransformer],
        info: Info,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        return children(info, cases_of_transformers, root.id, first, after)
