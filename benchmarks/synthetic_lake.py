"""A lake and its subjects in PostgreSQL, straight from the synthetic utility.

Importing 600,000 customers with all their bills takes many minutes, and a scan reads none of it from PostgreSQL: it
reads the lake, and needs the subjects there for the foreign keys of its cases. So the benchmark copies subjects only
and writes the lake with the very functions that `tarazu snapshot` uses.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from etl.lake import tables
from etl.lake.facts import bucket_facts
from etl.lake.files import write_bucket
from etl.lake.manifest import Bucket, Manifest, generation_of, write_manifest
from etl.lake.partition import partition, read_partition
from etl.lake.transformers import write_transformers
from etl.synth import DEFAULT_END, frames
from rules.batch import (
    EVENT_KINDS,
    INVOICE_KINDS,
    OUTCOMES,
    QUALITIES,
    QUANTITIES,
    TARIFF_CLASSES,
    month_number,
)
from tarazu.database import libpq_uri

if TYPE_CHECKING:
    from tarazu.settings import Settings


class _Ids:
    """Numbers natural keys as they come, over all chunks."""

    def __init__(self) -> None:
        self._next = 1

    def number(self, frame: pl.DataFrame, name: str = "id") -> pl.DataFrame:
        numbered = frame.with_columns(
            pl.int_range(self._next, self._next + frame.height, dtype=pl.Int64).alias(name)
        )
        self._next += frame.height
        return numbered


def build(settings: Settings, customers: int, seed: int = 7, months: int = 24) -> None:
    """Fill the (empty, migrated) database with subjects and write the lake."""
    lake = settings.lake_directory
    shutil.rmtree(lake, ignore_errors=True)
    lake.mkdir(parents=True)
    work = lake / ".work"
    schemas = {
        "points": tables.POINTS,
        "bills": tables.BILLS,
        "events": tables.EVENTS,
        "inspections": tables.INSPECTIONS,
        "exports": tables.EXPORTS,
        "intervals": tables.INTERVALS,
    }
    parts: dict[str, list[Path]] = {name: [] for name in schemas}
    ids = {
        name: _Ids() for name in ("district", "transformer", "customer", "point", "invoice", "installation")
    }
    energy: list[pl.DataFrame] = []
    districts = pl.DataFrame(schema={"district_code": pl.String, "district_id": pl.Int64})
    with dbapi.connect(libpq_uri(settings)) as connection, connection.cursor() as cursor:
        for chunk in frames(customers, seed, months, DEFAULT_END):
            t = chunk.tables
            if t["district"].height:
                fresh = ids["district"].number(t["district"])
                _copy(cursor, "district", fresh)
                districts = pl.concat([districts, fresh.select(district_code="code", district_id="id")])
            transformers = (
                ids["transformer"]
                .number(t["distribution_transformer"])
                .join(districts, on="district_code", how="left")
            )
            _copy(
                cursor,
                "distribution_transformer",
                transformers.select("id", "code", "name", "district_id", "rated_power_kva"),
            )
            transformers = transformers.select(
                transformer_code="code", transformer_id="id", transformer_district="district_id"
            )
            energy.append(t["transformer_energy"].join(transformers, on="transformer_code", how="left"))
            customer = ids["customer"].number(t["customer"])
            _copy(cursor, "customer", customer.select("id", "customer_no", "kind", "sector", "name"))
            points = _points(t, ids["point"], customer, districts, transformers)
            _copy(
                cursor,
                "usage_point",
                points.select(
                    pl.col("usage_point_id").alias("id"),
                    "subscription_no",
                    "district_id",
                    pl.when(pl.col("transformer_id") >= 0).then("transformer_id").alias("transformer_id"),
                ),
            )
            made_bills = _bills(t, points, ids)
            made = {
                "points": points,
                "bills": made_bills,
                "events": _events(t, points),
                "inspections": _inspections(t, points),
                "exports": _exports(t, points, made_bills),
                "intervals": _intervals(t, points),
            }
            for name, frame in made.items():
                folder = work / f"{name}-{chunk.number}"
                schema = schemas[name]
                arrow = frame.select(schema.names).to_arrow().cast(schema)
                partition(arrow.to_batches(), schema, folder, settings.lake_buckets, lambda _: None)
                parts[name].append(folder)
        connection.commit()
    last_day = _last_day(parts["bills"])
    last_month = month_number(last_day - dt.timedelta(days=1))
    buckets: dict[str, Bucket] = {}
    for number in range(settings.lake_buckets):
        whole = {
            name: pa.concat_tables(read_partition(folder, number, schemas[name]) for folder in folders)
            for name, folders in parts.items()
        }
        name = f"bucket-{number:04d}-bench"
        bucket = tables.BucketTables(**whole)
        write_bucket(lake / name, bucket, last_month=last_month, months=settings.panel_months)
        buckets[str(number)] = Bucket(
            name,
            last_month,
            len(whole["points"]),
            len(whole["bills"]),
            len(whole["events"]),
            "bench",
            bucket_facts(bucket),
        )
    shutil.rmtree(work)
    rows = pl.concat(energy).sort("transformer_id", "period_start")
    write_transformers(
        lake / "transformers-bench.parquet",
        rows.select(
            "transformer_id",
            pl.col("transformer_code").alias("code"),
            pl.col("transformer_district").alias("district_id"),
            "period_start",
            "period_end",
            "delivered_kwh",
        ).to_arrow(),
        last_month=last_month,
        months=settings.panel_months,
    )
    manifest = Manifest(
        buckets=settings.lake_buckets,
        panel_months=settings.panel_months,
        last_day=last_day.isoformat(),
        generation=generation_of(buckets, settings.panel_months, f"bench-{customers}-{seed}"),
        bucket=buckets,
        transformers="transformers-bench.parquet",
        has_transformer_energy=True,
    )
    write_manifest(lake, manifest)
    (lake / "bench.json").write_text(json.dumps({"customers": customers, **asdict(manifest)}))


def _copy(cursor: Any, table: str, frame: pl.DataFrame) -> None:
    # Large strings of polars become plain ones: the driver knows those.
    arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    cursor.adbc_ingest(table, arrow, mode="append")


def _points(
    t: dict[str, pl.DataFrame],
    ids: _Ids,
    customer: pl.DataFrame,
    districts: pl.DataFrame,
    transformers: pl.DataFrame,
) -> pl.DataFrame:
    newest_supply = (
        t["agreement_usage_point"]
        .sort("valid_from")
        .unique("subscription_no", keep="last")
        .select("subscription_no", "agreement_no")
    )
    newest_term = (
        t["usage_point_term"]
        .sort("valid_from")
        .unique("subscription_no", keep="last")
        .select(
            "subscription_no",
            "tariff_class",
            "contracted_power_kw",
            "licence_expires_on",
            terms_since="valid_from",
        )
    )
    meters = (
        t["meter_installation"]
        .group_by("subscription_no")
        .agg(meter_since=pl.when(pl.len() > 1).then(pl.col("valid_from").max()))
    )
    points = (
        ids.number(t["usage_point"], "usage_point_id")
        .join(newest_supply, on="subscription_no", how="left")
        .join(t["supply_agreement"].select("agreement_no", "customer_no"), on="agreement_no", how="left")
        .join(customer.select("customer_no", "sector", customer_id="id"), on="customer_no", how="left")
        .join(newest_term, on="subscription_no", how="left")
        .join(meters, on="subscription_no", how="left")
        .join(districts, on="district_code", how="left")
        .join(transformers, on="transformer_code", how="left")
        .join(_unallocated(t), on="subscription_no", how="left")
    )
    for name, kinds in {
        "cut": ("disconnected", "removed"),
        "vacant": ("declared_vacant",),
        "seasonal": ("seasonal",),
        "generation": ("generation_contract",),
    }.items():
        newest = (
            t["usage_point_status"]
            .filter(pl.col("kind").is_in(kinds))
            .sort("valid_from")
            .unique("subscription_no", keep="last")
            .select(
                "subscription_no",
                pl.col("valid_from").alias(f"{name}_from"),
                pl.col("valid_to").alias(f"{name}_to"),
            )
        )
        points = points.join(newest, on="subscription_no", how="left")
    government = pl.col("sector") == "government"
    return points.with_columns(
        bucket_class=pl.Series(
            [int(hashlib.md5(s.encode()).hexdigest()[:3], 16) for s in points["subscription_no"]],
            dtype=pl.Int16,
        ),
        tariff_class=pl.col("tariff_class").replace_strict(
            {name: i for i, name in enumerate(TARIFF_CLASSES)}, return_dtype=pl.Int16
        ),
        customer_no=pl.col("customer_no").fill_null(""),
        party_id=pl.col("customer_id").fill_null(-1),
        unallocated_rial=pl.col("unallocated_rial").fill_null(0),
        step_kind=pl.lit(-1, pl.Int16),
        step_on=pl.lit(None, pl.Date),
        instalment_due_on=pl.lit(None, pl.Date),
        instalment_rial=pl.lit(0, pl.Int64),
        is_government=government.fill_null(value=False),
        customer_id=pl.col("customer_id").fill_null(-1),
        transformer_id=pl.col("transformer_id").fill_null(-1),
    ).sort("usage_point_id")


def _unallocated(t: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return (
        t["payment"]
        .join(t["payment_allocation"], on="payment_no", how="anti")
        .group_by("subscription_no")
        .agg(unallocated_rial=pl.col("amount_rial").sum(), unallocated_since=pl.col("paid_on").min())
    )


def _charges(t: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The charges of each bill; this utility has no others."""
    taxed = [
        name
        for name in t["invoice_line"].columns
        if name not in (*tables.UNTAXED_LINES, "subscription_no", "invoice_no")
    ]
    known = {
        column: pl.col(code).cast(pl.Float64)
        if code in t["invoice_line"].columns
        else pl.lit(None, pl.Float64)
        for code, column in tables.LINES.items()
    }
    return t["invoice_line"].select(
        "subscription_no",
        "invoice_no",
        taxable_rial=pl.when(pl.col("energy_charge").is_not_null())
        .then(pl.sum_horizontal(taxed))
        .cast(pl.Float64),
        **known,
    )


