"""Writing and reading one bucket of the lake."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl.lake.panel import daily_use, interval_use
from rules.areas import AreaPoints
from rules.batch import (
    NO_DAY,
    QUANTITIES,
    Bills,
    Events,
    ExportReadings,
    Inspections,
    Intervals,
    PeerGroups,
    PointBatch,
    day_number,
    month_starts,
)
from tarazu.text import search_key

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from etl.lake.tables import BucketTables
    from rules.site import Site

POINTS_FILE, BILLS_FILE, EVENTS_FILE = "points.parquet", "bills.parquet", "events.parquet"
# Small or empty in most buckets: as Arrow files, which open twenty times as fast as Parquet.
INSPECTIONS_FILE, EXPORTS_FILE, INTERVALS_FILE = "inspections.arrow", "exports.arrow", "intervals.arrow"
# The unpaid bills once more, one in twenty: the first pass of a scan needs no others.
DEBTS_FILE = "debts.parquet"
_PANEL = "daily_kwh"
_ACTIVE_ENERGY = QUANTITIES.index("active_energy_kwh")
# lz4 reads three times as fast as zstd here and is a fifth larger; a scan reads far more often than it writes.
_COMPRESSION = "lz4"


def write_bucket(folder: Path, tables: BucketTables, *, last_month: int, months: int) -> None:
    """Write a bucket's files beside their place and move them there in one step."""
    points = tables.points.sort_by("usage_point_id")
    ids = _numpy(points, "usage_point_id")
    bills = _of_points(tables.bills, ids, "installation_id", "period_start", "invoice_id")
    panel = daily_use(
        _numpy(bills, "point"),
        _days(bills, "period_start"),
        _days(bills, "period_end"),
        _numpy(bills, "consumption_kwh"),
        rows=len(ids),
        last_month=last_month,
        months=months,
    )
    intervals = _of_points(tables.intervals, ids, "quantity", "phase", "second")
    panel = _with_intervals(panel, _numpy(bills, "point"), intervals, last_month)
    cells = pa.FixedSizeListArray.from_arrays(pa.array(panel.reshape(-1)), months)
    inspections = tables.inspections
    notes = pa.array([search_key(note or "") for note in inspections.column("note").to_pylist()], pa.string())
    inspections = inspections.set_column(inspections.schema.get_field_index("note"), "note", notes)
    files = {
        POINTS_FILE: points.drop_columns(["bucket_class"]).append_column(_PANEL, cells),
        BILLS_FILE: bills,
        DEBTS_FILE: bills.filter(pc.greater(bills.column("outstanding_rial"), 0)),
        EVENTS_FILE: _of_points(tables.events, ids, "day"),
        INSPECTIONS_FILE: _of_points(inspections, ids, "day", "outcome", "note"),
        EXPORTS_FILE: _of_points(tables.exports, ids, "installation_id", "day", "index_kwh"),
        INTERVALS_FILE: intervals,
    }

    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, table in files.items():
        path = temporary / name
        _write(_filled(table), path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)


def _with_intervals(
    panel: NDArray[np.float32], billed: NDArray[np.int32], intervals: pa.Table, last_month: int
) -> NDArray[np.float32]:
    """The panel with what meters recorded by interval where a point has no bill at all.

    Bills stay what months are judged by: where there are some, a month that nobody billed is unknown, not small.
    """
    rows, months = panel.shape
    metered = np.ones(rows, np.bool_)
    metered[billed] = False
    if not len(intervals) or not metered.any():
        return panel
    point = _numpy(intervals, "point")
    chosen = metered[point] & (_numpy(intervals, "quantity") == _ACTIVE_ENERGY)
    chosen &= (_numpy(intervals, "phase") == 0) & (_numpy(intervals, "duration_minutes") > 0)
    use = interval_use(
        point[chosen],
        _numpy(intervals, "second")[chosen],
        _numpy(intervals, "duration_minutes")[chosen],
        _numpy(intervals, "value")[chosen],
        rows=rows,
        last_month=last_month,
        months=months,
    )
    return np.where(metered[:, None], use, panel)


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".arrow":
        options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION)
        with pa.ipc.new_file(str(path), table.schema, options=options) as out:
            out.write_table(table.combine_chunks())
    else:
        pq.write_table(table, path, compression=_COMPRESSION, use_dictionary=False, write_statistics=False)


def _filled(table: pa.Table) -> pa.Table:
    """A missing float is NaN, as in the panel; columns without missing values say so, and read a fifth quicker."""
    columns, fields = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        whole = pc.fill_null(column, float("nan")) if pa.types.is_floating(field.type) else column
        columns.append(whole)
        fields.append(field.with_nullable(whole.null_count > 0))
    return pa.table(columns, schema=pa.schema(fields))


