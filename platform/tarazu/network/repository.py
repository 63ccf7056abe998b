"""Orders of lists of the network."""

from __future__ import annotations

import datetime as dt
from typing import Final

from tarazu.paging import Order

DISTRICT_ORDER: Final = Order("district", ("id",), (int,))
EXCHANGE_POINT_ORDER: Final = Order("exchange_point", ("id",), (int,))
FEEDER_ORDER: Final = Order("feeder", ("id",), (int,))
TRANSFORMER_ORDER: Final = Order("transformer", ("id",), (int,))
TRANSFORMER_ENERGY_ORDER: Final = Order(
    "transformer_energy", ("period_start", "id"), (dt.date, int), descending=True
)
# By the whole kWh that are missing, most first; `RANK_UNMEASURED` stands for what was not measured.
TRANSFORMER_BALANCE_ORDER: Final = Order(
    "transformer_balance", ("rank_kwh", "transformer_id"), (int, int), descending=True
)
FEEDER_BALANCE_ORDER: Final = Order(
    "feeder_balance", ("rank_kwh", "feeder_id"), (int, int), descending=True
)
