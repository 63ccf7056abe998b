from __future__ import annotations

import bisect
import math
import statistics

from rules.batch import EVENT_KINDS, TAMPER_EVENTS


def test_tamper_event_is_what_it_says(agrees, months_of):
    def known_mean(values):
        known = [value for value in values if not math.isnan(value)]
        return statistics.fmean(known) if known else None

    def definition(point, batch):
        months = months_of(point, batch)
        count = len(months.daily)

        def use(first, last):
            return known_mean([months.daily[m] for m in range(first, last + 1) if 0 <= m < count])

        seen, best = 0, None
        for day, kind in sorted(point.events):
            if EVENT_KINDS[kind] not in TAMPER_EVENTS:
                continue
            month = bisect.bisect_right(months.starts, day) - 1
            if not 0 <= month < count:
                continue
            seen += 1
            for split in (month, month - 1, month + 1):
                before, after = use(split - 3, split - 1), use(split + 1, split + 3)
                if not before or after is None:
                    continue
                fall = (1 - after / before) * 100
                if best is None or fall > best[0]:
                    last_day = months.starts[split + 1] - 1
                    distance = max(months.starts[split] - day, day - last_day, 0)
                    best = (fall, distance, before - after, day)
        if best is None:
            return None
        fall, distance, kwh, day = best
        until = months.starts[months.last + 1]
        return {
            "events": seen,
            "drop_percent": fall,
            "days_to_drop": distance,
            "lost_kwh": max(kwh, 0.0) * min(max(until - day, 0), 365.25),
            "since": day,
            "until": until,
        }

    agrees("tamper_event", definition)
