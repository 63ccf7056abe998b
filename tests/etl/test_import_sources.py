"""Each kind of source gives the same rows: what the billing system's district list says reaches the database."""

from __future__ import annotations

import gzip
import sqlite3
import struct

import iransystem
import polars as pl
import pytest
import xlsxwriter

from etl.importer import run_import
from tarazu.database import libpq_uri

assert iransystem.__name__ == "iransystem"  # importing it registers the codec

ROWS = [("11", "امور یک"), ("12", "امور پردیسان"), ("13", None)]
HEADER = ["code", "name"]


def mapping(folder, description):
    path = folder / "places.yaml"
    path.write_text(
        f"""
mapping: places
files:
  - {{name: districts, {description}, entities: [
      {{entity: district, fields: {{code: {{column: code}}, name: {{column: name}}}}}}]}}
""",
        encoding="utf-8",
    )
    return path


def text(delimiter=","):
    return "\n".join(delimiter.join(value or "" for value in row) for row in [HEADER, *ROWS]) + "\n"


def write_csv(path):
    path.write_text(text(), encoding="utf-8")


def write_csv_with_mark_and_carriage_returns(path):
    path.write_bytes(text().replace("\n", "\r\n").encode("utf-8-sig"))


def write_gzip(path):
    path.write_bytes(gzip.compress(text().encode()))


def write_windows(path):
    path.write_bytes(text(";").replace("ی", "ي").encode("windows-1256"))


def write_iran_system(path):
    lines = [b",".join((value or "").encode("iransystem") for value in row) for row in [HEADER, *ROWS]]
    path.write_bytes(b"\r\n".join(lines) + b"\r\n")


def write_xlsx(path):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("امور")
        for place, row in enumerate([HEADER, *ROWS]):
            # A spreadsheet keeps a code of digits as a number.
            sheet.write_row(place, 0, [int(row[0]) if place else row[0], row[1]])


def write_parquet(path):
    pl.DataFrame(ROWS, schema=HEADER, orient="row").with_columns(pl.col("code").cast(pl.Int16)).write_parquet(
        path
    )


def write_dbf(path):
    """dBASE III: a header of 32 bytes, 32 for each field, and records of fixed width, each with a deletion mark."""
    widths = {"code": 4, "name": 20}
    described = b"".join(
        name.encode().ljust(11, b"\0") + b"C" + bytes(4) + bytes([width]) + bytes(15)
        for name, width in widths.items()
    )
    size = 1 + sum(widths.values())
    header = struct.pack("<BBBBIHH20x", 3, 125, 1, 1, len(ROWS) + 1, 32 + len(described) + 1, size)
    records = b"".join(
        mark
        + b"".join(
            (value or "").encode("iransystem").ljust(width)
            for value, width in zip(row, widths.values(), strict=True)
        )
        for mark, row in [(b" ", row) for row in ROWS] + [(b"*", ("99", "deleted"))]
    )
    path.write_bytes(header + described + b"\r" + records + b"\x1a")


@pytest.mark.parametrize(
    ("name", "description", "write"),
    [
        ("p.csv", "match: [p.csv]", write_csv),
        ("p.csv", "match: [p.csv]", write_csv_with_mark_and_carriage_returns),
        ("p.csv.gz", "match: [p.csv.gz]", write_gzip),
        ("p.txt", "match: [p.txt], encoding: windows-1256, delimiter: ';'", write_windows),
        ("p.txt", "match: [p.txt], format: iransystem", write_iran_system),
        ("p.xlsx", "match: [p.xlsx], sheet: امور", write_xlsx),
        ("p.parquet", "match: [p.parquet]", write_parquet),
        ("p.dbf", "match: [p.dbf], encoding: iransystem", write_dbf),
    ],
)
async def test_each_kind_of_file_loads_the_same_rows(database, sql_for, tmp_path, name, description, write):
    write(tmp_path / name)
    summary = await run_import(database, mapping(tmp_path, description), [tmp_path / name])

    assert summary.total.reasons == {}
    assert [file.error for file in summary.files] == [None]
    # windows-1256 has the Arabic yeh only, and texts are kept as they are.
    statement = "SELECT code, replace(name, 'ي', 'ی') FROM district ORDER BY code"
    assert sql_for(database)(statement) == ROWS


async def test_a_query_on_postgresql_loads_the_same_rows(database, utility, sql, sql_for, tmp_path):
    sql("CREATE TABLE places (code integer, name text)")
    sql("INSERT INTO places SELECT code::integer, name FROM district")
    url = libpq_uri(utility)
    summary = await run_import(
        database, mapping(tmp_path, "format: query, query: 'SELECT code, name FROM places'"), [url]
    )

    assert summary.total.reasons == {}
    statement = "SELECT code, name FROM district ORDER BY code"
    assert sql_for(database)(statement) == sql(statement) != []
    assert url not in str(summary.to_json())


async def test_a_query_through_another_driver_loads_the_same_rows(database, sql_for, tmp_path):
    with sqlite3.connect(tmp_path / "p.sqlite") as connection:
        connection.execute("CREATE TABLE places (code integer, name text)")
        connection.executemany("INSERT INTO places VALUES (?, ?)", ROWS)
    connection.close()
    source = mapping(tmp_path, "format: query, query: 'SELECT code, name FROM places'")
    await run_import(database, source, [f"sqlite:///{tmp_path / 'p.sqlite'}"])

    assert sql_for(database)("SELECT code, name FROM district ORDER BY code") == ROWS


async def test_a_query_that_fails_says_so_without_the_password(database, tmp_path):
    source = mapping(tmp_path, "format: query, query: 'SELECT code, name FROM nowhere'")
    summary = await run_import(database, source, [f"sqlite:///{tmp_path / 'p.sqlite'}"])
    assert "the query failed: no such table: nowhere" in str(summary.failed_files[0].error)


@pytest.mark.parametrize(
    ("name", "write"), [("p.xlsx", write_xlsx), ("p.parquet", write_parquet), ("p.dbf", write_dbf)]
)
async def test_a_file_that_is_cut_off_fails_and_loads_nothing(database, sql_for, tmp_path, name, write):
    path = tmp_path / name
    write(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    summary = await run_import(database, mapping(tmp_path, f"match: [{name}]"), [path])

    told = str(summary.failed_files[0].error)
    assert str(path) in told
    assert "Nothing of it was imported." in told
    assert sql_for(database)("SELECT count(*) FROM district") == [(0,)]
