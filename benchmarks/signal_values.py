"""Whether the kernels and the anchor give the same signals: presence, every field, and the invoice that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from rules.batch import PointBatch
from rules.signals import all_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rules.facts import SignalTable

RELATIVE, ABSOLUTE = 1e-6, 1e-3
_NO_INVOICE: Final = -1
# What a kernel says where a signal is present and yet shows nothing: no bill with faulty ids, no day of one.
_NOTHING: Final = 0


def differences(table: SignalTable, expected: pa.Table) -> list[str]:
    """One line for each signal and field of one batch that differ, with the first points that do.

    `expected` is the anchor's table, sorted by point, of all points; columns that it lacks count as different.
    """
    assert isinstance(table.batch, PointBatch)
    ids = table.batch.usage_point_id
    at = np.searchsorted(expected.column("usage_point_id").to_numpy(), ids)
    rows = expected.take(pa.array(at))
    found = [] if np.array_equal(rows.column("usage_point_id").to_numpy(), ids) else ["points"]
    for signal in table.values:
        for name, wrong in _of_signal(table, signal, rows):
            if wrong.any():
                found.append(f"{name} of {int(wrong.sum())} points: {ids[wrong][:5].tolist()}")
    return found


def _of_signal(table: SignalTable, signal: str, rows: pa.Table) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """(signal or field, (points,) whether they differ)."""
    values, names = table.values[signal], list(all_signals()[signal].fields)
    present = values.present
    if not names:
        yield signal, present != rows.column(signal).to_numpy()
        return
    # The first field is known wherever the signal is present.
    yield signal, present != rows.column(f"{signal}_{names[0]}").is_valid().to_numpy()
    for name in names:
        ours = table.column(signal, name).astype(np.float64)
        theirs = _numbers(rows.column(f"{signal}_{name}"), _NOTHING)
        yield f"{signal}.{name}", present & ~_are_close(ours, theirs)
    if values.invoice_id is not None:
        theirs = _numbers(rows.column(f"{signal}_invoice_id"), _NO_INVOICE)
        yield f"{signal}.invoice_id", present & (values.invoice_id != theirs)


def _are_close(ours: NDArray[np.float64], theirs: NDArray[Any]) -> NDArray[np.bool_]:
    close: NDArray[np.bool_] = np.abs(ours - theirs) <= np.maximum(ABSOLUTE, RELATIVE * np.abs(theirs))
    return close


def _numbers(column: pa.ChunkedArray, missing: int) -> NDArray[Any]:
    """A date as the number of its day, a decimal sum as float64."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    if not pa.types.is_floating(column.type):
        column = column.cast(pa.int64())
    numbers: NDArray[Any] = column.fill_null(missing).to_numpy()
    return numbers
