"""`districts`, `exchangePoints`, `feeders`, `transformers`, `transformer`, and the energy balances."""

from __future__ import annotations

from typing import Final

import strawberry
from strawberry import UNSET

from graphql_api.aggregates import PERIOD
from graphql_api.compiler.arguments import Lookup, LookupReader, PageReader
from graphql_api.connections import Connection
from graphql_api.fields import root_many, root_one
from graphql_api.filters import plain_text
from graphql_api.ids import key_of, parse_number
from graphql_api.network.readers import FEEDER_BALANCES, TRANSFORMER_BALANCES
from graphql_api.network.types import (
    DistributionTransformer,
    District,
    ExchangePoint,
    Feeder,
    FeederBalance,
    TransformerBalance,
)
from graphql_api.parameters import argument
from tarazu.network import repository

_TRANSFORMER: Final = LookupReader(
    (
        Lookup("id", lambda value: parse_number(key_of(value, "DistributionTransformer")), "id"),
        Lookup("code", lambda value: plain_text(value, "code"), "code"),
    )
)


@strawberry.type
class NetworkQueries:
    districts: Connection[District] = root_many(
        PageReader({UNSET: repository.DISTRICT_ORDER}), "Districts, a page of them."
    )
    exchange_points: Connection[ExchangePoint] = root_many(
        PageReader({UNSET: repository.EXCHANGE_POINT_ORDER}), "Exchange points, a page of them."
    )
    feeders: Connection[Feeder] = root_many(
        PageReader({UNSET: repository.FEEDER_ORDER}), "Feeders, a page of them."
    )
    transformers: Connection[DistributionTransformer] = root_many(
        PageReader({UNSET: repository.TRANSFORMER_ORDER}), "Distribution transformers, a page of them."
    )
    transformer: DistributionTransformer | None = root_one(
        _TRANSFORMER,
        "The transformer of an id or a code; give one of them. Null where there is none.",
        argument("id", strawberry.ID | None, "Global id of the transformer."),
        argument("code", str | None, "The company's code."),
    )
    transformer_balances: Connection[TransformerBalance] = root_many(
        TRANSFORMER_BALANCES,
        "What transformers delivered in a period against what was billed behind them, the largest difference first; those "
        "that measured nothing last.",
        *PERIOD,
        argument("transformer", str | None, "Only the transformer with this code."),
        argument("feeder", str | None, "Only transformers on the feeder with this code."),
    )
    feeder_balances: Connection[FeederBalance] = root_many(
        FEEDER_BALANCES,
        "The balances of transformers summed by feeder, the largest difference first; those without a measurement last.",
        *PERIOD,
        argument("feeder", str | None, "Only the feeder with this code."),
    )
