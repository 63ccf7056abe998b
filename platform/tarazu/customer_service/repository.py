"""Lists of customers, their agreements and tip-offs: orders, filters."""

from __future__ import annotations

import datetime as dt
from typing import Final

from tarazu.filtering import Columns, Field, column
from tarazu.paging import Order

CUSTOMER_ORDER: Final = Order("customer", ("id",), (int,))
AGREEMENT_ORDER: Final = Order("agreement", ("id",), (int,))
# The newest supply comes first: it says who has the point now.
SUPPLY_ORDER: Final = Order("supply", ("valid_from", "id"), (dt.date, int), descending=True)
# Its index is ix_tip_off_newest.
TIP_OFF_ORDER: Final = Order("tip_off", ("received_on", "tip_off_no"), (dt.date, int), descending=True)


def customer_fields(c: Columns) -> dict[str, Field]:
    """What customers can be filtered by."""
    return {name: column(c[name]) for name in ("kind", "sector", "customer_no")}
