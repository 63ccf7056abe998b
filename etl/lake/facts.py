"""What the rows of a bucket say anything of. A source that never says a thing must not pass for one without faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from rules.batch import QUANTITIES

if TYPE_CHECKING:
    from etl.lake.tables import BucketTables

_STATUS_DAYS = ("cut_from", "vacant_from", "seasonal_from", "generation_from")


def bucket_facts(tables: BucketTables) -> list[str]:
    """Of the needs of signals (`rules.signals.registry.Need`) those that these tables meet, sorted."""
    points, bills, events, intervals = tables.points, tables.bills, tables.events, tables.intervals
    of_phase = pc.greater(intervals.column("phase"), 0)
    told = {
        "bills": len(bills) > 0,
        "panel": len(bills) > 0,
        "peers": len(bills) > 0,
        "events": len(events) > 0,
        "payables": _any(pc.greater_equal(bills.column("payable_rial"), 0)),
        "bill_ids": _any(pc.greater_equal(bills.column("bill_id"), 0)),
        "registers": _any(pc.invert(pc.is_null(bills.column("current_index"), nan_is_null=True))),
        "period_starts": _any(pc.invert(bills.column("is_start_derived"))),
        "contracts": points.column("contracted_power_kw").null_count < len(points),
        "reactive": bills.column("reactive_kvarh").null_count < len(bills),
        "demands": bills.column("read_demand_kw").null_count < len(bills),
        "licences": points.column("licence_expires_on").null_count < len(points),
        "inspections": len(tables.inspections) > 0,
        "inspection_notes": _any(pc.not_equal(tables.inspections.column("note"), "")),
        "export_registers": len(tables.exports) > 0,
        "interval_energy": _any(
            pc.equal(intervals.column("quantity"), QUANTITIES.index("active_energy_kwh"))
        ),
        "phase_currents": _any(
            pc.and_(of_phase, pc.equal(intervals.column("quantity"), QUANTITIES.index("current_a")))
        ),
        "phase_voltages": _any(
            pc.and_(of_phase, pc.equal(intervals.column("quantity"), QUANTITIES.index("voltage_v")))
        ),
        "statuses": any(points.column(name).null_count < len(points) for name in _STATUS_DAYS),
    }
    return sorted(fact for fact, is_told in told.items() if is_told)


def _any(flags: pa.ChunkedArray) -> bool:
    return bool(pc.any(flags, min_count=0).as_py())
