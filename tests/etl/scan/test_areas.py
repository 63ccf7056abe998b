"""From a customer at the wrong transformer in the register to a proposal, and a transformer that is accused no more."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter

import numpy as np
import pytest

from etl.arrivals.worker import work
from etl.lake.files import read_area_points
from etl.lake.manifest import require_manifest
from etl.lake.snapshot import snapshot
from etl.scan.run import scan
from etl.scan.simulate import simulate
from rules.areas import AREA_MONTHS, joined
from rules.batch import EPOCH, month_starts
from rules.loader import load_catalogue
from rules.parameter_settings import ParameterSetting

FINDINGS = (
    'SELECT rule_id, subject_key, evidence::text, sentence_fa FROM finding f JOIN "case" c ON c.id = f.case_id'
    " WHERE ended_scan_run_id IS NULL AND rule_id IN ('B21', 'T17', 'T30') ORDER BY 1, 2"
)


def points_of(settings):
    """All points of the lake that have a transformer, and the months' first days."""
    manifest = require_manifest(settings.lake_directory)
    ids = np.arange(1_000_000)
    parts = [
        read_area_points(
            settings.lake_directory / bucket.folder,
            ids,
            bucket=int(number),
            last_month=bucket.last_month,
            bucket_last_month=bucket.last_month,
            months=AREA_MONTHS,
        )
        for number, bucket in manifest.bucket.items()
    ]
    last_month = next(iter(manifest.bucket.values())).last_month
    return joined(parts, AREA_MONTHS), month_starts(last_month, AREA_MONTHS).tolist()


@pytest.fixture
def one_feeder(utility, sql):
    """(settings, number of a customer, its right transformer, a neighbour): all transformers hang on one feeder and lose
    the technical five percent, so that nothing is amiss.
    """
    snapshot(utility)
    points, starts = points_of(utility)
    sql("UPDATE distribution_transformer SET feeder_id = (SELECT min(id) FROM feeder)")
    sql("DELETE FROM transformer_energy")
    known = (~np.isnan(points.kwh)).all(axis=1)
    rows = []
    for transformer in np.unique(points.transformer_id).tolist():
        here = points.transformer_id == transformer
        for month, kwh in enumerate(np.nansum(points.kwh[here], axis=0).tolist()):
            start, end = (EPOCH + dt.timedelta(days=day) for day in starts[month : month + 2])
            rows.append(f"({transformer}, '{start}', '{end}', {kwh / 0.95 + 1})")
    sql(
        "INSERT INTO transformer_energy (transformer_id, period_start, period_end, delivered_kwh) VALUES "
        + ", ".join(rows)
    )
    sizes = np.where(known, np.nansum(points.kwh, axis=1), 0.0)
    whole = Counter()
    for transformer, size in zip(points.transformer_id.tolist(), sizes.tolist(), strict=True):
        whole[transformer] += size
    share = sizes / np.array([max(whole[one], 1.0) for one in points.transformer_id.tolist()])
    one = int(np.argmax(np.where(share < 0.5, share, 0.0)))
    right = int(points.transformer_id[one])
    # Of a similar size, so that the surplus is as plain as the loss.
    other = min((abs(whole[t] - whole[right]), t) for t in whole if t != right)[1]
    return utility, str(points.subscription_no[one]), right, other


async def test_a_customer_at_the_wrong_transformer_is_proposed_on_arrival_as_in_a_scan(one_feeder, sql):
    settings, number, right, other = one_feeder
    await work(settings, once=True)
    assert sql(FINDINGS) == []

    sql(f"UPDATE usage_point SET transformer_id = {other} WHERE subscription_no = '{number}'")
    (summary,) = (await work(settings, once=True)).evaluations
    found = sql(FINDINGS)
    assert [(rule, key) for rule, key, *_ in found] == [("B21", number)]
    evidence = {entry["field"]: entry["value"] for entry in json.loads(found[0][2])}
    codes = dict(sql("SELECT id, code FROM distribution_transformer"))
    assert (evidence["recorded"], evidence["proposed"]) == (codes[other], codes[right])
    assert evidence["recorded_before_percent"] < -3
    assert evidence["proposed_before_percent"] > 5
    assert abs(evidence["recorded_after_percent"]) < 1
    assert abs(evidence["proposed_after_percent"]) < 1
    assert summary.findings_new > 0
    # Even where T17 allows no more than two percent, the right transformer is not accused of what the mapping explains.
    said = simulate(
        settings,
        load_catalogue(),
        "T17",
        [ParameterSetting("T17", "non_technical_loss_percent", None, None, 2.0)],
    )
    assert (said.now.findings, said.then.findings) == (0, 0)

    again = await scan(settings, load_catalogue())
    assert (again.cases_opened, again.cases_updated, again.findings_new) == (0, 0, 0)
    assert sql(FINDINGS) == found
