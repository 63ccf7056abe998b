"""District, ExchangePoint, Feeder, DistributionTransformer with its measured energy, and balances."""

from __future__ import annotations

import datetime as dt

import strawberry

from graphql_api.cases.filters import CaseFilter
from graphql_api.compiler.mapping import by_key
from graphql_api.connections import Connection
from graphql_api.fields import CASE_GUARDS, column, jalali, many, one
from graphql_api.refs import CaseRef, DistributionTransformerRef, FeederRef, UsagePointRef
from graphql_api.rows import Node, Row
from tarazu import models
from tarazu.cases.fields import case_fields
from tarazu.cases.repository import CASES_NEWEST_FIRST
from tarazu.metering.repository import USAGE_POINT_ORDER
from tarazu.network import repository
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

_CODE = "The company's code; unique."
_NAME = "The name as the source writes it."


@strawberry.type(description="A distribution district («امور برق»): the scope of offices and officers.")
class District(Node, model=models.District, scope=row_scope.district, requires=Permission.READ_NETWORK):
    code: str = column(_CODE)
    name: str | None = column(_NAME)
    usage_points: Connection[UsagePointRef] = many(
        models.District.usage_points, USAGE_POINT_ORDER, "Usage points of the district."
    )
    transformers: Connection[DistributionTransformerRef] = many(
        models.District.transformers, repository.TRANSFORMER_ORDER, "Transformers of the district."
    )


@strawberry.type(
    description="Where the company takes energy over from the transmission grid («نقطه تبادل انرژی»)."
)
class ExchangePoint(
    Node,
    model=models.ExchangePoint,
    scope=row_scope.exchange_point,
    requires=Permission.READ_NETWORK,
):
    code: str = column(_CODE)
    name: str | None = column(_NAME)
    feeders: Connection[FeederRef] = many(
        models.ExchangePoint.feeders, repository.FEEDER_ORDER, "Feeders that begin here."
    )


@strawberry.type(description="A medium-voltage feeder («فیدر»).")
class Feeder(Node, model=models.Feeder, scope=row_scope.feeder, requires=Permission.READ_NETWORK):
    code: str = column(_CODE)
    name: str | None = column(_NAME)
    exchange_point: ExchangePoint | None = one(
        models.Feeder.exchange_point,
        "Where the feeder takes its energy; null where the source does not say.",
    )
    transformers: Connection[DistributionTransformerRef] = many(
        models.Feeder.transformers, repository.TRANSFORMER_ORDER, "Transformers on the feeder."
    )


@strawberry.type(description="Energy that a transformer's own meter measured in a period.")
class TransformerEnergy(
    Row,
    model=models.TransformerEnergy,
    scope=row_scope.of_transformer,
    requires=Permission.READ_NETWORK,
):
    period_start: dt.date = column("First day of the period.")
    period_start_jalali: str | None = jalali("period_start")
    period_end: dt.date = column("First day after the period.")
    period_end_jalali: str | None = jalali("period_end")
    delivered_kwh: float = column("Energy delivered to the low-voltage side, kWh.")


@strawberry.type(description="The last transformer before the customers («ترانس توزیع»).")
class DistributionTransformer(
    Node,
    model=models.DistributionTransformer,
    scope=row_scope.by_district,
    requires=Permission.READ_NETWORK,
):
    code: str = column(_CODE)
    name: str | None = column(_NAME)
    rated_power_kva: float | None = column("Rated power, kVA.")
    feeder: Feeder | None = one(
        models.DistributionTransformer.feeder,
        "The feeder it hangs on; null where the source does not say.",
    )
    district: District | None = one(
        models.DistributionTransformer.district, "Its district; null where the source does not say."
    )
    energies: Connection[TransformerEnergy] = many(
        models.DistributionTransformer.energies,
        repository.TRANSFORMER_ENERGY_ORDER,
        "Energy its own meter measured, the latest period first.",
    )
    usage_points: Connection[UsagePointRef] = many(
        models.DistributionTransformer.usage_points, USAGE_POINT_ORDER, "Usage points it feeds."
    )
    cases: Connection[CaseRef] = many(
        models.DistributionTransformer.cases,
        CASES_NEWEST_FIRST,
        "Cases about its energy balance, the newest first.",
        filter_type=CaseFilter,
        fields=case_fields,
        guards=CASE_GUARDS,
    )


@strawberry.type
class _Balance(Row):
    """What balances of transformers and of feeders have alike."""

    delivered_kwh: float | None = column(
        "Energy that transformers' own meters measured in the period, kWh; null where none did."
    )
    billed_kwh: float = column("Energy billed to the points behind in the period, kWh.")
    difference_kwh: float | None = column(
        "Delivered less billed, of transformers that measured, kWh; null where none did. Losses of the lines are in it."
    )
    difference_percent: float | None = column("The difference in percent of what was delivered.")
    measured_share: float = column("Share of the period's days that the meters cover, 0 to 1.")
    billed_share: float | None = column(
        "Share of the points' days that invoices cover, 0 to 1; null without points. Below 1 the difference is too large."
    )
    usage_point_count: int = column("Electricity points behind.")
    billed_point_count: int = column("Points with an invoice in the period.")


@strawberry.type(
    name="TransformerBalanceRow",
    description="What a transformer delivered in a period against what was billed behind it.",
)
class TransformerBalance(_Balance, scope=row_scope.of_parent, requires=Permission.READ_NETWORK):
    transformer: DistributionTransformer = one(
        by_key("transformer_id", models.DistributionTransformer), "The transformer."
    )


@strawberry.type(
    name="FeederBalanceRow",
    description="The sums of the balances of a feeder's transformers in the reader's scope.",
)
class FeederBalance(_Balance, scope=row_scope.of_parent, requires=Permission.READ_NETWORK):
    transformer_count: int = column("Its transformers.")
    measured_transformer_count: int = column("Those of them that measured in the period.")
    feeder: Feeder = one(by_key("feeder_id", models.Feeder), "The feeder.")
