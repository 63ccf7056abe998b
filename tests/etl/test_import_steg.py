"""The public data of STEG, a part of it: what the import says reconciles with counts made from the files."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from etl.importer import run_import

# The folder of data sets that are no part of this project.
FOLDER = (
    Path(os.environ.get("TARAZU_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data") / "steg_sample"
)

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"the STEG sample is not at {FOLDER}; set TARAZU_TEST_DATA to the folder it is in",
)


@pytest.fixture(scope="module")
def clients():
    return pl.read_csv(FOLDER / "client.csv", infer_schema=False)


@pytest.fixture(scope="module")
def invoices():
    return pl.read_csv(FOLDER / "invoice.csv", infer_schema=False)


async def test_the_import_reconciles_with_counts_of_the_files(database, sql_for, clients, invoices):
    summary = await run_import(database, "steg", [FOLDER])
    sql = sql_for(database)
    months = pl.col("months_number").cast(pl.Float64)
    coefficient = pl.col("counter_coefficient").cast(pl.Float64)
    energy = pl.sum_horizontal(pl.col(f"consommation_level_{step}").cast(pl.Int64) for step in range(1, 5))
    point = ["client_id", "counter_type"]
    key = [*point, "counter_number", "invoice_date", "old_index", "new_index"]
    known = pl.col("counter_number") != "0"
    # months_number below 1 or above 120, and a coefficient of 0, are refused; of one key the first row is kept.
    sound = invoices.filter(months.is_between(1, 120), coefficient > 0)
    kept = sound.unique(key, keep="first")

    assert summary.state == "succeeded"
    counts = {name: entity.loaded for name, entity in summary.entities.items()}
    assert counts["customer"] == clients["client_id"].n_unique()
    assert counts["district"] == clients["disrict"].n_unique()
    assert counts["usage_point"] == invoices.select(point).n_unique()
    assert counts["meter"] == invoices.filter(known).select("counter_type", "counter_number").n_unique()
    assert counts["invoice"] == kept.height
    thieves = clients.filter(pl.col("target").cast(pl.Float64) == 1)
    assert counts["inspection"] == thieves.join(invoices, on="client_id", how="semi").height
    ((total,),) = sql("SELECT sum(consumption_kwh) FROM invoice")
    assert total == kept.select(energy).sum().item()

    for entity in summary.entities.values():
        assert entity.rows_in == entity.loaded + entity.unchanged + entity.quarantined
    assert summary.entities["invoice"].rows_in == invoices.height
    assert sql(
        "SELECT reason, count(*)::int FROM quarantined_row WHERE entity = 'invoice' GROUP BY reason ORDER BY reason"
    )
    again = await run_import(database, "steg", [FOLDER])
    assert again.total.loaded == 0
    assert again.total.reasons == summary.total.reasons