def _of_points(table: pa.Table, ids: NDArray[np.int64], *keys: str) -> pa.Table:
    """The rows of known points in the order of the points and `keys`; `point`, their points' rows, comes first."""
    if len(ids):
        owner = _numpy(table, "usage_point_id")
        row = np.minimum(np.searchsorted(ids, owner), len(ids) - 1)
        known = ids[row] == owner
        if not known.all():
            table, row = table.filter(pa.array(known)), row[known]
        order = pc.sort_indices(
            table, sort_keys=[("usage_point_id", "ascending"), *((key, "ascending") for key in keys)]
        )
        table, row = table.take(order), row[order.to_numpy()].astype(np.int32)
    else:
        table, row = table.slice(0, 0), np.empty(0, np.int32)
    return table.drop_columns(["bucket_class", "usage_point_id"]).add_column(0, "point", pa.array(row))


def read_bucket(
    folder: Path,
    *,
    last_month: int,
    bucket_last_month: int,
    as_of: dt.date,
    site: Site,
    peers: PeerGroups | None = None,
    only_debts: bool = False,
) -> PointBatch:
    """A bucket as arrays; its panel is moved so that the last column is `last_month`.

    With `only_debts` the bills are the unpaid ones, and there are no events, export readings and intervals: the first
    pass needs no more.
    """
    points = _read(folder / POINTS_FILE)
    bills = _read(folder / (DEBTS_FILE if only_debts else BILLS_FILE))
    events, inspections, exports, intervals = (
        _read(folder / name) for name in (EVENTS_FILE, INSPECTIONS_FILE, EXPORTS_FILE, INTERVALS_FILE)
    )
    if only_debts:
        events, exports, intervals = (table.slice(0, 0) for table in (events, exports, intervals))
    today = day_number(as_of)
    count = len(points)
    cut_from, cut_to = _days(points, "cut_from"), _days(points, "cut_to")
    has_ended = (cut_to != NO_DAY) & (cut_to <= today)
    column = points.column(_PANEL).combine_chunks()
    months = column.type.list_size
    panel = column.values.to_numpy(zero_copy_only=False).reshape(count, months)
    bill_point = _numpy(bills, "point")
    offsets = np.searchsorted(bill_point, np.arange(count + 1)).astype(np.int64)
    return PointBatch(
        usage_point_id=_numpy(points, "usage_point_id"),
        subscription_no=_Texts(points.column("subscription_no")),
        district_id=_numpy(points, "district_id"),
        customer_id=_numpy(points, "customer_id"),
        customer_no=_Texts(points.column("customer_no")),
        party_id=_numpy(points, "party_id"),
        transformer_id=_numpy(points, "transformer_id"),
        tariff_class=_numpy(points, "tariff_class").astype(np.int8),
        contracted_power_kw=_numpy(points, "contracted_power_kw"),
        is_government=_numpy(points, "is_government"),
        disconnected_on=np.where(_in_force(cut_from, cut_to, today), cut_from, NO_DAY),
        vacant_from=_days(points, "vacant_from"),
        vacant_to=_days(points, "vacant_to"),
        is_seasonal=_in_force(_days(points, "seasonal_from"), _days(points, "seasonal_to"), today),
        has_generation=_in_force(_days(points, "generation_from"), _days(points, "generation_to"), today),
        meter_since=_days(points, "meter_since"),
        energised_on=_days(points, "energised_on"),
        reconnected_on=np.where(has_ended, cut_to, NO_DAY),
        terms_since=_days(points, "terms_since"),
        unallocated_rial=_numpy(points, "unallocated_rial"),
        unallocated_since=_days(points, "unallocated_since"),
        step_kind=_numpy(points, "step_kind").astype(np.int8),
        step_on=_days(points, "step_on"),
        instalment_due_on=_days(points, "instalment_due_on"),
        instalment_rial=_numpy(points, "instalment_rial"),
        daily_kwh=shift_panel(panel, last_month - bucket_last_month),
        last_month=last_month,
        bills=Bills(
            point=bill_point,
            offsets=offsets,
            invoice_id=_numpy(bills, "invoice_id"),
            installation_id=_numpy(bills, "installation_id"),
            period_start=_days(bills, "period_start"),
            period_end=_days(bills, "period_end"),
            is_start_derived=_numpy(bills, "is_start_derived"),
            due_on=_days(bills, "due_on"),
            quality=_numpy(bills, "quality").astype(np.int8),
            previous_index=_numpy(bills, "previous_index"),
            current_index=_numpy(bills, "current_index"),
            multiplier=_numpy(bills, "multiplier"),
            installed_multiplier=_numpy(bills, "installed_multiplier"),
            register_digits=_numpy(bills, "register_digits").astype(np.int8),
            consumption_kwh=_numpy(bills, "consumption_kwh"),
            bands_kwh=_numpy(bills, "bands_kwh"),
            reactive_kvarh=_numpy(bills, "reactive_kvarh"),
            read_demand_kw=_numpy(bills, "read_demand_kw"),
            bill_id=_numpy(bills, "bill_id"),
            payment_id=_numpy(bills, "payment_id"),
            payable_rial=_numpy(bills, "payable_rial"),
            outstanding_rial=_numpy(bills, "outstanding_rial"),
            kind=_numpy(bills, "kind").astype(np.int8),
            issued_on=_days(bills, "issued_on"),
            paid_on=_days(bills, "paid_on"),
            registers=_numpy(bills, "registers").astype(np.int8),
            calculated_demand_kw=_numpy(bills, "calculated_demand_kw"),
            loss_factor=_numpy(bills, "loss_factor"),
            energy_rial=_numpy(bills, "energy_rial"),
            demand_rial=_numpy(bills, "demand_rial"),
            taxable_rial=_numpy(bills, "taxable_rial"),
            vat_rial=_numpy(bills, "vat_rial"),
            rounding_rial=_numpy(bills, "rounding_rial"),
            balance_rial=_numpy(bills, "balance_rial"),
            exceedance_rial=_numpy(bills, "exceedance_rial"),
            licence_rial=_numpy(bills, "licence_rial"),
        ),
        events=Events(_numpy(events, "point"), _days(events, "day"), _numpy(events, "kind")),
        phase_count=_numpy(points, "phase_count").astype(np.int8),
        licence_expires_on=_days(points, "licence_expires_on"),
        inspections=Inspections(
            _numpy(inspections, "point"),
            _days(inspections, "day"),
            _numpy(inspections, "outcome").astype(np.int8),
            _numpy(inspections, "unregistered_kwh"),
            _Texts(inspections.column("note")),
        ),
        exports=ExportReadings(
            _numpy(exports, "point"),
            _numpy(exports, "installation_id"),
            _days(exports, "day"),
            _numpy(exports, "index_kwh"),
        ),
        intervals=Intervals(
            _numpy(intervals, "point"),
            _numpy(intervals, "quantity").astype(np.int8),
            _numpy(intervals, "phase").astype(np.int8),
            _numpy(intervals, "second"),
            _numpy(intervals, "duration_minutes"),
            _numpy(intervals, "value"),
        ),
        as_of=today,
        site=site,
        peers=peers,
    )


