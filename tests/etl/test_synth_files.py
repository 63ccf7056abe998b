"""The utility as files: whole, in the dress of a billing system, and fit for the mapping `billing_fa`."""

import datetime as dt

import polars as pl
import pytest

from etl.mapping_file import load_mapping
from etl.synth import Planted, frames, write_utility
from etl.synth.exports import EXPORTS
from etl.synth.kinds import OF_DEMAND
from tarazu.errors import InputError, StorageError
from tarazu.jalali import parse_jalali

CUSTOMERS = 300


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("utility") / "out"
    summary = write_utility(folder, customers=CUSTOMERS, seed=4)
    return folder, summary


def read(folder, name):
    return pl.read_csv(folder / name, infer_schema=False)


def test_the_summary_counts_what_stands_in_the_files(written):
    folder, summary = written

    assert summary.rows == {path.name: read(folder, path.name).height for path in folder.iterdir()}
    assert summary.rows["usage_points.csv"] == CUSTOMERS
    follows = {Planted.LOSING_TRANSFORMER} | OF_DEMAND
    assert summary.planted.keys() >= {kind.value for kind in Planted if kind not in follows}
    assert sum(summary.planted.values()) == summary.rows["truth.csv"]
    assert summary.faults == {}
    assert f"{CUSTOMERS} customers" in summary.sentence()
    assert "spoilt" not in summary.sentence()


def test_headers_are_persian_but_for_the_key_of_answers(written):
    folder, _ = written

    for path in folder.glob("*.csv"):
        header = read(folder, path.name).columns
        assert all(name.isascii() for name in header) == (path.name == "truth.csv")


def test_dates_are_jalali_and_digits_persian_in_places(written):
    folder, _ = written
    (chunk,) = frames(CUSTOMERS, seed=4)
    bills, written_bills = chunk.tables["invoice"], read(folder, "invoices.csv")

    assert [parse_jalali(text) for text in written_bills["تاریخ قرائت قبلی"]] == bills[
        "period_start"
    ].to_list()
    assert [parse_jalali(text) for text in written_bills["مهلت پرداخت"]] == bills["due_on"].to_list()
    assert written_bills["مهلت پرداخت"].str.contains("^[۰-۹/]+$").all()
    assert read(folder, "customers.csv")["کد ملی"].drop_nulls().str.contains("^[۰-۹]{10}$").all()


def test_the_key_of_answers_has_iso_dates(written):
    folder, _ = written

    assert all(dt.date.fromisoformat(day) for day in read(folder, "truth.csv")["start_date"])


def test_the_same_seed_writes_the_same_bytes(written, tmp_path):
    folder, _ = written
    write_utility(tmp_path, customers=CUSTOMERS, seed=4)

    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_chunks_go_into_one_file_with_one_header(tmp_path):
    steps = []
    summary = write_utility(
        tmp_path,
        customers=21_000,
        seed=1,
        progress=lambda what, done, total: steps.append((what, done, total)),
    )
    points = read(tmp_path, "usage_points.csv")

    assert [step[0] for step in steps] == ["customers", "customers"]
    assert steps[0][1] < 21_000
    assert steps[-1][1:] == (21_000, 21_000)
    assert points.height == points["شماره اشتراک"].n_unique() == summary.rows["usage_points.csv"] == 21_000


def test_faults_spoil_exactly_as_many_rows(tmp_path, written):
    folder, _ = written
    summary = write_utility(tmp_path, customers=CUSTOMERS, seed=4, faults=6)
    changed = 0
    for path in folder.iterdir():
        sound, spoilt = path.read_bytes().splitlines(), (tmp_path / path.name).read_bytes().splitlines()
        assert len(sound) == len(spoilt)
        changed += sum(one != other for one, other in zip(sound, spoilt, strict=True))

    assert changed == 6
    assert "6 rows spoilt" in summary.sentence()
    assert summary.faults == {"date_month": 2, "check_digit": 2, "not_positive": 1, "unknown_parent": 1}


def test_more_faults_than_rows_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"inspections\.csv"):
        write_utility(tmp_path, customers=CUSTOMERS, seed=4, faults=200)

    assert not list(tmp_path.glob("*.csv"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "out").write_text("a file")

    with pytest.raises(StorageError, match="out"):
        write_utility(tmp_path / "out", customers=CUSTOMERS, seed=4)


def test_no_part_files_are_left(written):
    folder, _ = written

    assert {path.suffix for path in folder.iterdir()} == {".csv"}


def test_the_mapping_reads_every_column_and_every_word():
    mapping = load_mapping("billing_fa")
    by_file = {export.file: export for export in EXPORTS}

    assert {f"{file.name}.csv" for file in mapping.files} == by_file.keys()
    for file in mapping.files:
        export = by_file[f"{file.name}.csv"]
        columns = {column.header: column for column in export.columns}
        read_columns = set()
        for entity in file.entities:
            read_columns |= {name for field in entity.fields.values() for name in field.columns()} - {"$each"}
            if entity.for_each:
                read_columns |= {column for _, column in entity.for_each.columns}
            for value in (value for field in entity.fields.values() for value in field.values()):
                if value.column is not None and value.enum:
                    words = columns[value.column].words
                    assert dict(value.enum) == {word: member for member, word in words.items()}, value.column
        assert read_columns == columns.keys(), file.name
