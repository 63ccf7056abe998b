"""The anchor of the scan: the signals of usage points, and the rules that they meet, as one user's DuckDB SQL.

It reads the figures of the lake in the form that a SQL user would keep them in, rows by point and month, sorted by
point. It computes only the fields that conditions compare; the kernels also compute those that explain a finding.
Thresholds are parameters of the statement, taken from the catalogue. The panel has 24 months: a steady decline needs
every one of them.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from etl.lake.files import BILLS_FILE, EVENTS_FILE, POINTS_FILE
from rules.batch import POWER_BANDS_KW, QUALITIES, TARIFF_CLASSES, month_starts

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from etl.lake.manifest import Manifest
    from rules.rule import Rule
    from rules.site import Site

PANEL_MONTHS: Final = 24
THREADS: Final = 2
_UNREAL: Final = f"({QUALITIES.index('estimated')}, {QUALITIES.index('no_access')})"


def write_long_form(lake: Path, manifest: Manifest, folder: Path) -> None:
    """points, use (by point and month, known months only), bills and events as Parquet files sorted by point."""
    shutil.rmtree(folder, ignore_errors=True)
    parts = folder / "parts"
    for name in ("points", "use", "bills", "events"):
        (parts / name).mkdir(parents=True)
    for number, bucket in manifest.bucket.items():
        points = pq.read_table(lake / bucket.folder / POINTS_FILE)
        ids = points.column("usage_point_id").to_numpy()
        cells = points.column("daily_kwh").combine_chunks()
        panel = cells.values.to_numpy(zero_copy_only=False).reshape(len(ids), -1)
        row, column = np.nonzero(~np.isnan(panel))
        month = bucket.last_month - panel.shape[1] + 1 + column
        use = pa.table(
            {"usage_point_id": ids[row], "month": month.astype(np.int32), "kwh_day": panel[row, column]}
        )
        pq.write_table(use, parts / "use" / f"{number}.parquet")
        pq.write_table(points.drop_columns(["daily_kwh"]), parts / "points" / f"{number}.parquet")
        for name, file in (("bills", BILLS_FILE), ("events", EVENTS_FILE)):
            table = pq.read_table(lake / bucket.folder / file)
            owner = pa.array(ids[table.column("point").to_numpy()])
            pq.write_table(
                table.drop_columns(["point"]).add_column(0, "usage_point_id", owner),
                parts / name / f"{number}.parquet",
            )
    missing = "* REPLACE (nullif(bill_id, -1) AS bill_id, nullif(payment_id, -1) AS payment_id, nullif(payable_rial, -1) AS payable_rial)"
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        for name, columns, order in (
            ("points", "*", ""),
            ("use", "*", ", month"),
            ("bills", missing, ", installation_id, period_start, invoice_id"),
            ("events", "*", ", day"),
        ):
            connection.execute(
                f"COPY (SELECT {columns} FROM '{parts}/{name}/*.parquet' ORDER BY usage_point_id{order}) "
                f"TO '{folder}/{name}.parquet' (COMPRESSION lz4)"
            )
    shutil.rmtree(parts)


def run_anchor(
    folder: Path, rules: list[Rule], as_of: dt.date, last_month: int, site: Site
) -> tuple[float, dict[str, NDArray[np.int64]]]:
    """(seconds, rule id → ids of the points that meet its `when`, ascending)."""
    values: dict[str, Any] = {"as_of": as_of, "last_month": last_month, "service": site.service_type}
    if site.company_code >= 0:
        values["company"] = site.company_code
    starts = month_starts(last_month, PANEL_MONTHS)
    values["panel_start"] = int(starts[0])
    threshold: dict[str, str] = {}
    for rule in rules:
        for name, parameter in rule.parameters.items():
            key = f"{rule.id}_{name}"
            by_class = [parameter.value(kind) for kind in TARIFF_CLASSES]
            values[key] = by_class if parameter.by_tariff_class else parameter.default
            threshold[key] = f"${key}[tariff_class + 1]" if parameter.by_tariff_class else f"${key}"
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET threads TO {THREADS}")
        began = time.monotonic()
        for statement in _statements(folder, threshold, with_company=site.company_code >= 0):
            used = {name: value for name, value in values.items() if re.search(rf"\${name}\b", statement)}
            connection.execute(statement, used)
        rows = connection.execute("SELECT rule_id, usage_point_id FROM met").fetchnumpy()
        seconds = time.monotonic() - began
    met = {rule.id: np.sort(rows["usage_point_id"][rows["rule_id"] == rule.id]) for rule in rules}
    return seconds, met


def _statements(folder: Path, threshold: dict[str, str], *, with_company: bool) -> list[str]:
    company = "OR bill_id // 100 % 1000 <> $company" if with_company else ""
    band = " + ".join(f"(coalesce(contracted_power_kw, 0) > {bound})::int" for bound in POWER_BANDS_KW)
    texts = [
        _points(folder, band),
        _use(folder),
        _zero_run(),
        _slow_decline(),
        _peers(),
        _bills(folder, company),
        _debts(folder),
        _tamper(folder),
        _SIGNALS,
        _met(threshold),
    ]
    return [statement for text in texts for statement in text.split(";\n")]


def _points(folder: Path, band: str) -> str:
    return f"""
