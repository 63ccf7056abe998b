"""Households with half-hourly readings as a deployment sees them: bills by month, interval readings, transformers.

What a scan reads of them is written and read by the lake's own functions, and judged by the rules that ship.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from etl.lake.facts import bucket_facts
from etl.lake.files import read_bucket, write_bucket
from etl.lake.manifest import Bucket, Manifest
from etl.lake.tables import BILLS, EVENTS, INTERVAL_DAYS, INTERVALS, POINTS, BucketTables
from etl.lake.transformers import TransformerTable
from etl.scan.reductions import BALANCE_MONTHS, merge, reduce_bucket
from etl.scan.run import not_evaluated
from etl.scan.tasks import durable
from rules.batch import QUANTITIES, TARIFF_CLASSES, day_number, month_number, month_starts
from rules.findings import find
from rules.signals.interval_drop import interval_drop
from rules.site import load_site

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.findings import Finding
    from rules.rule import Catalogue, Rule

    Energy = NDArray[np.float64]
    Ints = NDArray[np.int64]

DAY_READINGS: Final = 48
_HALF_HOUR_SECONDS, _DAY_SECONDS = 1_800, 86_400
_PANEL_MONTHS = 24
_DISTRICT = 1


@dataclass(frozen=True, slots=True)
class Households:
    """`kwh` (households, readings) of half hours from midnight (UTC) of `first_day` on, NaN where nothing came."""

    name: list[str]
    first_day: dt.date
    kwh: Energy


def read_households(path: Path, *, least_known: float) -> Households:
    """Those of a file of `lcl_id`, `tstp`, `kwh` of which at least a share `least_known` of all half hours is there."""
    rows = pl.read_parquet(path).drop_nulls()
    second = rows["tstp"].dt.epoch("s").to_numpy()
    first = int(second.min()) // _DAY_SECONDS
    slot = second // _HALF_HOUR_SECONDS - first * DAY_READINGS
    names = rows["lcl_id"].unique().sort()
    days = int(slot.max()) // DAY_READINGS + 1
    kwh = np.full((len(names), days * DAY_READINGS), np.nan)
    kwh[names.search_sorted(rows["lcl_id"]).to_numpy(), slot] = rows["kwh"].to_numpy()
    kept = np.flatnonzero((~np.isnan(kwh)).mean(axis=1) >= least_known)
    return Households(
        [str(names[int(row)]) for row in kept], dt.date(1970, 1, 1) + dt.timedelta(days=first), kwh[kept]
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """What one scan found. `drop_percent` (households,) is the shipped signal interval_drop, 0 where absent."""

    points: list[Finding]
    transformers: list[Finding]
    drop_percent: Energy


class Fleet:
    """The true use of households, and to which transformer each belongs."""

    def __init__(self, households: Households, transformer: Ints, rules: list[Rule]) -> None:
        self._households = households
        self._transformer = transformer  # (households,) ids from 1
        self._rules = rules

    def not_evaluated(self, catalogue: Catalogue, as_of: dt.date) -> dict[str, str]:
        """Rules that cannot be judged on what a scan as of that day sees, and what they lack, as the scan says it."""
        facts = bucket_facts(self._tables(self._households.kwh, as_of))
        bucket = Bucket("", month_number(as_of), len(self._households.name), 0, 0, "", facts)
        manifest = Manifest(
            1, _PANEL_MONTHS, as_of.isoformat(), "", {"0": bucket}, has_transformer_energy=True
        )
        return not_evaluated(catalogue, manifest, load_site(as_of))

    def judge(self, reported: Energy, as_of: dt.date) -> Judged:
        """The findings of a scan as of that day if the meters had reported `reported`, shaped as the true use.

        Every meter is billed by the calendar month as it reports; the transformers' own meters see the true use and the
        site's technical loss.
        """
        site = load_site(as_of)
        last_month = month_number(as_of - dt.timedelta(days=1))
        folder = Path(tempfile.mkdtemp(prefix="tarazu-fleet-"))
        try:
            write_bucket(
                folder / "bucket",
                self._tables(reported, as_of),
                last_month=last_month,
                months=_PANEL_MONTHS,
            )
            batch = read_bucket(
                folder / "bucket",
                last_month=last_month,
                bucket_last_month=last_month,
                as_of=as_of,
                site=site,
            )
        finally:
            shutil.rmtree(folder)
        days = np.diff(month_starts(last_month, BALANCE_MONTHS)).astype(np.float64)
        whole = merge(
            [reduce_bucket(batch, days)],
            self._transformers(last_month, site.technical_loss_percent),
            last_month=last_month,
            as_of=day_number(as_of),
            site=site,
        )
        batch = batch.among(whole.around)
        of_points = [rule for rule in self._rules if rule.subject == "usage_point"]
        of_transformers = [rule for rule in self._rules if rule.subject == "transformer"]
        drop = interval_drop(batch)
        return Judged(
            find(batch, of_points, durable).findings,
            find(whole.transformers, of_transformers, durable).findings,
            np.where(drop.present, drop.fields["drop_percent"], 0.0) if drop.fields else np.zeros(len(batch)),
        )

    def _transformers(self, last_month: int, technical_loss_percent: float) -> TransformerTable:
        ids = np.unique(self._transformer)
        return TransformerTable(
            transformer_id=ids,
            code=[f"T{i}" for i in ids.tolist()],
            district_id=np.full(len(ids), _DISTRICT),
            feeder_id=np.full(len(ids), -1),
            delivered_kwh=self._delivered(last_month, technical_loss_percent),
        )

    def _delivered(self, last_month: int, technical_loss_percent: float) -> Energy:
        """(transformers, BALANCE_MONTHS) kWh."""
        starts = month_starts(last_month, BALANCE_MONTHS).astype(np.int64)
        own = day_number(self._households.first_day)
        ids = np.unique(self._transformer)
        delivered = np.full((len(ids), BALANCE_MONTHS), np.nan)
        for month in range(BALANCE_MONTHS):
            low, high = ((starts[month : month + 2] - own) * DAY_READINGS).tolist()
            if low < 0 or high > self._households.kwh.shape[1]:
                continue
            use = np.nansum(self._households.kwh[:, low:high], axis=1)
            total = np.bincount(np.searchsorted(ids, self._transformer), weights=use, minlength=len(ids))
            delivered[:, month] = total / (1.0 - technical_loss_percent / 100.0)
        return delivered

    def _tables(self, reported: Energy, as_of: dt.date) -> BucketTables:
        return BucketTables(
            points=self._points(),
            bills=self._bills(reported, as_of),
            events=EVENTS.empty_table(),
            intervals=self._intervals(reported, as_of),
        )

    def _points(self) -> pa.Table:
        count = len(self._households.name)
        ids = np.arange(1, count + 1)
        return _table(
            POINTS,
            count,
            usage_point_id=ids,
            bucket_class=np.zeros(count, np.int16),
            subscription_no=self._households.name,
            district_id=np.full(count, _DISTRICT),
            customer_id=ids,
            customer_no=self._households.name,
            transformer_id=self._transformer,
            tariff_class=np.full(count, TARIFF_CLASSES.index("residential"), np.int16),
            is_government=np.zeros(count, np.bool_),
            phase_count=np.ones(count, np.int16),
            party_id=ids,
            unallocated_rial=np.zeros(count, np.int64),
            step_kind=np.full(count, -1, np.int16),
            instalment_rial=np.zeros(count, np.int64),
        )

    def _bills(self, reported: Energy, as_of: dt.date) -> pa.Table:
        """One a household and whole calendar month of which anything was reported."""
        own = day_number(self._households.first_day)
        last = day_number(as_of) - own
        bounds = month_starts(month_number(as_of), 13).astype(np.int64) - own
        bounds = bounds[(bounds >= 0) & (bounds <= last)]
        columns: dict[str, list[NDArray[Any]]] = {"point": [], "start": [], "end": [], "kwh": []}
        for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            part = reported[:, start * DAY_READINGS : end * DAY_READINGS]
            rows = np.flatnonzero((~np.isnan(part)).any(axis=1))
            columns["point"].append(rows + 1)
            columns["start"].append(np.full(len(rows), start + own))
            columns["end"].append(np.full(len(rows), end + own))
            columns["kwh"].append(np.nansum(part[rows], axis=1))
        point, first, after, kwh = (np.concatenate(parts) for parts in columns.values())
        count = len(point)
        return _table(
            BILLS,
            count,
            usage_point_id=point,
            bucket_class=np.zeros(count, np.int16),
            invoice_id=np.arange(1, count + 1),
            installation_id=point,
            period_start=first.astype(np.int32),
            period_end=after.astype(np.int32),
            is_start_derived=np.ones(count, np.bool_),
            quality=np.zeros(count, np.int16),
            multiplier=np.ones(count),
            register_digits=np.zeros(count, np.int16),
            consumption_kwh=kwh,
            bill_id=np.full(count, -1),
            payment_id=np.full(count, -1),
            payable_rial=np.full(count, -1),
            outstanding_rial=np.zeros(count, np.int64),
            kind=np.zeros(count, np.int16),
            registers=np.zeros(count, np.int16),
        )

    def _intervals(self, reported: Energy, as_of: dt.date) -> pa.Table:
        own = day_number(self._households.first_day)
        last = (day_number(as_of) - own) * DAY_READINGS
        start = max(last - INTERVAL_DAYS * DAY_READINGS, 0)
        part = reported[:, start:last]
        row, slot = np.nonzero(~np.isnan(part))
        count = len(row)
        return _table(
            INTERVALS,
            count,
            usage_point_id=row + 1,
            bucket_class=np.zeros(count, np.int16),
            quantity=np.full(count, QUANTITIES.index("active_energy_kwh"), np.int16),
            phase=np.zeros(count, np.int16),
            second=own * _DAY_SECONDS + (start + slot) * _HALF_HOUR_SECONDS,
            duration_minutes=np.full(count, 30, np.int16),
            # Meters report watt hours.
            value=np.round(part[row, slot], 3),
        )


def _table(schema: pa.Schema, count: int, **columns: Any) -> pa.Table:
    """A table of the schema; a column that is not given is missing in every row."""
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)
