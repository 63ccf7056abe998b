from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.batch import TransformerBatch, month_starts
from rules.signals import all_signals

_LAST_MONTH = 2025 * 12 + 11
_energy = st.one_of(st.just(math.nan), st.just(0.0), st.floats(1.0, 1e5))
_month = st.tuples(_energy, st.floats(0.0, 1e5), st.sampled_from([0.5, 0.95, 1.0]))


def expected_of(months, customers, site):
    """The newest two months running that have the transformer's reading and enough bills, or None."""
    starts = month_starts(_LAST_MONTH, len(months))
    for later in range(len(months) - 1, 0, -1):
        pair = [months[later - 1], months[later]]
        if not all(delivered > 0 and coverage * 100 >= 95 for delivered, _, coverage in pair):
            continue
        loss = min((delivered - billed) / delivered for delivered, billed, _ in pair) * 100
        delivered, billed = sum(month[0] for month in pair), sum(month[1] for month in pair)
        return {
            "non_technical_loss_percent": loss - site.technical_loss_percent,
            "loss_percent": loss,
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
    delivered, billed, coverage = (
        np.array([[month[i] for month in months] for months in transformers]) for i in range(3)
    )
    count = len(transformers)
    batch = TransformerBatch(
        transformer_id=np.arange(count),
        code=[str(i) for i in range(count)],
        district_id=np.ones(count, np.int64),
        delivered_kwh=delivered,
        billed_kwh=billed,
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
            found = {name: float(column[row]) for name, column in values.fields.items()}
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                assert math.isclose(found[name], value, rel_tol=1e-9, abs_tol=1e-6), name
