from __future__ import annotations

import math


def test_summer_rise_is_what_it_says(agrees, months_of, key_of):
    def definition(point, batch):
        months, groups = months_of(point, batch), batch.summer_rise_peers
        if groups is None or point.tariff_class != 0 or key_of(point) not in groups.key:
            return None
        first = batch.last_month - len(months.daily) + 1
        use = {first + column: value for column, value in enumerate(months.daily)}
        years = sorted({month // 12 for month in use}, reverse=True)
        for year in years:
            four = [use.get(year * 12 + month, math.nan) for month in (3, 4, 6, 7)]
            if not any(map(math.isnan, four)):
                break
        else:
            return None
        spring, summer = (four[0] + four[1]) / 2, (four[2] + four[3]) / 2
        if spring == 0 or summer == 0:
            return None
        at = groups.key.tolist().index(key_of(point))
        july = year * 12 + 6 - first
        return {
            "ratio": summer / spring,
            "peer_ratio": groups.median[at],
            "peers": groups.count[at],
            "spring_daily_kwh": spring,
            "summer_daily_kwh": summer,
            "lost_kwh": max(groups.median[at] * spring - summer, 0) * 62,
            "since": months.starts[july],
            "until": months.starts[july + 2],
        }

    agrees("summer_rise", definition, examples=200)
