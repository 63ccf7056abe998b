"""The binomial tail and the correction for many comparisons, against their definitions in whole numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rules.signals.significance import MOST_EVIDENCE, evidence, log10_binomial_tail, log10_t_tail


def exact_log10_tail(count, trials, p):
    """By summing whole numbers: p = a / b gives P = sum / b ** trials."""
    a, b = Fraction(p).limit_denominator(1000).as_integer_ratio()
    ways = sum(
        math.comb(trials, i) * a**i * (b - a) ** (trials - i) for i in range(max(count, 0), trials + 1)
    )
    return math.log10(ways) - trials * math.log10(b)


# Sums of whole numbers of hundreds of digits: slow on a busy machine, which is no fault.
@settings(deadline=None)
@given(
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(1, 999).map(lambda thousandths: thousandths / 1000),
)
def test_the_tail_is_the_sum_of_the_binomial_also_where_it_underflows(counted, p):
    count, trials = counted
    found = log10_binomial_tail(np.array([count]), np.array([trials]), np.array([p]))[0]
    assert found == pytest.approx(exact_log10_tail(count, trials, p), rel=1e-8, abs=1e-8)


def test_a_tail_smaller_than_any_float_has_its_logarithm():
    found = log10_binomial_tail(np.array([9_000.0]), np.array([10_000.0]), np.array([0.1]))[0]
    assert found == pytest.approx(exact_log10_tail(9_000, 10_000, 0.1), rel=1e-6)
    assert found < -5_000


@given(st.lists(st.tuples(st.floats(-400, 0), st.booleans()), max_size=30))
def test_evidence_is_the_q_value_of_benjamini_and_hochberg(drawn):
    logs, tested = np.array([log for log, _ in drawn]), np.array([flag for _, flag in drawn], np.bool_)
    found = evidence(logs, tested)
    those = [log for log, flag in drawn if flag]
    for value, log, flag in zip(found, logs, tested, strict=True):
        if not flag:
            assert value == 0
            continue
        # The least p·m/rank of those at least as large.
        ordered = sorted(those)
        q = min(
            other + math.log10(len(those) / (rank + 1)) for rank, other in enumerate(ordered) if other >= log
        )
        assert value == pytest.approx(min(max(-q, 0), MOST_EVIDENCE), abs=1e-9)


def test_with_more_agents_compared_the_same_count_is_weaker_evidence():
    one = evidence(np.array([-4.0]), np.array([True]))[0]
    among_many = evidence(np.array([-4.0] + [0.0] * 999), np.ones(1000, np.bool_))[0]
    assert (one, among_many) == (4.0, 1.0)


def test_among_innocent_agents_hardly_one_is_found():
    random = np.random.default_rng(5)
    count = random.binomial(800, 0.1, 2000).astype(float)
    found = evidence(
        log10_binomial_tail(count, np.full(2000, 800.0), np.full(2000, 0.1)), np.ones(2000, np.bool_)
    )
    assert (found >= 3).sum() == 0
    # Without the correction some would be.
    assert (log10_binomial_tail(count, np.full(2000, 800.0), np.full(2000, 0.1)) <= -3).sum() > 0


def test_the_tail_of_students_t_is_that_of_a_statistics_package():
    t, degrees = np.meshgrid([0.0, 0.1, 0.7, 1.0, 2.0, 5.0, 12.0], [1.0, 1.5, 2.0, 4.0, 10.0, 45.5, 200.0])
    found = log10_t_tail(t.ravel(), degrees.ravel())
    np.testing.assert_allclose(found, stats.t.logsf(t, degrees).ravel() / math.log(10), rtol=1e-5, atol=1e-5)


def test_a_slope_the_other_way_is_no_evidence():
    assert log10_t_tail(np.array([-5.0]), np.array([10.0]))[0] == pytest.approx(math.log10(0.5), abs=1e-5)
