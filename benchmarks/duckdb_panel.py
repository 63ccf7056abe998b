"""Signals of the panel as DuckDB SQL: the months of each point, its peers and its tamper events.

Columns are `<signal>_<field>`; a point without a row has not got the signal. Numbers that conditions compare are
rounded as they are before a rule sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rules.batch import POWER_BANDS_KW
from rules.signals.zero_run import MONTH_DAYS

if TYPE_CHECKING:
    from pathlib import Path

_BAND: Final = " + ".join(f"(coalesce(contracted_power_kw, 0) > {bound})::int" for bound in POWER_BANDS_KW)


def statements(folder: Path) -> list[str]:
    return [
        "CREATE TEMP MACRO first_day(month) AS make_date((month // 12)::bigint, (month % 12 + 1)::bigint, 1)",
        _points(folder),
        *_use(folder),
        _CIRCUMSTANCES,
        _SUDDEN_DROP,
        _ZERO_RUN,
        _SLOW_DECLINE,
        _PEER_LEVEL,
        _tamper_event(folder),
    ]


def _points(folder: Path) -> str:
    return f"""
CREATE TEMP TABLE point AS
SELECT usage_point_id, district_id, tariff_class, {_BAND} AS band, is_government, meter_since, vacant_from, vacant_to,
    CASE WHEN cut_from <= $as_of AND coalesce(cut_to > $as_of, true) THEN cut_from END AS cut_on,
    coalesce(seasonal_from <= $as_of AND coalesce(seasonal_to > $as_of, true), false) AS is_seasonal,
    coalesce(generation_from <= $as_of AND coalesce(generation_to > $as_of, true), false) AS has_generation
FROM '{folder}/points.parquet'"""


def _use(folder: Path) -> list[str]:
    """`month`: the known months, counted back from the last one (k = 0); `use`: one row a point."""
    wide = ", ".join(f"max(v) FILTER (k = {-k}) AS v{k}" for k in range(24))
    return [
        f"""
CREATE TEMP TABLE month AS
WITH used AS (SELECT usage_point_id, month, kwh_day::double AS v FROM '{folder}/use.parquet'),
last AS (SELECT usage_point_id, max(month) AS last_month FROM used GROUP BY ALL)
SELECT usage_point_id, month - last_month AS k, v, last_month, last_month > $last_month - 4 AS is_current
FROM used JOIN last USING (usage_point_id)""",
        f"""
CREATE TEMP TABLE use AS
WITH wide AS (
    SELECT usage_point_id, any_value(last_month) AS last_month, any_value(is_current) AS is_current,
        count(*) AS known_months, 12 - count(*) FILTER (k > -12) AS missing_months,
        avg(v) FILTER (k BETWEEN -4 AND -2) AS before, avg(v) FILTER (k BETWEEN -13 AND -11) AS year_before,
        {wide}
    FROM month GROUP BY usage_point_id
)
SELECT *, (v2 + v1 + v0) / 3 AS now, (v14 + v13 + v12) / 3 AS then_ FROM wide""",
    ]


_CIRCUMSTANCES: Final = """
CREATE TEMP TABLE circumstances AS
SELECT usage_point_id, tariff_class, is_government AS government_customer, is_seasonal AS seasonal_premises,
    has_generation AS generation_contract, cut_on AS supply_cut_since,
    $as_of - meter_since AS meter_exchange_days_ago, meter_since AS meter_exchange_since,
    CASE WHEN vacant_from <= $as_of AND coalesce(
        vacant_to > first_day(greatest(last_month - 2, $last_month - 23)), true) THEN vacant_from
    END AS declared_vacancy_since,
    coalesce(known_months, 0) AS history_known_months, coalesce(missing_months, 12) AS history_missing_months
FROM point LEFT JOIN use USING (usage_point_id)"""


def _variation(name: str, least: int) -> str:
    return f"CASE WHEN len({name}) >= {least} AND list_avg({name}) > 0 THEN list_stddev_pop({name}) / list_avg({name}) END"


def _relative(months: range) -> str:
    ratios = ", ".join(f"v{k} / v{k + 12}" for k in months)
    return f"list_filter([{ratios}], lambda x: isfinite(x))"


_SUDDEN_DROP: Final = f"""
CREATE TEMP TABLE sudden_drop AS
WITH relative AS (
    SELECT *, {_relative(range(3, 9))} AS later, {_relative(range(9, 12))} AS earlier
    FROM use WHERE is_current AND then_ > 0 AND now IS NOT NULL
), varied AS (
    SELECT *, least({_variation("later", 4)}, {_variation("earlier", 3)}) AS variation FROM relative
)
SELECT usage_point_id, round((1 - now / then_) * 100, 4) AS sudden_drop_drop_percent,
    round(variation, 4) AS sudden_drop_variation_before, now AS sudden_drop_now_daily_kwh,
    round(then_, 4) AS sudden_drop_then_daily_kwh,
    ({" + ".join(f"greatest(v{k + 12} - v{k}, 0)" for k in range(12))}) * {MONTH_DAYS} AS sudden_drop_lost_kwh,
    first_day(last_month - 2) AS sudden_drop_since, first_day(last_month + 1) AS sudden_drop_until
