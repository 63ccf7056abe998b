from __future__ import annotations

import dataclasses
import math
import statistics

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.batch import TransformerBatch, month_starts
from rules.signals import all_signals
from rules.signals.technical_loss import technical_loss_percent

_LAST_MONTH = 2025 * 12 + 11
_energy = st.one_of(st.just(math.nan), st.just(0.0), st.floats(1.0, 1e5))
_month = st.tuples(_energy, st.floats(0.0, 1e5), st.sampled_from([0.5, 0.95, 1.0]), st.floats(-1e4, 1e4))


def expected_of(months, customers, site):
    """The newest two months running that have the transformer's reading and enough bills, or None."""
    starts = month_starts(_LAST_MONTH, len(months))
    for later in range(len(months) - 1, 0, -1):
        pair = [months[later - 1], months[later]]
        if not all(delivered > 0 and coverage * 100 >= 95 for delivered, _, coverage, _ in pair):
            continue
        loss = min((delivered - billed - moved) / delivered for delivered, billed, _, moved in pair) * 100
        delivered, billed, moved = (sum(month[i] for month in pair) for i in (0, 1, 3))
        billed += moved
        shares = [(d - b - m) / d * 100 for d, b, coverage, m in months if d > 0 and coverage * 100 >= 95]
        uncertainty = math.hypot(
            site.technical_loss_uncertainty_percent, statistics.stdev(shares) / math.sqrt(2)
        )
        beyond = loss - site.technical_loss_percent
        return {
            "non_technical_loss_percent": loss - site.technical_loss_percent,
            "loss_percent": loss,
            "technical_loss_percent": site.technical_loss_percent,
            "uncertainty_percent": uncertainty,
            "confidence_percent": statistics.NormalDist().cdf(beyond / uncertainty) * 100,
            "remapped_kwh": moved,
            "delivered_kwh": delivered,
            "billed_kwh": billed,
            "lost_kwh": max(delivered * (1 - site.technical_loss_percent / 100) - billed, 0.0),
            "customers": customers,
            "since": starts[later - 1],
            "until": starts[later + 1],
        }
    return None


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(_month, min_size=n, max_size=n), min_size=1, max_size=4)
    )
)
def test_energy_balance_takes_the_newest_two_complete_months(site, transformers):
    delivered, billed, coverage, moved = (
        np.array([[month[i] for month in months] for months in transformers]) for i in range(4)
    )
    count = len(transformers)
    batch = TransformerBatch(
        transformer_id=np.arange(count),
        code=[str(i) for i in range(count)],
        district_id=np.ones(count, np.int64),
        delivered_kwh=delivered,
        feeder_id=np.full(count, -1),
        billed_kwh=billed,
        moved_kwh=moved,
        ranked=[f"S{i}" for i in range(count)],
        coverage=coverage,
        customers=np.arange(count) + 7,
        last_month=_LAST_MONTH,
        site=site,
    )
    values = all_signals()["energy_balance"].kernel(batch)
    for row, months in enumerate(transformers):
        expected = expected_of(months, row + 7, site)
        assert bool(values.present[row]) == (expected is not None)
        if expected is not None:
            fields = dict(values.fields)
            assert fields.pop("ranked")[row] == f"S{row}"
            feeder = float(fields.pop("feeder_loss_percent")[row])
            own = [month for month in months if month[0] > 0 and month[2] * 100 >= 95]
            assert math.isclose(
                feeder,
                (1 - sum(b for _, b, *_ in own) / sum(d for d, *_ in own)) * 100,
                abs_tol=1e-6,
                rel_tol=1e-9,
            )
            found = {name: float(column[row]) for name, column in fields.items()}
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                assert math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-6), name


def batch_of(losses, site, *, feeder_id=None, moved=None, customers=50):
    """Transformers of which each lost the same percent of 1,000 kWh in six months."""
    count = len(losses)
    delivered = np.full((count, 6), 1000.0)
    return TransformerBatch(
        transformer_id=np.arange(count),
        code=[str(i) for i in range(count)],
        district_id=np.ones(count, np.int64),
        feeder_id=np.full(count, -1) if feeder_id is None else np.array(feeder_id),
        delivered_kwh=delivered,
        billed_kwh=delivered * (1 - np.array(losses)[:, None] / 100),
        moved_kwh=np.zeros((count, 6)) if moved is None else np.repeat(np.array(moved)[:, None], 6, axis=1),
        coverage=np.ones((count, 6)),
        ranked=["–"] * count,
        customers=np.full(count, customers),
        last_month=_LAST_MONTH,
        site=site,
    )


def test_technical_loss_is_the_usual_loss_of_thirty_transformers_and_more(site):
    assert technical_loss_percent(batch_of([6.0] * 29, site)) == site.technical_loss_percent
    assert math.isclose(technical_loss_percent(batch_of([6.0] * 25 + [40.0] * 20, site)), 6.0)
    unmeasured = batch_of([6.0] * 30, site)
    unmeasured.delivered_kwh[0] = np.nan
    assert technical_loss_percent(unmeasured) == site.technical_loss_percent


def test_where_most_steal_theft_does_not_pass_for_technical_loss(site):
    most = site.technical_loss_percent + 2 * site.technical_loss_uncertainty_percent
    assert technical_loss_percent(batch_of([25.0] * 40, site)) == most


def test_a_feeder_balances_over_its_transformers_whoever_is_recorded_where(site):
    batch = batch_of([20.0, -10.0, 8.0], site, feeder_id=[7, 7, 9], moved=[150.0, -150.0, 0.0])
    values = all_signals()["energy_balance"].kernel(batch)
    np.testing.assert_allclose(values.fields["feeder_loss_percent"], [5.0, 5.0, 8.0])
    np.testing.assert_allclose(values.fields["non_technical_loss_percent"], [0.0, 0.0, 3.0], atol=1e-9)
    without = dataclasses.replace(batch, moved_kwh=np.zeros((3, 6)))
    assert all_signals()["energy_balance"].kernel(without).fields["non_technical_loss_percent"][0] == 15.0
