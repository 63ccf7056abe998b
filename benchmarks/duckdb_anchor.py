"""The anchor of the scan: the signals of usage points, and the rules that they meet, as one user's DuckDB SQL.

It reads the figures of the lake in the form that a SQL user would keep them in, rows by point and month, sorted by
point. It computes what the kernels compute: every field of each signal, and the invoice that shows it.
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

from benchmarks import duckdb_bills, duckdb_panel
from etl.lake.files import BILLS_FILE, EVENTS_FILE, POINTS_FILE
from rules.batch import TARIFF_CLASSES, month_starts

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from etl.lake.manifest import Manifest
    from rules.rule import Rule
    from rules.site import Site

PANEL_MONTHS: Final = 24
THREADS: Final = 2
# Changes with what `write_long_form` writes.
LONG_FORM: Final = 2


# The rules whose signals the SQL computes; a scan judges more.
RULES = (
    *("T01", "T02", "T03", "T04", "T14", "T15", "T19"),
    *("B01", "B02", "B04", "B12", "B13", "C01", "C02"),
)


def write_long_form(lake: Path, manifest: Manifest, folder: Path) -> None:
    """points, use (by point and month, known months only), bills and events as Parquet files sorted by point."""
    shutil.rmtree(folder, ignore_errors=True)
    parts = folder / "parts"
    for name in ("points", "use", "bills", "events"):
        (parts / name).mkdir(parents=True)
    for number, bucket in manifest.bucket.items():
        table = pq.read_table(lake / bucket.folder / POINTS_FILE)
        ids = table.column("usage_point_id").to_numpy()
        cells = table.column("daily_kwh").combine_chunks()
        panel = cells.values.to_numpy(zero_copy_only=False).reshape(len(ids), -1)
        row, column = np.nonzero(~np.isnan(panel))
        month = bucket.last_month - panel.shape[1] + 1 + column
        use = pa.table(
            {"usage_point_id": ids[row], "month": month.astype(np.int32), "kwh_day": panel[row, column]}
        )
        pq.write_table(use, parts / "use" / f"{number}.parquet")
        pq.write_table(table.drop_columns(["daily_kwh"]), parts / "points" / f"{number}.parquet")
        for name, file in (("bills", BILLS_FILE), ("events", EVENTS_FILE)):
            table = pq.read_table(lake / bucket.folder / file)
            owner = pa.array(ids[table.column("point").to_numpy()])
            pq.write_table(
                table.drop_columns(["point"]).add_column(0, "usage_point_id", owner),
                parts / name / f"{number}.parquet",
            )
    points = _with_null({"contracted_power_kw": "'nan'"})
    bills = _with_null(
        dict.fromkeys(("previous_index", "current_index", "installed_multiplier", "bands_kwh"), "'nan'")
        | dict.fromkeys(("bill_id", "payment_id", "payable_rial"), "-1")
    )
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        for name, columns, order in (
            ("points", points, ""),
            ("use", "*", ", month"),
            ("bills", bills, ", installation_id, period_start, invoice_id"),
            ("events", "*", ", day"),
        ):
            connection.execute(
                f"COPY (SELECT {columns} FROM '{parts}/{name}/*.parquet' ORDER BY usage_point_id{order}) "
                f"TO '{folder}/{name}.parquet' (COMPRESSION lz4)"
            )
    shutil.rmtree(parts)


def _with_null(missing: dict[str, str]) -> str:
    """All columns; of those named, that value becomes NULL."""
    return f"* REPLACE ({', '.join(f'nullif({name}, {value}) AS {name}' for name, value in missing.items())})"


def run_anchor(
    folder: Path,
    rules: list[Rule],
    as_of: dt.date,
    last_month: int,
    site: Site,
    *,
    with_signals: bool = False,
) -> tuple[float, dict[str, NDArray[np.int64]], pa.Table | None]:
    """(seconds, rule id → ids of the points that meet its `when`, ascending, the signals by point if asked for).

    To fetch the signals is not counted.
    """
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
        for statement in (
            *duckdb_panel.statements(folder),
            *duckdb_bills.statements(folder, with_company=site.company_code >= 0),
            _SIGNALS,
            _met(threshold),
        ):
            used = {name: value for name, value in values.items() if re.search(rf"\${name}\b", statement)}
            connection.execute(statement, used)
        rows = connection.execute("SELECT rule_id, usage_point_id FROM met").fetchnumpy()
        seconds = time.monotonic() - began
        signals = (
            connection.sql("FROM signals ORDER BY usage_point_id").to_arrow_table() if with_signals else None
        )
    met = {rule.id: np.sort(rows["usage_point_id"][rows["rule_id"] == rule.id]) for rule in rules}
    return seconds, met, signals


# One row a point, a column for each field of each signal, NULL where the signal is absent.
_SIGNALS: Final = """
CREATE TEMP TABLE signals AS
SELECT * EXCLUDE (forward_daily_kwh, backward, nth_real, newest) FROM circumstances
LEFT JOIN sudden_drop USING (usage_point_id) LEFT JOIN zero_run USING (usage_point_id)
LEFT JOIN slow_decline USING (usage_point_id) LEFT JOIN peer_level USING (usage_point_id)
LEFT JOIN tamper_event USING (usage_point_id) LEFT JOIN bill_signals USING (usage_point_id)
LEFT JOIN register_regression USING (usage_point_id) LEFT JOIN estimated_run USING (usage_point_id)
LEFT JOIN period_tiling USING (usage_point_id)
LEFT JOIN high_low USING (usage_point_id) LEFT JOIN debt USING (usage_point_id)
LEFT JOIN use_after_cut USING (usage_point_id)"""


def _met(threshold: dict[str, str]) -> str:
    conditions = {
        "T01": "zero_run_months >= {T01_least_months} AND zero_run_usual_daily_kwh >= {T01_least_usual_kwh}",
        "T02": "sudden_drop_drop_percent >= {T02_drop_percent} AND "
        "sudden_drop_variation_before <= {T02_stable_variation} AND "
        "sudden_drop_then_daily_kwh >= {T02_least_then_kwh}",
        "T03": "slow_decline_correlation <= {T03_correlation} AND "
        "slow_decline_fall_percent >= {T03_fall_percent} AND "
        "slow_decline_first_daily_kwh >= {T03_least_first_kwh}",
        "T04": "register_regression_rollover_factor > {T04_rollover_factor}",
        "T14": "tamper_event_drop_percent >= {T14_drop_percent} AND "
        "tamper_event_days_to_drop <= {T14_days_to_drop}",
        "T15": "peer_level_robust_z <= {T15_robust_z} AND peer_level_peers >= {T15_least_peers}",
        "T19": "use_after_cut_kwh > {T19_least_kwh}",
        "B01": "bill_identifiers_faulty_bills >= {B01_least_bills}",
        "B02": "register_arithmetic_difference_units > {B02_tolerance_units}",
        "B04": "period_tiling_untiled_days > {B04_tolerance_days}",
        "B12": "estimated_run_bills >= {B12_least_bills}",
        "B13": "high_low_factor >= {B13_factor} AND high_low_difference_kwh >= {B13_least_difference_kwh}",
        "C01": "overdue_debt_oldest_days > {C01_oldest_days} AND "
        "overdue_debt_overdue_rial >= {C01_least_rial}",
        "C02": "disconnectable_debt_debt_rial > {C02_threshold_rial} AND "
        "disconnectable_debt_unpaid_periods >= {C02_least_periods}",
    }
    cases = ", ".join(
        f"CASE WHEN {condition.format_map(threshold)} THEN '{rule}' END"
        for rule, condition in conditions.items()
    )
    return f"""
CREATE TEMP TABLE met AS
SELECT usage_point_id, rule_id FROM (SELECT usage_point_id, unnest([{cases}]) AS rule_id FROM signals)
WHERE rule_id IS NOT NULL"""