def _bills(t: dict[str, pl.DataFrame], points: pl.DataFrame, ids: dict[str, _Ids]) -> pl.DataFrame:
    installations = (
        ids["installation"]
        .number(t["meter_installation"], "installation_id")
        .join(
            t["meter"].select(meter_serial_no="serial_no", register_digits="register_digits"),
            on="meter_serial_no",
            how="left",
        )
        .join(
            t["meter_multiplier"].select(
                "subscription_no", "meter_serial_no", installed_multiplier="multiplier"
            ),
            on=["subscription_no", "meter_serial_no"],
            how="left",
        )
        .select(
            "subscription_no", "meter_serial_no", "installation_id", "register_digits", "installed_multiplier"
        )
    )
    paid = (
        t["payment_allocation"]
        .group_by("subscription_no", "invoice_no")
        .agg(paid=pl.col("amount_rial").sum())
    )
    paid_on = (
        t["payment_allocation"]
        .join(t["payment"].select("payment_no", "paid_on"), on="payment_no")
        .group_by("subscription_no", "invoice_no")
        .agg(pl.col("paid_on").max())
    )
    registers = sum(
        (
            pl.col(name).is_not_null().cast(pl.Int16) * (1 << i)
            for i, name in enumerate(("mid_kwh", "peak_kwh", "low_kwh", "reactive_kvarh"))
        ),
        pl.lit(0, pl.Int16),
    )
    return (
        ids["invoice"]
        .number(t["invoice"], "invoice_id")
        .join(
            points.select("subscription_no", "usage_point_id", "bucket_class"),
            on="subscription_no",
            how="left",
        )
        .join(installations, on=["subscription_no", "meter_serial_no"], how="left")
        .join(paid, on=["subscription_no", "invoice_no"], how="left")
        .join(paid_on, on=["subscription_no", "invoice_no"], how="left")
        .join(_charges(t), on=["subscription_no", "invoice_no"], how="left")
        .with_columns(
            quality=pl.col("reading_quality").replace_strict(
                {name: i for i, name in enumerate(QUALITIES)}, return_dtype=pl.Int16
            ),
            bands_kwh=pl.col("mid_kwh") + pl.col("peak_kwh").fill_null(0) + pl.col("low_kwh").fill_null(0),
            bill_id=pl.col("bill_id").cast(pl.Int64).fill_null(-1),
            payment_id=pl.col("payment_id").cast(pl.Int64).fill_null(-1),
            outstanding_rial=pl.col("payable_rial").fill_null(0) - pl.col("paid").fill_null(0),
            payable_rial=pl.col("payable_rial").fill_null(-1),
            installation_id=pl.col("installation_id").fill_null(-1),
            register_digits=pl.col("register_digits").fill_null(0),
            is_start_derived=pl.lit(value=False),
            kind=pl.col("kind").replace_strict(
                {name: i for i, name in enumerate(INVOICE_KINDS)}, return_dtype=pl.Int16
            ),
            registers=registers.cast(pl.Int16),
            loss_factor=pl.lit(None, pl.Float64),
        )
    )


