"""The synthetic utility through the ordinary importer: sound files load whole, spoilt rows are refused."""

from collections import Counter

import polars as pl
import pytest
import sqlalchemy as sa

from etl.importer import run_import
from etl.synth import write_utility
from tarazu.models import QuarantinedRow

CUSTOMERS = 300
FAULTS = 8


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    return folder, write_utility(folder, customers=CUSTOMERS, seed=11)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoilt")
    return folder, write_utility(folder, customers=2_000, seed=11, faults=FAULTS)


async def test_sound_files_are_loaded_whole_and_once(database, sound):
    folder, summary = sound
    first = await run_import(database, "billing_fa", [folder])
    second = await run_import(database, "billing_fa", [folder])

    assert first.state == "succeeded"
    assert first.total.reasons == {}
    assert first.entities["invoice"].loaded == summary.rows["invoices.csv"]
    assert first.entities["payment"].loaded == summary.rows["payments.csv"]
    # A payment that settles no bill names none.
    settling = pl.read_csv(folder / "payments.csv", infer_schema=False)["شماره صورتحساب"].drop_nulls()
    assert first.entities["payment_allocation"].loaded == len(settling)
    assert first.entities["usage_point"].loaded == CUSTOMERS
    assert second.total.loaded == 0
    assert second.total.unchanged == second.total.rows_in == first.total.rows_in


async def test_every_line_of_a_bill_is_loaded_that_the_bill_has(database, sound):
    folder, _ = sound
    imported = await run_import(database, "billing_fa", [folder])
    bills = pl.read_csv(folder / "invoices.csv", infer_schema=False)
    lines = bills.select(pl.col("^(بها|آبونمان|عوارض|مالیات|کسر).*$")).count().row(0)

    assert imported.entities["invoice_line"].loaded == sum(lines)


async def test_exactly_the_spoilt_rows_are_refused(database, engine, spoilt):
    """A refused bill takes its lines with it: they are refused by the same row of the file."""
    folder, summary = spoilt
    imported = await run_import(database, "billing_fa", [folder])
    async with engine.connect() as connection:
        rows = await connection.execute(sa.select(QuarantinedRow.file, QuarantinedRow.row_number).distinct())
    roots = sum((imported.entities[name].reasons for name in ("payment", "invoice", "inspection")), Counter())

    assert roots == summary.faults
    assert Counter(file for file, _ in rows) == {"payments.csv": 4, "invoices.csv": 2, "inspections.csv": 2}
