from __future__ import annotations

import dataclasses
import math
import statistics

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.batch import PeerGroups
from rules.signals import all_signals
from rules.signals.peer_level import STEPS, merge_histograms, peer_groups, peer_histogram, quantised_log
from rules.testing.points import Point, point_batch

_LAST_MONTH = 2025 * 12 + 11
_AS_OF = 20_442  # 2025-12-20


def batch_of(levels, site, peers=None):
    """Points that use a level evenly; NaN has no bills."""
    points = [
        Point(daily_kwh=[level] * 3, district_id=district, contracted_power_kw=power, tariff_class=tariff)
        for level, district, power, tariff in levels
    ]
    return point_batch(points, last_month=_LAST_MONTH, as_of=_AS_OF, site=site, peers=peers)


_levels = st.lists(
    st.tuples(
        st.one_of(st.just(math.nan), st.just(0.0), st.floats(0.015625, 4096.0, width=32)),
        st.sampled_from([1, 1, 77]),
        st.sampled_from([math.nan, 5.0, 5.01, 30.0, 2000.0]),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None)
@given(_levels, st.integers(1, 6), st.randoms(use_true_random=False))
def test_medians_merged_over_any_split_are_those_of_all_values_at_once(site, levels, parts, random):
    whole = batch_of(levels, site)
    owners = [random.randrange(parts) for _ in levels]
    split = [[level for level, owner in zip(levels, owners, strict=True) if owner == i] for i in range(parts)]
    histograms = [peer_histogram(batch_of(part, site)) for part in split if part]
    groups = peer_groups(*merge_histograms(histograms))

    steps = quantised_log(whole.recent_daily_kwh)
    known = ~np.isnan(steps)
    assert groups.key.tolist() == sorted(set(whole.peer_key[known].tolist()))
    for i, key in enumerate(groups.key.tolist()):
        values = steps[known & (whole.peer_key == key)]
        middle = np.median(values)
        assert groups.count[i] == len(values)
        assert groups.median[i] == middle / STEPS
        assert groups.mad[i] == np.median(np.abs(values - middle)) / STEPS


def test_nothing_to_merge_gives_no_groups():
    assert len(peer_groups(*merge_histograms([])).key) == 0


def test_peers_share_district_class_and_band_of_power(site):
    batch = batch_of(
        [
            (10.0, 1, 5.0, 0),
            (10.0, 1, 4.0, 0),
            (10.0, 1, 5.01, 0),
            (10.0, 2, 5.0, 0),
            (10.0, 1, 5.0, 1),
            (10.0, 1, math.nan, 0),
        ],
        site,
    )
    first, same, band, district, tariff, unknown = batch.peer_key.tolist()
    assert first == same == unknown  # power that is not known counts as the smallest band
    assert len({first, band, district, tariff}) == 4


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.data())
def test_the_level_is_the_robust_z_score_of_the_last_three_months(cases, data):
    case = data.draw(cases)
    peers = data.draw(
        st.one_of(
            st.none(),
            st.builds(
                lambda median, mad, count: (median, mad, count),
                st.floats(-3, 5),
                st.sampled_from([0.0, 0.2, 0.7]),
                st.integers(1, 500),
            ),
        )
    )
    batch = case.batch
    if peers is not None:
        median, mad, count = peers
        keys = np.unique(batch.peer_key)[: data.draw(st.integers(1, 3))]
        ones = np.ones(len(keys))
        batch = dataclasses.replace(
            batch, peers=PeerGroups(keys, (ones * count).astype(np.int64), ones * median, ones * mad)
        )
    values = all_signals()["peer_level"].kernel(batch)
    for row, point in enumerate(case.points):
        known = [i for i, use in enumerate(point.daily_kwh) if not math.isnan(use)]
        last = known[-1] if known else -1
        window = list(point.daily_kwh[last - 2 : last + 1]) if last >= 2 else []
        daily = statistics.fmean(window) if window else math.nan
        in_group = peers is not None and batch.peer_key[row] in batch.peers.key
        expected = (
            in_group and last >= batch.months - 4 and not math.isnan(daily) and daily > 0 and peers[1] > 0
        )
        assert bool(values.present[row]) == expected, point
        if expected:
            z = (round(math.log(daily) * STEPS) / STEPS - peers[0]) / (1.4826 * peers[1])
            typical = math.exp(peers[0])
            found = {name: float(column[row]) for name, column in values.fields.items()}
            assert math.isclose(found["robust_z"], z, rel_tol=1e-6, abs_tol=0.005 / peers[1])
            assert found["peers"] == peers[2]
            assert math.isclose(found["daily_kwh"], daily, rel_tol=1e-6)
            assert math.isclose(found["peer_daily_kwh"], typical, rel_tol=1e-9)
            assert math.isclose(
                found["lost_kwh"], max(typical - daily, 0) * 365.25, rel_tol=1e-6, abs_tol=1e-6
            )
            assert found["since"] == batch.as_of