def _events(t: dict[str, pl.DataFrame], points: pl.DataFrame) -> pl.DataFrame:
    where = t["meter_installation"].select("subscription_no", "meter_serial_no")
    return (
        t["end_device_event"]
        .filter(pl.col("kind").is_in(EVENT_KINDS))
        .join(where, on="meter_serial_no", how="inner")
        .join(
            points.select("subscription_no", "usage_point_id", "bucket_class"),
            on="subscription_no",
            how="inner",
        )
        .with_columns(
            day=pl.col("occurred_at").dt.date(),
            kind=pl.col("kind").replace_strict(
                {name: i for i, name in enumerate(EVENT_KINDS)}, return_dtype=pl.Int16
            ),
        )
    )


def _places(points: pl.DataFrame) -> pl.DataFrame:
    return points.select("subscription_no", "usage_point_id", "bucket_class")


def _inspections(t: dict[str, pl.DataFrame], points: pl.DataFrame) -> pl.DataFrame:
    return (
        t["inspection"]
        .join(_places(points), on="subscription_no", how="inner")
        .with_columns(
            day="inspected_on",
            outcome=pl.col("outcome").replace_strict(
                {name: i for i, name in enumerate(OUTCOMES)}, return_dtype=pl.Int16
            ),
            unregistered_kwh="unregistered_energy_kwh",
        )
    )


