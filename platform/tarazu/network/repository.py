"""Reads of districts and of the network down to the transformer."""

from __future__ import annotations

import datetime as dt
from typing import Final

from tarazu.fetching import ByKey, Children
from tarazu.models import DistributionTransformer, District, ExchangePoint, Feeder, TransformerEnergy
from tarazu.paging import Order

districts_by_id: Final = ByKey(District, District.id)
feeders_by_id: Final = ByKey(Feeder, Feeder.id)
transformers_by_id: Final = ByKey(DistributionTransformer, DistributionTransformer.id)
exchange_points_by_id: Final = ByKey(ExchangePoint, ExchangePoint.id)

_TRANSFORMER_ORDER: Final = Order("transformer", ("id",), (int,))
feeders_of_exchange_points: Final = Children(
    Feeder, Feeder.exchange_point_id, Order("feeder", ("id",), (int,))
)
transformers_of_feeders: Final = Children(
    DistributionTransformer, DistributionTransformer.feeder_id, _TRANSFORMER_ORDER
)
transformers_of_districts: Final = Children(
    DistributionTransformer, DistributionTransformer.district_id, _TRANSFORMER_ORDER
)
energies_of_transformers: Final = Children(
    TransformerEnergy,
    TransformerEnergy.transformer_id,
    Order("transformer_energy", ("period_start", "id"), (dt.date, int), descending=True),
)
