"""Half-hourly readings of households: they load by the mapping, once, and the lake and the rules see them."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from etl.importer import run_import
from etl.lake.files import read_bucket
from etl.lake.manifest import require_manifest
from etl.lake.snapshot import snapshot
from rules.batch import month_number
from rules.findings import find
from rules.loader import load_catalogue
from rules.reference import ReferenceEvaluator
from rules.site import load_site

REAL = (
    Path(os.environ.get("TARAZU_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
    / "lcl100"
    / "halfhourly_2013.parquet"
)
DAYS, LAST = 100, dt.datetime(2013, 12, 31)  # noqa: DTZ001 - the published file has no zone


def write_households(path: Path) -> None:
    """A household that lives, one that is hidden in the evenings of the last four weeks, and one that left."""
    first = LAST - dt.timedelta(days=DAYS - 1)
    times = pl.datetime_range(first, LAST + dt.timedelta(hours=23.5), "30m", eager=True)
    hour, day = times.dt.hour().to_numpy(), np.arange(len(times)) // 48
    lot = np.random.default_rng(1)
    use = np.round(0.1 + 0.3 * (hour >= 6) + 0.1 * lot.random(len(times)), 3)
    hidden = np.where((day >= DAYS - 28) & (hour >= 10) & (hour < 16), 0.0, use)
    pl.concat(
        pl.DataFrame({"lcl_id": [name] * len(kwh), "tstp": times[: len(kwh)], "kwh": kwh.astype(np.float32)})
        for name, kwh in (("MAC1", use), ("MAC2", hidden), ("MAC3", use[: 48 * 5]))
    ).write_parquet(path)


async def test_households_load_once_and_the_rules_judge_their_hours(database, tmp_path):
    file = tmp_path / "halfhourly_2013.parquet"
    write_households(file)

    first = await run_import(database, "lcl100", [file])
    again = await run_import(database, "lcl100", [file])
    made = snapshot(database)

    counts = {name: entity.loaded for name, entity in first.entities.items()}
    assert counts["usage_point"] == counts["meter"] == counts["meter_installation"] == 3
    assert counts["interval_reading"] == (2 * DAYS + 5) * 48
    assert (first.total.quarantined, again.total.loaded) == (0, 0)
    # Nothing was billed, so the readings say up to which day things are known.
    assert made.last_day == "2014-01-01"
    named, daily = set(), {}
    for batch in batches_of(database):
        daily |= dict(zip(batch.subscription_no, batch.daily_kwh[:, -3:].tolist(), strict=True))
        rules = list(load_catalogue().active("usage_point"))
        named |= {(one.rule_id, one.subject_key) for one in find(batch, rules, ReferenceEvaluator).findings}
    assert ("T31", "MAC2") in named
    assert {key for _, key in named} == {"MAC2"}
    # Months come from the readings; of the household that left none is known.
    assert daily["MAC1"] == pytest.approx([18.0, 18.0, 18.0], rel=0.02)
    assert daily["MAC2"][2] < 0.8 * daily["MAC1"][2]
    assert np.isnan(daily["MAC3"]).all()


@pytest.mark.skipif(
    not REAL.is_file(),
    reason=f"the half-hourly readings are not at {REAL}; set TARAZU_TEST_DATA to the folder of the data sets",
)
async def test_real_households_load_with_every_reading(database, tmp_path, sql_for):
    rows = pl.scan_parquet(REAL).filter(pl.col("lcl_id").is_in(["MAC000002", "MAC000003"])).collect()
    file = tmp_path / "halfhourly_two.parquet"
    rows.write_parquet(file)

    summary = await run_import(database, "lcl100", [file])

    assert summary.entities["interval_reading"].loaded == len(rows) > 30_000
    ((kwh, newest),) = sql_for(database)(
        "SELECT sum(value), max(started_at AT TIME ZONE 'UTC')::text FROM interval_reading"
    )
    assert kwh == pytest.approx(rows["kwh"].cast(pl.Float64).sum(), rel=1e-9)
    assert newest == "2013-12-31 23:30:00"


def batches_of(settings):
    manifest = require_manifest(settings.lake_directory)
    as_of = dt.date.fromisoformat(manifest.last_day)
    for bucket in manifest.bucket.values():
        yield read_bucket(
            settings.lake_directory / bucket.folder,
            last_month=month_number(as_of - dt.timedelta(days=1)),
            bucket_last_month=bucket.last_month,
            as_of=as_of,
            site=load_site(as_of),
        )
