"""The lake's table of transformers: what their own meters saw, by calendar month. Small; written whole each time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from etl.lake.panel import spread
from rules.batch import month_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MONTHS = "delivered_kwh"


def write_transformers(path: Path, rows: pa.Table, *, last_month: int, months: int) -> None:
    """`rows`: transformer_id, code, district_id, feeder_id, period_start, period_end, delivered_kwh, sorted by transformer.

    A month counts only where the transformer's readings cover all of its days.
    """
    ids = rows.column("transformer_id").to_numpy()
    unique, first = np.unique(ids, return_index=True)
    measured = rows.filter(rows.column("period_start").is_valid())
    row = np.searchsorted(unique, measured.column("transformer_id").to_numpy()).astype(np.int32)
    total, days = spread(
        row,
        measured.column("period_start").cast(pa.int32()).to_numpy(),
        measured.column("period_end").cast(pa.int32()).to_numpy(),
        measured.column("delivered_kwh").to_numpy(),
        rows=len(unique),
        last_month=last_month,
        months=months,
    )
    whole = days == np.diff(month_starts(last_month, months))[None, :]
    cells = pa.FixedSizeListArray.from_arrays(pa.array(np.where(whole, total, np.nan).reshape(-1)), months)
    table = rows.select(["transformer_id", "code", "district_id", "feeder_id"]).take(pa.array(first))
    temporary = path.with_suffix(".tmp")
    pq.write_table(table.append_column(_MONTHS, cells), temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class TransformerTable:
    """All transformers, sorted by id. Arrays are (transformers,) but for `delivered_kwh`."""

    transformer_id: NDArray[np.int64]
    code: list[str]
    district_id: NDArray[np.int64]
    feeder_id: NDArray[np.int64]  # -1: unknown
    delivered_kwh: NDArray[np.float64]  # (transformers, months) of whole months, else NaN


def read_transformers(path: Path) -> TransformerTable:
    table = pq.read_table(path)
    column = table.column(_MONTHS).combine_chunks()
    return TransformerTable(
        transformer_id=table.column("transformer_id").to_numpy(),
        code=table.column("code").to_pylist(),
        district_id=table.column("district_id").to_numpy(),
        feeder_id=table.column("feeder_id").to_numpy(),
        delivered_kwh=column.values.to_numpy(zero_copy_only=False).reshape(len(table), column.type.list_size),
    )
