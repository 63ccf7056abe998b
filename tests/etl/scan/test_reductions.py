"""What the buckets say together: quantiles of peers, and the loss at each transformer with what visits explain."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from etl.lake.transformers import TransformerTable
from etl.scan.reductions import BALANCE_MONTHS, merge, reduce_bucket
from rules.batch import OUTCOMES, day_number, month_number, month_starts
from rules.site import load_site
from rules.testing.points import Point, Visit, point_batch

AS_OF = dt.date(2025, 12, 31)
LAST_MONTH = month_number(AS_OF)
DAYS = np.diff(month_starts(LAST_MONTH, BALANCE_MONTHS)).astype(np.float64)
THEFT, CLEAN = OUTCOMES.index("theft"), OUTCOMES.index("clean")
TRANSFORMER, OTHER = 7, 9


def visit(days_ago, outcome, kwh=math.nan):
    return Visit(day_number(AS_OF) - days_ago, outcome, kwh)


def whole(*buckets, delivered_kwh):
    """Of buckets of points; the transformer 7 delivered the same in each month, the transformer 9 has no meter."""
    site = load_site(AS_OF)
    sums = [
        reduce_bucket(point_batch(points, last_month=LAST_MONTH, as_of=day_number(AS_OF), site=site), DAYS)
        for points in buckets
    ]
    ids = np.array([TRANSFORMER, OTHER])
    delivered = np.full((2, BALANCE_MONTHS), np.nan)
    delivered[0] = delivered_kwh
    transformers = TransformerTable(ids, ["7", "9"], ids, ids, delivered)
    return merge(sums, transformers, last_month=LAST_MONTH, as_of=day_number(AS_OF), site=site).around


def test_a_loss_is_of_a_month_and_visits_behind_the_transformer_explain_it():
    thief = Point([10.0] * 24, transformer_id=TRANSFORMER, visits=[visit(30, THEFT, 1_200.0)])
    neighbour = Point([10.0] * 24, transformer_id=TRANSFORMER)
    losses = whole([thief], [neighbour, neighbour], delivered_kwh=2_000.0).losses

    assert losses.transformer_id.tolist() == [TRANSFORMER, OTHER]
    billed = 3 * 10.0 * (30 + 31)  # of November and December
    assert losses.lost_kwh[0] == pytest.approx((2 * 2_000 * 0.95 - billed) / 2)
    assert losses.non_technical_loss_percent[0] > 8
    assert losses.explained_kwh[0] == pytest.approx(100.0)
    assert np.isnan(losses.lost_kwh[1])
    assert losses.explained_kwh[1] == 0


@pytest.mark.parametrize(
    "visits",
    [
        [visit(30, CLEAN, 1_200.0)],
        [visit(30, THEFT)],
        [visit(200, THEFT, 1_200.0)],
    ],
    ids=["nothing found", "no estimate", "before the balance's months"],
)
def test_a_visit_that_tells_nothing_of_these_months_explains_nothing(visits):
    point = Point([10.0] * 24, transformer_id=TRANSFORMER, visits=visits)
    assert whole([point], delivered_kwh=2_000.0).losses.explained_kwh.tolist() == [0.0, 0.0]


def test_a_visit_to_a_point_without_a_transformer_explains_nobodys_loss():
    point = Point([10.0] * 24, visits=[visit(30, THEFT, 1_200.0)])
    assert whole([point], delivered_kwh=2_000.0).losses.explained_kwh.tolist() == [0.0, 0.0]


def test_hours_of_contracts_are_compared_over_districts_and_summers_within_them():
    points = [
        Point([10.0 + i] * 24, district_id=1 + i % 2, tariff_class=3, contracted_power_kw=50.0)
        for i in range(20)
    ]
    around = whole(points[:7], points[7:], delivered_kwh=1.0)

    assert around.hours_of_use.count.tolist() == [20]
    assert around.summer_rise.count.tolist() == [10, 10]
    hours = sorted((10.0 + i) * 365.25 / 50 for i in range(20))
    assert around.hours_of_use.tenth[0] == pytest.approx(hours[1], rel=0.003)
    assert around.hours_of_use.median[0] == pytest.approx(hours[9], rel=0.003)
    assert around.summer_rise.median.tolist() == [1.0, 1.0]
