from __future__ import annotations

import math
import statistics


def test_slow_decline_is_what_it_says(agrees, months_of):
    def definition(point, batch):
        months = months_of(point, batch)
        unbroken = 0
        while unbroken < len(months.daily) and not math.isnan(months.back(unbroken + 1)):
            unbroken += 1
        if not months.current or unbroken < 24:
            return None
        means = [statistics.fmean(months.window(k + 11, k)) for k in range(unbroken - 11, 0, -1)]
        if means[0] == 0:
            return None
        level = max(means) - min(means) < 1e-9  # what is left is rounding, and correlates with anything
        return {
            "correlation": math.nan if level else statistics.correlation(range(len(means)), means),
            "fall_percent": (1 - means[-1] / means[0]) * 100,
            "months": unbroken,
            "first_daily_kwh": means[0],
            "last_daily_kwh": means[-1],
            "lost_kwh": max(means[0] - means[-1], 0.0) * 365.25,
            "since": months.starts[months.last - unbroken + 1],
            "until": months.starts[months.last + 1],
        }

    agrees("slow_decline", definition)
