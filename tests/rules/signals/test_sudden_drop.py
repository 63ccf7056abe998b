from __future__ import annotations

import math
import statistics


def test_sudden_drop_is_what_it_says(agrees, months_of):
    def definition(point, batch):
        months = months_of(point, batch)
        if not months.current or len(months.daily) < 21:
            return None
        now = sum(months.window(3, 1)) / 3
        then = sum(months.window(15, 13)) / 3

        def variation(months_back, least):
            ratios = [
                months.back(k) / months.back(k + 12)
                for k in months_back
                if not math.isnan(months.back(k)) and months.back(k + 12) > 0
            ]
            if len(ratios) < least or sum(ratios) == 0:
                return []
            return [statistics.pstdev(ratios) / statistics.fmean(ratios)]

        earlier = variation(range(10, 13), 3) if len(months.daily) >= 24 else []
        variations = variation(range(4, 10), 4) + earlier
        if math.isnan(now) or math.isnan(then) or then == 0 or not variations:
            return None
        if len(months.daily) >= 24:
            falls = [max(months.back(k + 12) - months.back(k), 0.0) for k in range(1, 13)]
            lost = sum(fall for fall in falls if not math.isnan(fall))
        else:
            lost = max(then - now, 0.0) * 3
        return {
            "drop_percent": (1 - now / then) * 100,
            "variation_before": min(variations),
            "now_daily_kwh": now,
            "then_daily_kwh": then,
            "lost_kwh": lost * 365.25 / 12,
            "since": months.starts[months.last - 2],
            "until": months.starts[months.last + 1],
        }

    agrees("sudden_drop", definition)
