from __future__ import annotations

import math
import statistics


def test_closed_season_is_what_it_says(agrees, months_of, site):
    def definition(point, batch):
        months = months_of(point, batch)
        if point.tariff_class != 2 or not months.current:
            return None
        year = months.window(12, 1)
        first = batch.last_month - (len(months.daily) - 1 - months.last) - 11
        known = [((first + i) % 12 + 1, use) for i, use in enumerate(year) if not math.isnan(use)]
        shut = [use for month, use in known if month in site.closed_irrigation_months]
        running = [use for month, use in known if month not in site.closed_irrigation_months]
        if len(shut) < 3 or len(running) < 3 or sum(running) == 0:
            return None
        closed_daily, open_daily = statistics.fmean(shut), statistics.fmean(running)
        return {
            "share_percent": closed_daily / open_daily * 100,
            "closed_daily_kwh": closed_daily,
            "open_daily_kwh": open_daily,
            "closed_kwh": sum(shut) * 365.25 / 12,
            "since": months.starts[max(months.last - 11, 0)],
            "until": months.starts[months.last + 1],
        }

    agrees("closed_season", definition, examples=300)
