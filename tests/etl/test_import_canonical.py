"""The mapping `tarazu`: the utility in canonical files gives the database that its billing export gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from etl.content_hash import content_hash
from etl.entities import DERIVED, entities
from etl.files import find_files
from etl.importer import run_import
from etl.mapping_file import load_mapping
from etl.synth import frames
from tarazu.database import create_engine

END = date(2025, 9, 23)
PARTS = ["energy_charge", "demand_charge", "subscription_charge", "electricity_duty", "vat", "rounding"]


def canonical_tables() -> dict[str, pl.DataFrame]:
    (chunk,) = frames(200, 3, end=END)
    lines = chunk.tables["invoice_line"].unpivot(
        on=PARTS, index=["subscription_no", "invoice_no"], variable_name="line_code", value_name="amount_rial"
    )
    tables = {**chunk.tables, "invoice_line": lines.drop_nulls("amount_rial")}
    # Free texts keep their digits, and the billing system writes those in Persian.
    written = {
        "feeder": "name",
        "distribution_transformer": "name",
        "customer": "name",
        "usage_point": "address",
    }
    for name, column in written.items():
        tables[name] = tables[name].with_columns(
            pl.col(column).str.replace_many(list("0123456789"), list("۰۱۲۳۴۵۶۷۸۹"))
        )
    return tables


def write_csv(table: pl.DataFrame, folder: Path, name: str) -> None:
    table.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%z")


def write_gzip(table: pl.DataFrame, folder: Path, name: str) -> None:
    table.write_csv(folder / f"{name}.csv.gz", compression="gzip", datetime_format="%Y-%m-%dT%H:%M:%S%z")


def write_parquet(table: pl.DataFrame, folder: Path, name: str) -> None:
    table.write_parquet(folder / f"{name}.parquet")


def write_in_parts(table: pl.DataFrame, folder: Path, name: str) -> None:
    half = table.height // 2
    table[:half].write_parquet(folder / f"{name}-1.parquet")
    table[half:].write_parquet(folder / f"{name}-2.parquet")


@pytest.mark.parametrize("write", [write_csv, write_gzip, write_parquet, write_in_parts])
async def test_canonical_files_give_what_the_billing_export_gives(database, utility, tmp_path, write):
    for name, table in canonical_tables().items():
        write(table, tmp_path, name)
    summary = await run_import(database, "tarazu", [tmp_path])
    assert summary.state == "succeeded"
    assert summary.total.reasons == {}

    hashes = []
    for settings in (database, utility):
        engine = create_engine(settings)
        hashes.append(await content_hash(engine))
        await engine.dispose()
    assert hashes[0] == hashes[1]


def test_the_mapping_has_a_file_for_each_table_and_a_field_for_each_column():
    mapping = load_mapping("tarazu")
    assert [file.name for file in mapping.files] == [file.entities[0].entity for file in mapping.files]
    assert {file.name: set(file.entities[0].fields) for file in mapping.files} == {
        name: {field for field in entity.columns if (name, field) not in DERIVED}
        for name, entity in entities().items()
    }


def test_a_file_is_never_taken_for_that_of_another_table(tmp_path):
    mapping = load_mapping("tarazu")
    names = [
        f"{file.name}{ending}"
        for file in mapping.files
        for ending in (".csv", ".csv.gz", ".parquet", "-1404.csv", "-1404.csv.gz", "-1404.parquet")
    ]
    for name in names:
        (tmp_path / name).touch()
    found = {Path(file.path).name: file.file for file in find_files(mapping, [tmp_path])}
    assert {name: file.name for name, file in found.items() if file} == {
        name: name.partition(".")[0].partition("-")[0] for name in names
    }