def _exports(t: dict[str, pl.DataFrame], points: pl.DataFrame, bills: pl.DataFrame) -> pl.DataFrame:
    meters = bills.select("subscription_no", "meter_serial_no", "installation_id", "installed_multiplier")
    return (
        t["meter_reading"]
        .filter(pl.col("register") == "export")
        .join(_places(points), on="subscription_no", how="inner")
        .join(meters.unique(), on=["subscription_no", "meter_serial_no"], how="inner")
        .with_columns(day="read_on", index_kwh=pl.col("index_value") * pl.col("installed_multiplier"))
    )


def _intervals(t: dict[str, pl.DataFrame], points: pl.DataFrame) -> pl.DataFrame:
    return (
        t["interval_reading"]
        .join(_places(points), on="subscription_no", how="inner")
        .with_columns(
            quantity=pl.col("quantity").replace_strict(
                {name: i for i, name in enumerate(QUANTITIES)}, return_dtype=pl.Int16
            ),
            second=pl.col("started_at").dt.epoch("s"),
        )
    )


def _last_day(folders: list[Path]) -> dt.date:
    last = 0
    for folder in folders:
        for path in folder.glob("*.arrow"):
            with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
                column = reader.read_all().column("period_end").cast(pa.int32())
                last = max(last, int(column.to_numpy().max()))
    return dt.date(1970, 1, 1) + dt.timedelta(days=last)