CREATE TEMP TABLE point AS
SELECT usage_point_id, district_id, tariff_class, {band} AS band, is_government, meter_since,
    vacant_from, vacant_to,
    CASE WHEN cut_from <= $as_of AND coalesce(cut_to > $as_of, true) THEN cut_from END AS cut_on,
    coalesce(seasonal_from <= $as_of AND coalesce(seasonal_to > $as_of, true), false) AS is_seasonal,
    coalesce(generation_from <= $as_of AND coalesce(generation_to > $as_of, true), false) AS has_generation
FROM '{folder}/points.parquet'"""


def _use(folder: Path) -> str:
    """One row a point: its months counted back from the last known one (k = 0)."""
    wide = ",\n    ".join(
        f"max(v) FILTER (k = {-k}) AS v{k}" for k in range(24) if k in {*range(3, 12), *range(15, 24)}
    )
    return f"""
CREATE TEMP TABLE month AS
WITH used AS (SELECT usage_point_id, month, kwh_day::double AS v FROM '{folder}/use.parquet'),
last AS (SELECT usage_point_id, max(month) AS last_month FROM used GROUP BY ALL)
SELECT usage_point_id, month - last_month AS k, v, last_month, last_month > $last_month - 4 AS is_current
FROM used JOIN last USING (usage_point_id);
CREATE TEMP TABLE use AS
WITH wide AS (
    SELECT usage_point_id, any_value(last_month) AS last_month, any_value(is_current) AS is_current,
    count(*) AS known_months, 12 - count(*) FILTER (k > -12) AS missing_months,
    CASE WHEN count(*) FILTER (k > -3) = 3 THEN avg(v) FILTER (k > -3) END AS now,
    CASE WHEN count(*) FILTER (k BETWEEN -14 AND -12) = 3 THEN avg(v) FILTER (k BETWEEN -14 AND -12) END AS then_,
    avg(v) FILTER (k BETWEEN -4 AND -2) AS before,
    avg(v) FILTER (k BETWEEN -13 AND -11) AS year_before,
    {wide}
    FROM month GROUP BY usage_point_id
), relative AS (
    SELECT *, list_filter([v3/v15, v4/v16, v5/v17, v6/v18, v7/v19, v8/v20], lambda x: isfinite(x)) AS later,
        list_filter([v9/v21, v10/v22, v11/v23], lambda x: isfinite(x)) AS earlier
    FROM wide
)
SELECT usage_point_id, last_month, is_current, known_months, missing_months, before, year_before,
    CASE WHEN is_current THEN now END AS daily,
    CASE WHEN is_current AND then_ > 0 THEN round((1 - now / then_) * 100, 4) END AS drop_percent,
    round(least({_variation("later", 4)}, {_variation("earlier", 3)}), 4) AS variation_before, then_
