"""What a signal is. A kernel and its declaration stand together; nothing else says what a signal means.

    @signal(
        name="zero_run", subject="usage_point", …
        fields={"months": Field("month", "length of the run of zero months that lasts until now")},
    )
    def zero_run(batch: PointBatch) -> SignalValues: …

A kernel returns, for each subject of the batch, whether the signal is present and its fields. Absent means the
data do not allow the value (`missing` says when), or that the circumstance is not there; a condition on an absent
signal is never true.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Unit = Literal[
    "kWh",
    "kWh/day",
    "rial",
    "percent",
    "month",
    "day",
    "date",
    "count",
    "factor",
    "units",
    "kW",
    "hour",
    "minute",
    "kvarh",
    "V",
    "second",
    "code",
]
SubjectKind = Literal["usage_point", "transformer", "customer", "reading_agent"]
Need = Literal[
    "bills",
    "panel",
    "events",
    "peers",
    "transformer_energy",
    "payables",
    "statuses",
    "bill_ids",
    "registers",
    "period_starts",
    "contracts",
    "reactive",
    "demands",
    "licences",
    "inspections",
    "inspection_notes",
    "export_registers",
    "interval_energy",
    "phase_currents",
    "phase_voltages",
    "issue_days",
    "sibling_registers",
    "revisions",
    "self_reads",
    "unallocated_payments",
    "collection_steps",
    "instalments",
    "calculated_demands",
    "loss_factors",
    "energy_charges",
    "charges",
    "vat_charges",
    "balance_lines",
    "exceedance_charges",
    "step_tariff",
    "visits",
    "visit_routes",
    "visit_results",
    "visit_times",
    "visit_positions",
    "visit_photos",
    "visit_corrections",
]


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a signal: its unit and what it means, in English and Persian.

    A `code` is a text that names something, such as a transformer: sentences and evidence show it, no condition compares it.
    """

    unit: Unit
    en: str
    fa: str


@dataclass(frozen=True, slots=True)
class SignalValues:
    """`present` (subjects,) bool; each of `fields` (subjects,) float64, int64 or, of a code, str; undefined where not
    present.

    `invoice_id` (subjects,) int64 names the bill that shows it best, -1 for none.
    """

    present: NDArray[np.bool_]
    fields: dict[str, NDArray[Any]]
    invoice_id: NDArray[np.int64] | None = None


def absent(batch: Sized) -> SignalValues:
    """The signal is present for no subject of the batch."""
    return SignalValues(np.zeros(len(batch), np.bool_), {})


@dataclass(frozen=True, slots=True)
class Signal:
    name: str
    subject: SubjectKind
    title_en: str
    title_fa: str
    fields: dict[str, Field]
    formula: str
    missing: str
    source: str
    needs: tuple[Need, ...]
    kernel: Callable[[Any], SignalValues]


_REGISTRY: dict[str, Signal] = {}


def signal(
    *,
    name: str,
    subject: SubjectKind,
    title_en: str,
    title_fa: str,
    fields: dict[str, Field],
    formula: str,
    missing: str,
    source: str,
    needs: tuple[Need, ...],
) -> Callable[[Callable[[Any], SignalValues]], Callable[[Any], SignalValues]]:
    """Register the decorated kernel as the signal `name`.

    Raises:
        ValueError: the name is taken, or a field has a name that the engine reserves.
    """

    def register(kernel: Callable[[Any], SignalValues]) -> Callable[[Any], SignalValues]:
        if name in _REGISTRY:
            raise ValueError(f"the signal {name!r} is declared twice")
        if reserved := {"id", "sid", "signal"} & fields.keys():
            raise ValueError(f"the signal {name!r} has fields with reserved names: {sorted(reserved)}")
        _REGISTRY[name] = Signal(
            name, subject, title_en, title_fa, fields, formula, missing, source, needs, kernel
        )
        return kernel

    return register


def all_signals() -> dict[str, Signal]:
    """All declared signals by name (importing `rules.signals` declares them)."""
    return dict(_REGISTRY)
