"""Whole histories out of PostgreSQL, in one repeatable-read transaction.

The lake's buckets hold the months that rules look at; a ranking looks at everything that was ever billed, but only
when it is trained or made, so its histories are read when they are needed and are kept nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl
from adbc_driver_postgresql import dbapi

from rules.ranking.history import BILL_COLUMNS, ELECTRICITY, GAS, SUBJECT_COLUMNS, History
from tarazu.database import database_faults, libpq_uri

if TYPE_CHECKING:
    from tarazu.settings import Settings

# An address that thirty points share is a place; one of its own says nothing about its neighbours.
_POINTS_OF_A_PLACE: Final = 30

# Days of an average month: derived period starts were reckoned back from whole months.
_DAYS_PER_MONTH: Final = 30.4375

POINTS_QUERY: Final = """
SELECT p.id AS usage_point_id, p.subscription_no, (p.commodity = 'gas')::int AS commodity,
    d.code AS district, p.address AS area, t.tariff_class,
    coalesce(s.agreement_id, -p.id) AS agreement_id, coalesce(c.customer_no, '') AS customer_no,
    coalesce(c.id, -p.id) AS customer_id,
    coalesce(sa.signed_on, p.energised_on) AS signed_on
FROM usage_point p
JOIN district d ON d.id = p.district_id
LEFT JOIN (
    SELECT DISTINCT ON (usage_point_id) usage_point_id, agreement_id FROM agreement_usage_point
    ORDER BY usage_point_id, valid_from DESC
) s ON s.usage_point_id = p.id
LEFT JOIN supply_agreement sa ON sa.id = s.agreement_id
LEFT JOIN customer c ON c.id = sa.customer_id
LEFT JOIN (
    SELECT DISTINCT ON (usage_point_id) usage_point_id, tariff_class FROM usage_point_term
    ORDER BY usage_point_id, valid_from DESC
) t ON t.usage_point_id = p.id
"""

BILLS_QUERY: Final = """
SELECT usage_point_id, installation_id, is_start_derived, period_start, period_end AS day, previous_index,
    current_index, multiplier, consumption_kwh AS kwh, step_1_kwh AS step_1, step_2_kwh AS step_2,
    step_3_kwh AS step_3, step_4_kwh AS step_4
FROM invoice
"""

INSTALLATIONS_QUERY: Final = """
SELECT i.id AS installation_id, i.meter_id AS meter, m.serial_no AS serial, m.model AS meter_model
FROM meter_installation i JOIN meter m ON m.id = i.meter_id
"""

# The natural key of a reading: at most one is what a bill was closed with.
READINGS_QUERY: Final = """
SELECT installation_id, read_on AS day, index_value AS current_index, meter_model_code AS model,
    reader_note_code AS note, meter_state_code AS state
FROM meter_reading WHERE register = 'total'
"""

# What an inspection found: a loss of whatever cause, or nothing. Who was not let in found neither.
OUTCOMES_QUERY: Final = """
SELECT usage_point_id, (outcome <> 'clean')::int AS outcome, inspected_on
FROM inspection WHERE outcome IS NOT NULL AND outcome <> 'no_access'
"""


def extract_history(settings: Settings) -> History:
    """All points with bills, their bills and what inspections found.

    Raises:
        DatabaseUnavailableError: as it says.
    """
    with (
        database_faults(),
        dbapi.connect(libpq_uri(settings)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        points, bills, installations, readings, outcomes = (
            _frame(cursor, query)
            for query in (POINTS_QUERY, BILLS_QUERY, INSTALLATIONS_QUERY, READINGS_QUERY, OUTCOMES_QUERY)
        )
    return assemble(points, bills, installations, readings, outcomes)


def _frame(cursor: Any, query: str) -> pl.DataFrame:
    cursor.execute(query)
    frame = pl.from_arrow(cursor.fetch_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def assemble(
    points: pl.DataFrame,
    bills: pl.DataFrame,
    installations: pl.DataFrame,
    readings: pl.DataFrame,
    outcomes: pl.DataFrame,
) -> History:
    """One history of what the queries gave."""
    points = points.sort("usage_point_id")
    points = points.join(bills.select("usage_point_id").unique(), on="usage_point_id", how="semi")
    electricity = points.filter(pl.col("commodity") == ELECTRICITY)
    single = (
        electricity.group_by("agreement_id")
        .agg(pl.len().alias("count"), pl.col("usage_point_id").first().alias("with_point"))
        .filter(pl.col("count") == 1)
    )
    # Gas stands with the electricity of its agreement where that is one point.
    points = points.join(
        single.drop("count"), on="agreement_id", how="left", maintain_order="left"
    ).with_columns(
        judged=pl.when(pl.col("commodity") == GAS)
        .then(pl.coalesce("with_point", "usage_point_id"))
        .otherwise("usage_point_id")
    )
    subjects = (
        points.filter(pl.col("judged") == pl.col("usage_point_id"))
        .with_row_index("subject")
        .with_columns(pl.col("subject").cast(pl.Int32))
    )
    shared = subjects.group_by("area").len().filter(pl.col("len") >= _POINTS_OF_A_PLACE).drop_nulls()
    subjects = subjects.with_columns(
        area=pl.when(pl.col("area").is_in(shared["area"].implode())).then("area").otherwise("district"),
        tariff_class=pl.col("tariff_class").fill_null(""),
    )
    number = points.select("usage_point_id", "commodity", "judged").join(
        subjects.select("subject", judged="usage_point_id"), on="judged"
    )
    found = (
        outcomes.join(number.select("usage_point_id", "judged"), on="usage_point_id")
        # A loss that was found once is what there is to learn; else the first clean visit.
        .sort(["judged", "outcome", "inspected_on"], descending=[False, True, False], nulls_last=True)
        .unique("judged", keep="first", maintain_order=True)
        .select(usage_point_id="judged", outcome=pl.col("outcome").cast(pl.Int8), inspected_on="inspected_on")
    )
    subjects = subjects.join(found, on="usage_point_id", how="left", maintain_order="left")
    whole = (
        bills.lazy()
        .join(number.lazy().select("usage_point_id", "subject", "commodity"), on="usage_point_id")
        .join(installations.lazy(), on="installation_id", how="left")
        .join(readings.lazy(), on=["installation_id", "day", "current_index"], how="left")
        .with_columns(
            pl.col("commodity").cast(pl.Int8),
            model=pl.coalesce("model", "meter_model"),
            months=pl.when("is_start_derived")
            .then(((pl.col("day") - pl.col("period_start")).dt.total_days() / _DAYS_PER_MONTH).round(0))
            .otherwise((pl.col("day") - pl.col("period_start")).dt.total_days() / _DAYS_PER_MONTH),
        )
        .select(*[pl.col(name).cast(kind) for name, kind in BILL_COLUMNS.items()])
        # By everything that tells rows apart: the order is part of what a model is named by.
        .sort("subject", "commodity", "day", "previous_index", "current_index", "meter", "kwh", "months")
        .collect()
    )
    return History(
        subjects.select(*[pl.col(name).cast(kind) for name, kind in SUBJECT_COLUMNS.items()]), whole
    )