FROM relative"""


def _variation(name: str, least: int) -> str:
    return f"CASE WHEN len({name}) >= {least} AND list_avg({name}) > 0 THEN list_stddev_pop({name}) / list_avg({name}) END"


def _zero_run() -> str:
    return """
CREATE TEMP TABLE zero_run AS
WITH ended AS (
    SELECT usage_point_id, k, v, row_number() OVER (PARTITION BY usage_point_id ORDER BY k DESC) - 1 AS back
    FROM month SEMI JOIN (SELECT usage_point_id FROM month WHERE k = 0 AND v = 0 AND is_current) USING (usage_point_id)
), run AS (
    SELECT usage_point_id, coalesce(min(back) FILTER (v <> 0 OR back <> -k), count(*)) AS months
    FROM ended GROUP BY usage_point_id
)
SELECT usage_point_id, any_value(months) AS months,
    round(coalesce(avg(v) FILTER (k BETWEEN -months - 11 AND -months), 0), 4) AS usual_daily_kwh
FROM run JOIN month USING (usage_point_id) GROUP BY usage_point_id"""


def _slow_decline() -> str:
    return """
CREATE TEMP TABLE slow_decline AS
WITH mean AS (
    SELECT usage_point_id, k, avg(v) OVER (PARTITION BY usage_point_id ORDER BY k ROWS 11 PRECEDING) AS year
    FROM month SEMI JOIN (SELECT usage_point_id FROM use WHERE is_current AND known_months = 24) USING (usage_point_id)
), ends AS (
    SELECT usage_point_id, corr(k, year) AS correlation, max(year) FILTER (k = -12) AS first,
        max(year) FILTER (k = 0) AS last
    FROM mean WHERE k >= -12 GROUP BY usage_point_id
)
SELECT usage_point_id, round(CASE WHEN isfinite(correlation) THEN correlation ELSE 0 END, 4) AS correlation,
    round((1 - last / first) * 100, 4) AS fall_percent, round(first, 4) AS first_daily_kwh
FROM ends WHERE first > 0"""


def _peers() -> str:
    return """
CREATE TEMP TABLE peer_level AS
WITH level AS (
    SELECT usage_point_id, district_id, tariff_class, band,
        greatest(least(round_even(ln(daily) * 200, 0), 4000), -4000) AS step
    FROM use JOIN point USING (usage_point_id) WHERE daily > 0
), peers AS (
    SELECT district_id, tariff_class, band, count(*) AS peers, median(step) / 200 AS median, mad(step) / 200 AS mad
    FROM level GROUP BY ALL
)
SELECT usage_point_id, peers, round((step / 200 - median) / (mad * 1.4826), 4) AS robust_z
FROM level JOIN peers USING (district_id, tariff_class, band) WHERE mad > 0"""


def _digit(number: str, place: int) -> str:
    return f"{number} // {10**place} % 10" if place else f"{number} % 10"


def _weighted(number: str, first: int) -> str:
    """Σ digit × weight of the places from `first`, weights 2…7 over and over."""
    return " + ".join(f"({_digit(number, place)}) * {2 + (place - first) % 6}" for place in range(first, 13))


def _identifiers(company: str) -> str:
    """Whether something in the ids of a bill is wrong; NULL where there is no bill id."""
    # A bill id stands before the payment id: its weights begin where those of the payment id end.
    by_place = ", ".join(
        f"({' + '.join(_digit('bill_id', place) for place in range(rest, 13, 6))}) AS b{rest}"
        for rest in range(6)
    )
    joined = " ".join(
        f"WHEN {shift} THEN {' + '.join(f'b{rest} * {2 + (rest + shift) % 6}' for rest in range(6))}"
        for shift in range(6)
    )
    check = "CASE WHEN {0} % 11 < 2 THEN 0 ELSE 11 - {0} % 11 END"
    return f"""
