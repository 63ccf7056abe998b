from __future__ import annotations

import math


def test_zero_run_is_what_it_says(agrees, months_of):
    def definition(point, batch):
        months = months_of(point, batch)
        run = 0
        while run < len(months.daily) and months.back(run + 1) == 0:
            run += 1
        if not months.current or run == 0:
            return None
        before = [use for use in months.window(run + 12, run + 1) if not math.isnan(use)]
        usual = sum(before) / len(before) if before else 0.0
        return {
            "months": run,
            "usual_daily_kwh": usual,
            "lost_kwh": usual * run * 365.25 / 12,
            "since": months.starts[months.last - run + 1],
            "until": months.starts[months.last + 1],
        }

    agrees("zero_run", definition)
