from __future__ import annotations

import math

import numpy as np
import pytest

from rules.signals.peer_level import merge_histograms, peer_quantiles, quantised_log


def test_contract_use_is_what_it_says(agrees, months_of, key_of):
    def definition(point, batch):
        months, groups = months_of(point, batch), batch.hours_of_use_peers
        year = months.window(12, 1)
        power = point.contracted_power_kw
        if groups is None or not months.current or any(map(math.isnan, year)) or not power > 0:
            return None
        kwh = sum(year) / 12 * 365.25
        key = key_of(point) % 64
        if kwh == 0 or key not in groups.key:
            return None
        at = groups.key.tolist().index(key)
        hours = kwh / power
        return {
            "hours": hours,
            "percent_of_tenth": hours / groups.tenth[at] * 100,
            "percent_of_median": hours / groups.median[at] * 100,
            "peer_hours": groups.median[at],
            "peers": groups.count[at],
            "contracted_kw": power,
            "lost_kwh": max(groups.median[at] - hours, 0) * power,
            "since": months.starts[months.last - 11],
            "until": months.starts[months.last + 1],
        }

    agrees("contract_use", definition)


@pytest.mark.parametrize("seed", range(20))
def test_quantiles_are_those_of_all_members_whatever_the_buckets(seed):
    """The smallest value that a tenth and a half of the members do not exceed, to half a percent."""
    rng = np.random.default_rng(seed)
    bins = 40 * 200 + 1
    groups = rng.integers(0, 3, 90)
    values = np.exp(rng.normal(2, 1.5, 90))
    steps = quantised_log(values).astype(np.int64) + 20 * 200
    buckets = rng.integers(0, 4, 90)
    parts = [np.unique((groups * bins + steps)[buckets == b], return_counts=True) for b in range(4)]
    found = peer_quantiles(*merge_histograms(parts))

    assert found.key.tolist() == sorted(set(groups.tolist()))
    for at, group in enumerate(found.key):
        members = np.sort(values[groups == group])
        count = len(members)
        assert found.count[at] == count
        for share, quantile in ((1, found.tenth[at]), (5, found.median[at])):
            assert quantile == pytest.approx(members[math.ceil(count * share / 10) - 1], rel=0.0026)


def test_no_members_are_no_groups():
    found = peer_quantiles(*merge_histograms([]))
    assert [len(a) for a in (found.key, found.count, found.tenth, found.median)] == [0, 0, 0, 0]
