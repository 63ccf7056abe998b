"""Wrong input: each fault with the message that says where it is and what to do, and nothing half written."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest

from etl.importer import run_import
from etl.reasons import EXPLANATIONS, Reason
from tarazu.errors import InputError, MappingError


@pytest.fixture
def one_row(utility_folder, tmp_path):
    """Writes the first row of a file, with new keys and some columns changed, as a file of its own."""

    def write(name, changes, times=1):
        row = pl.read_csv(utility_folder / f"{name}.csv", infer_schema=False).head(1)
        row = row.with_columns(pl.lit(value).alias(column) for column, value in changes.items())
        path = tmp_path / f"{name}.csv"
        pl.concat([row] * times).write_csv(path)
        return path

    return write


async def test_an_unknown_mapping_is_refused_with_the_names_of_those_that_ship(database):
    with pytest.raises(MappingError) as caught:
        await run_import(database, "biling_fa", ["x.csv"])
    message = str(caught.value)
    assert "biling_fa" in message
    assert all(name in message for name in ("billing_fa", "steg", "tarazu"))


async def test_paths_without_a_file_of_the_mapping_are_refused_with_the_names_it_looks_for(
    database, tmp_path
):
    with pytest.raises(InputError, match=r"no file of the mapping billing_fa.*customers\*\.csv"):
        await run_import(database, "billing_fa", [tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "payments.csv",
            "شماره پرداخت,مبلغ\n1,2\n".encode(),
            ["payments.csv", "شماره اشتراک", "line", "شماره پرداخت, مبلغ"],
        ),
        (
            "payments.csv",
            "شماره پرداخت\nپرداخت\n".encode("windows-1256"),
            ["payments.csv:1", "utf-8", "windows-1256"],
        ),
        ("payments.csv", b"", ["payments.csv", "the file is empty"]),
        ("payments.csv", b"\n\n", ["payments.csv", "not even a header"]),
        (
            "payments.csv.gz",
            gzip.compress("شماره پرداخت\n".encode() * 5000)[:60],
            ["payments.csv.gz", "damaged or cut off", "Copy it again"],
        ),
        ("other.csv", b"a\n1\n", ["other.csv", "fits no file", "rename"]),
        ("absent", None, ["payments.csv", "does not exist"]),
    ],
    ids=["unknown column", "encoding", "empty", "blank", "truncated gzip", "unknown name", "absent"],
)
async def test_a_file_that_cannot_be_read_fails_alone_and_says_where_and_what_to_do(
    utility, sql, one_row, tmp_path, name, content, told
):
    before = sql("SELECT count(*) FROM payment")
    path = tmp_path / ("payments.csv" if content is None else name)
    if content is not None:
        path.write_bytes(content)
    sound = one_row("inspections", {"شماره بازدید": "900"})
    summary = await run_import(utility, "billing_fa", [path, sound])

    (failed,) = summary.failed_files
    assert failed.error is not None
    assert all(part in str(failed.error) for part in told), str(failed.error)
    assert failed.error.mend
    assert (summary.state, summary.exit_code) == ("partial", 2)
    assert summary.entities["inspection"].loaded == 1
    assert sql("SELECT count(*) FROM payment") == before
    assert sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'") == [(0,)]
    assert sql(f"SELECT state FROM import_run WHERE id = {summary.run_id}") == [("partial",)]


async def test_a_run_of_which_all_files_failed_has_failed(utility, tmp_path):
    path = tmp_path / "payments.csv"
    path.touch()
    summary = await run_import(utility, "billing_fa", [path])
    assert (summary.state, summary.exit_code) == ("failed", 2)


async def test_a_wrong_byte_late_in_a_file_is_told_with_its_line_and_loads_nothing(utility, sql, one_row):
    before = sql("SELECT count(*) FROM inspection")
    path = one_row("inspections", {"شماره بازدید": "900"}, times=3)
    path.write_bytes(path.read_bytes() + b"901,\xff\xfe,,,,,\n")
    summary = await run_import(utility, "billing_fa", [path])
    assert "inspections.csv:5" in str(summary.failed_files[0].error)
    assert sql("SELECT count(*) FROM inspection") == before


# (file, changed columns, entity, reason, column named, value named)
BAD_ROWS = [
    (
        "payments",
        {"شماره پرداخت": "1", "تاریخ پرداخت": "1404/13/01"},
        "payment",
        Reason.DATE_MONTH,
        "تاریخ پرداخت",
    ),
    (
        "payments",
        {"شماره پرداخت": "1", "تاریخ پرداخت": "1404/12/30"},
        "payment",
        Reason.DATE_NOT_LEAP,
        "تاریخ پرداخت",
    ),
    (
        "payments",
        {"شماره پرداخت": "1", "مبلغ (ریال)": "۱۲۰۰۰-"},
        "payment",
        Reason.NOT_POSITIVE,
        "مبلغ (ریال)",
    ),
    ("payments", {"شماره پرداخت": "1", "مبلغ (ریال)": "دوازده"}, "payment", Reason.NUMBER, "مبلغ (ریال)"),
    ("payments", {"شماره پرداخت": ""}, "payment", Reason.MISSING, "شماره پرداخت"),
    (
        "payments",
        {"شماره پرداخت": "1", "شماره اشتراک": "99"},
        "payment",
        Reason.UNKNOWN_PARENT,
        "شماره اشتراک",
    ),
    ("payments", {"شماره پرداخت": "1", "روش پرداخت": "پیک"}, "payment", Reason.UNKNOWN_VALUE, "روش پرداخت"),
    (
        "invoices",
        {"شماره صورتحساب": "1", "شناسه قبض": "2000000099927"},
        "invoice",
        Reason.CHECK_DIGIT,
        "شناسه قبض",
    ),
    (
        "invoices",
        {"شماره صورتحساب": "1", "سال": "1390", "قابل پرداخت (ریال)": "-5000"},
        "invoice",
        Reason.NEGATIVE_AMOUNT,
        "قابل پرداخت (ریال)",
    ),
    # Another number for the year and period of a bill that is there.
    ("invoices", {"شماره صورتحساب": "1"}, "invoice", Reason.DUPLICATE_PERIOD, "شماره اشتراک, سال, دوره"),
]


@pytest.mark.parametrize(("name", "changes", "entity", "reason", "column"), BAD_ROWS)
async def test_a_bad_row_is_quarantined_with_place_reason_and_raw_values(
    utility, sql, one_row, name, changes, entity, reason, column
):
    path = one_row(name, changes)
    summary = await run_import(utility, "billing_fa", [path])

    assert summary.state == "succeeded"
    assert summary.entities[entity].loaded == 0
    assert summary.entities[entity].reasons == {reason.value: 1}
    ((file, row, named, value, raw),) = sql(
        'SELECT file, row_number, "column", value, raw::text FROM quarantined_row WHERE entity = $1 AND reason = $2',
        entity,
        reason.value,
    )
    assert (file, row, named) == (path.name, 2, column)
    assert changes.items() - {(key, "") for key in changes} <= json.loads(raw).items()
    if column in changes:
        assert value == changes[column]


def test_every_reason_has_a_sentence_and_a_mend_in_both_languages():
    assert set(EXPLANATIONS) == set(Reason)
    for told in EXPLANATIONS.values():
        assert all((told.fa, told.fa_mend, told.en, told.en_mend))


async def test_of_two_rows_of_one_key_the_first_is_loaded_and_the_second_told_with_its_place(
    utility, sql, one_row
):
    path = one_row("inspections", {"شماره بازدید": "900", "نتیجه": "بدون مورد"}, times=3)
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace("بدون مورد", "خطای صورتحساب")
    path.write_text("\n".join(lines))
    counts = (await run_import(utility, "billing_fa", [path])).entities["inspection"]

    # The second row says what the first said; the third contradicts it.
    assert (counts.rows_in, counts.loaded, counts.unchanged) == (3, 1, 1)
    assert counts.reasons == {"duplicate_key": 1}
    assert sql("SELECT row_number, value FROM quarantined_row") == [(4, "900 (first in row 2)")]


@pytest.mark.parametrize("more", [",زیادی", None])
async def test_a_row_with_too_many_or_too_few_columns_is_refused_whole(utility, sql, one_row, more):
    path = one_row("inspections", {"شماره بازدید": "900"}, times=2)
    lines = path.read_text().splitlines()
    lines[1] = lines[1] + more if more else lines[1].rpartition(",")[0]
    path.write_text("\r\n".join(lines) + "\r\n\r\n")
    counts = (await run_import(utility, "billing_fa", [path])).entities["inspection"]

    assert (counts.rows_in, counts.loaded) == (2, 1)
    assert counts.reasons == {"column_count": 1}
    ((row, raw),) = sql("SELECT row_number, raw::text FROM quarantined_row")
    assert (row, json.loads(raw)) == (2, {"line": lines[1]})
