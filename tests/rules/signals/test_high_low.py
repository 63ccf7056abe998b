from __future__ import annotations

import math
import statistics


def test_high_low_is_what_it_says(agrees, months_of, ordered):
    def known_mean(values):
        known = [value for value in values if not math.isnan(value)]
        return statistics.fmean(known) if known else None

    def definition(point, batch):
        months, bills = months_of(point, batch), ordered(point)
        if not months.current or not bills:
            return None
        year_before = months.window(14, 12) if len(months.daily) >= 14 else []
        means = [known_mean(months.window(5, 3)), known_mean(year_before)]
        references = [mean for mean in means if mean is not None]
        newest = bills[-1]
        days = newest.period_end - newest.period_start
        daily = newest.consumption_kwh / days
        if not references or max(daily, statistics.fmean(references)) == 0:
            return None
        usual = statistics.fmean(references)
        low, high = sorted([daily, usual])
        return {
            "factor": min(high / low, 1000.0) if low > 0 else 1000.0,
            "daily_kwh": daily,
            "usual_daily_kwh": usual,
            "difference_kwh": abs(daily - usual) * days,
            "since": newest.period_start,
            "until": newest.period_end,
            "invoice_id": newest.invoice_id,
        }

    agrees("high_low", definition)
