"""What the rows of a bucket say anything of. A source that never says a thing must not pass for one without faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from rules.batch import INVOICE_KINDS, QUALITIES, QUANTITIES

if TYPE_CHECKING:
    from etl.lake.tables import BucketTables

_STATUS_DAYS = ("cut_from", "vacant_from", "seasonal_from", "generation_from")


def bucket_facts(tables: BucketTables) -> list[str]:
    """Of the needs of signals (`rules.signals.registry.Need`) those that these tables meet, sorted."""
    points, bills, events, intervals = tables.points, tables.bills, tables.events, tables.intervals
    has_energy = _any(pc.equal(intervals.column("quantity"), QUANTITIES.index("active_energy_kwh")))
    of_phase = pc.greater(intervals.column("phase"), 0)
    told = {
        "bills": len(bills) > 0,
        "panel": len(bills) > 0 or has_energy,
        "peers": len(bills) > 0 or has_energy,
        "events": len(events) > 0,
        "payables": _any(pc.greater_equal(bills.column("payable_rial"), 0)),
        "bill_ids": _any(pc.greater_equal(bills.column("bill_id"), 0)),
        "registers": _any(pc.invert(pc.is_null(bills.column("current_index"), nan_is_null=True))),
        "period_starts": _any(pc.invert(bills.column("is_start_derived"))),
        "inspections": len(tables.inspections) > 0,
        "inspection_notes": _any(pc.not_equal(tables.inspections.column("note"), "")),
        "export_registers": len(tables.exports) > 0,
        "interval_energy": has_energy,
        "phase_currents": _any(
            pc.and_(of_phase, pc.equal(intervals.column("quantity"), QUANTITIES.index("current_a")))
        ),
        "phase_voltages": _any(
            pc.and_(of_phase, pc.equal(intervals.column("quantity"), QUANTITIES.index("voltage_v")))
        ),
        "issue_days": _told(bills, "issued_on"),
        "sibling_registers": _any(pc.greater(bills.column("registers"), 0)),
        "revisions": _any(pc.equal(bills.column("kind"), INVOICE_KINDS.index("revised"))),
        "self_reads": _any(pc.equal(bills.column("quality"), QUALITIES.index("self_read"))),
        "contracts": _told(points, "contracted_power_kw"),
        "licences": _told(points, "licence_expires_on"),
        "unallocated_payments": _any(pc.greater(points.column("unallocated_rial"), 0)),
        "collection_steps": _any(pc.greater_equal(points.column("step_kind"), 0)),
        "instalments": _any(pc.greater(points.column("instalment_rial"), 0)),
        "reactive": _told(bills, "reactive_kvarh"),
        "demands": _told(bills, "read_demand_kw"),
        "calculated_demands": _told(bills, "calculated_demand_kw"),
        "loss_factors": _told(bills, "loss_factor"),
        "energy_charges": _told(bills, "energy_rial"),
        "charges": _told(bills, "taxable_rial"),
        "vat_charges": _told(bills, "vat_rial"),
        "balance_lines": _told(bills, "balance_rial"),
        "exceedance_charges": _told(bills, "exceedance_rial"),
        "statuses": any(points.column(name).null_count < len(points) for name in _STATUS_DAYS),
    }
    return sorted(fact for fact, is_told in told.items() if is_told)


def _told(table: pa.Table, name: str) -> bool:
    known: int = len(table) - table.column(name).null_count
    return known > 0


def _any(flags: pa.ChunkedArray) -> bool:
    return bool(pc.any(flags, min_count=0).as_py())