FROM varied WHERE variation IS NOT NULL"""


_ZERO_RUN: Final = f"""
CREATE TEMP TABLE zero_run AS
WITH ended AS (
    SELECT usage_point_id, k, v, row_number() OVER (PARTITION BY usage_point_id ORDER BY k DESC) - 1 AS back
    FROM month SEMI JOIN (SELECT usage_point_id FROM month WHERE k = 0 AND v = 0 AND is_current) USING (usage_point_id)
), run AS (
    SELECT usage_point_id, coalesce(min(back) FILTER (v <> 0 OR back <> -k), count(*)) AS months
    FROM ended GROUP BY usage_point_id
), usual AS (
    SELECT usage_point_id, any_value(months) AS months, any_value(last_month) AS last_month,
        coalesce(avg(v) FILTER (k BETWEEN -months - 11 AND -months), 0) AS daily
    FROM run JOIN month USING (usage_point_id) GROUP BY usage_point_id
)
SELECT usage_point_id, months AS zero_run_months, round(daily, 4) AS zero_run_usual_daily_kwh,
    daily * months * {MONTH_DAYS} AS zero_run_lost_kwh,
    first_day(greatest(last_month - months + 1, $last_month - 23)) AS zero_run_since,
    first_day(last_month + 1) AS zero_run_until
FROM usual"""


_SLOW_DECLINE: Final = f"""
CREATE TEMP TABLE slow_decline AS
WITH mean AS (
    SELECT usage_point_id, k, avg(v) OVER (PARTITION BY usage_point_id ORDER BY k ROWS 11 PRECEDING) AS year
    FROM month SEMI JOIN (SELECT usage_point_id FROM use WHERE is_current AND known_months = 24) USING (usage_point_id)
), ends AS (
    SELECT usage_point_id, corr(k, year) AS correlation, max(year) FILTER (k = -12) AS first,
        max(year) FILTER (k = 0) AS last
    FROM mean WHERE k >= -12 GROUP BY usage_point_id
)
SELECT usage_point_id,
    round(CASE WHEN isfinite(correlation) THEN correlation ELSE 0 END, 4) AS slow_decline_correlation,
    round((1 - last / first) * 100, 4) AS slow_decline_fall_percent, 24 AS slow_decline_months,
    round(first, 4) AS slow_decline_first_daily_kwh, last AS slow_decline_last_daily_kwh,
    greatest(first - last, 0) * 12 * {MONTH_DAYS} AS slow_decline_lost_kwh,
    first_day($last_month - 23) AS slow_decline_since, first_day($last_month + 1) AS slow_decline_until
FROM ends WHERE first > 0"""


_PEER_LEVEL: Final = f"""
CREATE TEMP TABLE peer_level AS
WITH level AS (
    SELECT usage_point_id, district_id, tariff_class, band, now AS daily,
        greatest(least(round_even(ln(now) * 200, 0), 4000), -4000) AS step
    FROM use JOIN point USING (usage_point_id) WHERE is_current AND now > 0
), peers AS (
    SELECT district_id, tariff_class, band, count(*) AS peers, median(step) / 200 AS median, mad(step) / 200 AS mad
    FROM level GROUP BY ALL
)
SELECT usage_point_id, round((step / 200 - median) / (mad * 1.4826), 4) AS peer_level_robust_z,
    peers AS peer_level_peers, daily AS peer_level_daily_kwh, exp(median) AS peer_level_peer_daily_kwh,
    greatest(exp(median) - daily, 0) * 12 * {MONTH_DAYS} AS peer_level_lost_kwh, $as_of AS peer_level_since
FROM level JOIN peers USING (district_id, tariff_class, band) WHERE mad > 0"""


def _tamper_event(folder: Path) -> str:
    return f"""
CREATE TEMP TABLE tamper_event AS
WITH event AS (
    SELECT usage_point_id, day, year(day) * 12 + month(day) - 1 AS month, row_number() OVER () AS event_id,
        count(*) OVER (PARTITION BY usage_point_id) AS events
    FROM '{folder}/events.parquet'
    WHERE year(day) * 12 + month(day) - 1 BETWEEN $last_month - 23 AND $last_month
), split AS (
    SELECT event_id, usage_point_id, day, events, rank, event.month + shift AS month,
        first_day(least(greatest(event.month + shift, $last_month - 23), $last_month)) AS first_day
    FROM event, (VALUES (0, 0), (-1, 1), (1, 2)) shifts(shift, rank)
), fall AS (
    SELECT event_id, rank, any_value(split.usage_point_id) AS usage_point_id, any_value(events) AS events,
        any_value(day) AS day, any_value(first_day) AS first_day, first_day(any_value(last_month) + 1) AS until,
        avg(v) FILTER (k + last_month < split.month) AS before, avg(v) FILTER (k + last_month > split.month) AS after
    FROM split JOIN month m ON m.usage_point_id = split.usage_point_id
        AND k + last_month BETWEEN split.month - 3 AND split.month + 3
    GROUP BY event_id, rank
)
SELECT usage_point_id, events AS tamper_event_events,
    round((1 - after / before) * 100, 4) AS tamper_event_drop_percent,
    greatest(first_day - day, day - last_day(first_day), 0) AS tamper_event_days_to_drop,
    greatest(before - after, 0) * least(greatest(until - day, 0), 12 * {MONTH_DAYS}) AS tamper_event_lost_kwh,
    day AS tamper_event_since, until AS tamper_event_until
FROM fall WHERE before > 0 AND after IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY usage_point_id ORDER BY (1 - after / before) DESC, day, event_id, rank) = 1"""