ids AS (
    SELECT *, {by_place}, {_weighted("bill_id", 1)} AS bill_sum, {_weighted("payment_id", 2)} AS own_sum,
        {_weighted("payment_id", 1)} AS payment_sum, (length(payment_id::varchar) - 1) % 6 AS shift
    FROM bill
), sums AS (SELECT *, payment_sum + CASE shift {joined} END AS pair_sum FROM ids), checked AS (
    SELECT *, bill_id < 100000 OR bill_id >= 10000000000000 OR bill_id % 10 <> {check.format("bill_sum")}
        OR bill_id // 10 % 10 <> $service {company} OR coalesce(
            payment_id < 100000 OR payment_id >= 10000000000000
            OR payment_id // 10 % 10 <> {check.format("own_sum")} OR payment_id % 10 <> {check.format("pair_sum")}
            OR payment_id // 100000 * 1000 <> payable_rial, false) AS is_faulty
    FROM sums
)"""


def _bills(folder: Path, company: str) -> str:
    """What each bill says of itself, and what only their order says: the latter carries few columns through a sort."""
    return f"""
CREATE TEMP TABLE bill_signals AS
WITH bill AS (
    SELECT *, coalesce(installed_multiplier, multiplier) AS right_multiplier, period_end - period_start AS days,
        NOT coalesce(current_index < previous_index, false) AS forward
    FROM '{folder}/bills.parquet'
), {_identifiers(company)}, register AS (
    SELECT *, CASE WHEN current_index >= previous_index THEN current_index - previous_index
        WHEN register_digits > 0 AND previous_index - current_index > pow(10, register_digits) / 2
        THEN current_index - previous_index + pow(10, register_digits) END AS delta
    FROM checked
)
SELECT usage_point_id, count(bill_id) AS identified, count(*) FILTER (is_faulty) AS faulty_bills,
    round(max(greatest(abs(delta * right_multiplier - consumption_kwh), abs(bands_kwh - consumption_kwh)) / right_multiplier), 4)
        AS difference_units,
    sum(consumption_kwh) FILTER (forward) AS forward_kwh, sum(days) FILTER (forward) AS forward_days,
    list({{'days': days, 'digits': register_digits,
        'kwh': (pow(10, register_digits) - previous_index + current_index) * multiplier}}) FILTER (NOT forward) AS backward
