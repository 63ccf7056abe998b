"""Lists of runs and of the rows that imports refused: their orders, and what they are filtered by."""

from __future__ import annotations

from typing import Final

from tarazu.filtering import Columns, Field, column
from tarazu.paging import Order

IMPORT_RUN_ORDER: Final = Order("import_run", ("id",), (int,), descending=True)
SCAN_RUN_ORDER: Final = Order("scan_run", ("id",), (int,), descending=True)
QUARANTINED_ROW_ORDER: Final = Order("quarantined_row", ("id",), (int,), descending=True)


def quarantined_row_fields(c: Columns) -> dict[str, Field]:
    """What refused rows can be filtered by."""
    return {name: column(c[name]) for name in ("mapping", "file", "entity", "column", "reason")}
