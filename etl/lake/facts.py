"""What the rows of a bucket say anything of. A source that never says a thing must not pass for one without faults."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_STATUS_DAYS = ("cut_from", "vacant_from", "seasonal_from", "generation_from")


def bucket_facts(points: pa.Table, bills: pa.Table, events: pa.Table) -> list[str]:
    """Of the needs of signals (`rules.signals.registry.Need`) those that these tables meet, sorted."""
    told = {
        "bills": len(bills) > 0,
        "panel": len(bills) > 0,
        "peers": len(bills) > 0,
        "events": len(events) > 0,
        "payables": _any(pc.greater_equal(bills.column("payable_rial"), 0)),
        "bill_ids": _any(pc.greater_equal(bills.column("bill_id"), 0)),
        "registers": _any(pc.invert(pc.is_null(bills.column("current_index"), nan_is_null=True))),
        "period_starts": _any(pc.invert(bills.column("is_start_derived"))),
        "statuses": any(points.column(name).null_count < len(points) for name in _STATUS_DAYS),
    }
    return sorted(fact for fact, is_told in told.items() if is_told)


def _any(flags: pa.ChunkedArray) -> bool:
    return bool(pc.any(flags, min_count=0).as_py())