def read_area_points(
    folder: Path,
    transformer_id: NDArray[np.int64],
    *,
    bucket: int,
    last_month: int,
    bucket_last_month: int,
    months: int,
) -> AreaPoints:
    """Of a bucket the points behind those transformers (sorted ids), with what was billed in the last months."""
    columns = ["usage_point_id", "subscription_no", "transformer_id", _PANEL]
    points = pq.read_table(folder / POINTS_FILE, columns=columns, use_threads=False, memory_map=True)
    owner = _numpy(points, "transformer_id")
    at = np.minimum(np.searchsorted(transformer_id, owner), len(transformer_id) - 1)
    rows = np.flatnonzero(transformer_id[at] == owner)
    chosen = points.take(pa.array(rows))
    column = chosen.column(_PANEL).combine_chunks()
    size = column.type.list_size
    # A list that was taken starts where it starts: `values` would be those of all.
    panel = column.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), size)
    daily = shift_panel(panel, last_month - bucket_last_month)[:, -months:].astype(np.float64)
    return AreaPoints(
        usage_point_id=_numpy(chosen, "usage_point_id"),
        subscription_no=np.array(chosen.column("subscription_no").to_pylist(), np.str_),
        bucket=np.full(len(rows), bucket, np.int64),
        transformer_id=owner[rows],
        kwh=daily * np.diff(month_starts(last_month, daily.shape[1]))[None, :],
    )


class _Texts(Sequence[str]):
    """A column of texts; a scan looks at one in ten, so none becomes a Python string before."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column.combine_chunks()

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            some: list[str] = self._column[index].to_pylist()
            return some
        one: str = self._column[index].as_py()
        return one


def shift_panel(panel: NDArray[np.float32], months: int) -> NDArray[np.float32]:
    """The panel as seen `months` later: older columns leave, unknown ones come. Earlier: the other way round."""
    if months == 0:
        return panel
    shifted = np.full_like(panel, np.nan)
    if 0 < months < panel.shape[1]:
        shifted[:, :-months] = panel[:, months:]
    elif -panel.shape[1] < months < 0:
        shifted[:, -months:] = panel[:, :months]
    return shifted


def _in_force(start: NDArray[np.int32], end: NDArray[np.int32], today: int) -> NDArray[np.bool_]:
    in_force: NDArray[np.bool_] = (start != NO_DAY) & (start <= today) & ((end == NO_DAY) | (end > today))
    return in_force


def _read(path: Path) -> pa.Table:
    if path.suffix == ".arrow":
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()
    # Threads inside a task would fight with the other workers for the same cores.
    return pq.read_table(path, use_threads=False, memory_map=True)


def _numpy(table: pa.Table, name: str) -> NDArray[Any]:
    """A column as NumPy; a missing float is NaN. Other columns have no missing values."""
    array: NDArray[Any] = table.column(name).to_numpy()
    return array


def _days(table: pa.Table, name: str) -> NDArray[np.int32]:
    column = table.column(name).cast(pa.int32())
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(NO_DAY.item(), pa.int32()))
    days: NDArray[np.int32] = column.to_numpy()
    return days