FROM register GROUP BY usage_point_id;
CREATE TEMP TABLE bill_order AS
WITH bill AS (
    SELECT usage_point_id, installation_id, invoice_id, period_start, period_end, quality, consumption_kwh,
        period_end > DATE '1970-01-01' + $panel_start::int AS is_recent
    FROM '{folder}/bills.parquet'
), ordered AS (
    SELECT *, row_number() OVER billed AS seq,
        period_start - max(period_end) FILTER (is_recent) OVER (billed ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS gap,
        CASE WHEN lag(installation_id) OVER billed = installation_id AND lag(is_recent) OVER billed
            THEN lag(period_end) OVER billed - period_start END AS overlap
    FROM bill WINDOW billed AS (PARTITION BY usage_point_id ORDER BY installation_id, period_start, invoice_id)
)
SELECT usage_point_id,
    CASE WHEN count(*) FILTER (is_recent) > 1
        THEN max(greatest(gap, overlap, 0)) FILTER (is_recent) END AS untiled_days,
    count(*) - coalesce(max(seq) FILTER (quality NOT IN {_UNREAL}), 0) AS estimated_bills,
    arg_max(consumption_kwh, seq) AS newest_kwh, greatest(arg_max(period_end - period_start, seq), 1) AS newest_days
FROM ordered GROUP BY usage_point_id;
CREATE TEMP TABLE regression AS
SELECT usage_point_id, round(max(CASE WHEN bill.digits > 0 AND expected > 0 AND bill.kwh >= 0
    THEN least(bill.kwh / expected, 1e6) ELSE 1e6 END), 4) AS rollover_factor
FROM (
    SELECT usage_point_id, bill, coalesce(forward_kwh, 0) / greatest(coalesce(forward_days, 0), 1) * bill.days AS expected
    FROM (SELECT usage_point_id, forward_kwh, forward_days, unnest(backward) AS bill FROM bill_signals WHERE backward IS NOT NULL)
) GROUP BY usage_point_id"""


def _debts(folder: Path) -> str:
    return f"""
CREATE TEMP TABLE debt AS
WITH bill AS (SELECT * FROM '{folder}/bills.parquet'),
owing AS (SELECT DISTINCT usage_point_id FROM bill WHERE outstanding_rial > 0),
newest AS (
    SELECT usage_point_id, period_start AS newest_start FROM bill SEMI JOIN owing USING (usage_point_id)
    QUALIFY row_number() OVER (
        PARTITION BY usage_point_id ORDER BY period_end DESC, installation_id, period_start, invoice_id
    ) = 1
)
SELECT usage_point_id, sum(outstanding_rial) FILTER (due_on < $as_of) AS overdue_rial,
    $as_of - min(due_on) FILTER (due_on < $as_of) AS oldest_days,
    sum(outstanding_rial) FILTER (period_start < newest_start) AS debt_rial,
    count(*) FILTER (period_start < newest_start) AS unpaid_periods
FROM bill JOIN newest USING (usage_point_id) WHERE outstanding_rial > 0 GROUP BY usage_point_id;
CREATE TEMP TABLE use_after_cut AS
SELECT usage_point_id, round(sum(consumption_kwh), 4) AS kwh
FROM '{folder}/bills.parquet' JOIN point USING (usage_point_id) WHERE period_start >= cut_on GROUP BY usage_point_id"""


def _tamper(folder: Path) -> str:
    return f"""
CREATE TEMP TABLE tamper_event AS
WITH event AS (
    SELECT usage_point_id, day, year(day) * 12 + month(day) - 1 AS month, row_number() OVER () AS event_id
    FROM '{folder}/events.parquet'
), split AS (
    SELECT event_id, usage_point_id, day, rank, event.month + shift AS month,
        make_date(((least(greatest(event.month + shift, $last_month - 23), $last_month)) // 12)::bigint,
            (least(greatest(event.month + shift, $last_month - 23), $last_month) % 12 + 1)::bigint, 1) AS first_day
    FROM event, (VALUES (0, 0), (-1, 1), (1, 2)) shifts(shift, rank)
    WHERE event.month BETWEEN $last_month - 23 AND $last_month
), fall AS (
    SELECT event_id, rank, any_value(split.usage_point_id) AS usage_point_id, any_value(day) AS day,
        any_value(first_day) AS first_day,
        avg(v) FILTER (k + last_month < split.month) AS before, avg(v) FILTER (k + last_month > split.month) AS after
    FROM split JOIN month m ON m.usage_point_id = split.usage_point_id
        AND k + last_month BETWEEN split.month - 3 AND split.month + 3
    GROUP BY event_id, rank
)
SELECT usage_point_id, round((1 - after / before) * 100, 4) AS drop_percent,
    greatest(first_day - day, day - last_day(first_day), 0) AS days_to_drop
FROM fall WHERE before > 0 AND after IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY usage_point_id ORDER BY (1 - after / before) DESC, day, event_id, rank) = 1"""


_SIGNALS: Final = """
CREATE TEMP TABLE signals AS
SELECT p.usage_point_id, p.tariff_class, p.is_government, p.is_seasonal, p.has_generation, p.cut_on,
    $as_of - p.meter_since AS exchanged_days_ago,
    coalesce(p.vacant_from <= $as_of AND coalesce(p.vacant_to > make_date(
        (greatest(u.last_month - 2, $last_month - 23) // 12)::bigint,
        (greatest(u.last_month - 2, $last_month - 23) % 12 + 1)::bigint, 1), true), false) AS is_vacant,
    u.known_months, u.missing_months, u.drop_percent, u.variation_before, round(u.then_, 4) AS then_daily_kwh,
    z.months AS zero_months, z.usual_daily_kwh, s.correlation, s.fall_percent, s.first_daily_kwh,
    r.rollover_factor, t.drop_percent AS tamper_drop_percent, t.days_to_drop, l.robust_z, l.peers, c.kwh AS kwh_after_cut,
    CASE WHEN b.identified > 0 THEN b.faulty_bills END AS faulty_bills, b.difference_units, o.untiled_days,
    nullif(o.estimated_bills, 0) AS estimated_bills, h.factor, h.difference_kwh,
    d.overdue_rial, d.oldest_days, d.debt_rial, d.unpaid_periods
FROM point p LEFT JOIN use u USING (usage_point_id) LEFT JOIN zero_run z USING (usage_point_id)
LEFT JOIN slow_decline s USING (usage_point_id) LEFT JOIN regression r USING (usage_point_id)
LEFT JOIN tamper_event t USING (usage_point_id) LEFT JOIN peer_level l USING (usage_point_id)
LEFT JOIN use_after_cut c USING (usage_point_id) LEFT JOIN bill_signals b USING (usage_point_id)
LEFT JOIN bill_order o USING (usage_point_id) LEFT JOIN debt d USING (usage_point_id)
LEFT JOIN (
    SELECT usage_point_id, round(abs(daily - usual) * days, 4) AS difference_kwh,
        round(CASE WHEN least(daily, usual) > 0 THEN least(greatest(daily, usual) / least(daily, usual), 1000) ELSE 1000 END, 4)
            AS factor
    FROM (
        SELECT usage_point_id, newest_kwh / newest_days AS daily, newest_days AS days,
            (coalesce(before, 0) + coalesce(year_before, 0)) / ((before IS NOT NULL)::int + (year_before IS NOT NULL)::int) AS usual
        FROM use JOIN bill_order USING (usage_point_id)
        WHERE is_current AND coalesce(before, year_before) IS NOT NULL
    ) WHERE greatest(daily, usual) > 0
) h USING (usage_point_id)"""


def _met(threshold: dict[str, str]) -> str:
    conditions = {
        "T01": "zero_months >= {T01_least_months} AND usual_daily_kwh >= {T01_least_usual_kwh}",
        "T02": "drop_percent >= {T02_drop_percent} AND variation_before <= {T02_stable_variation} "
        "AND then_daily_kwh >= {T02_least_then_kwh}",
        "T03": "correlation <= {T03_correlation} AND fall_percent >= {T03_fall_percent} "
        "AND first_daily_kwh >= {T03_least_first_kwh}",
        "T04": "rollover_factor > {T04_rollover_factor}",
        "T14": "tamper_drop_percent >= {T14_drop_percent} AND days_to_drop <= {T14_days_to_drop}",
        "T15": "robust_z <= {T15_robust_z} AND peers >= {T15_least_peers}",
        "T19": "kwh_after_cut > {T19_least_kwh}",
        "B01": "faulty_bills >= {B01_least_bills}",
        "B02": "difference_units > {B02_tolerance_units}",
        "B04": "untiled_days > {B04_tolerance_days}",
        "B12": "estimated_bills >= {B12_least_bills}",
        "B13": "factor >= {B13_factor} AND difference_kwh >= {B13_least_difference_kwh}",
        "C01": "oldest_days > {C01_oldest_days} AND overdue_rial >= {C01_least_rial}",
        "C02": "debt_rial > {C02_threshold_rial} AND unpaid_periods >= {C02_least_periods}",
    }
    cases = ", ".join(
        f"CASE WHEN {condition.format_map(threshold)} THEN '{rule}' END"
        for rule, condition in conditions.items()
    )
    return f"""
CREATE TEMP TABLE met AS
SELECT usage_point_id, rule_id FROM (SELECT usage_point_id, unnest([{cases}]) AS rule_id FROM signals)
WHERE rule_id IS NOT NULL"""
