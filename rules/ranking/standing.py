"""Where and what a point is, and when its history begins and ends."""

from __future__ import annotations

import polars as pl

from rules.ranking.history import ELECTRICITY, History, number

# Dates and lengths of a history may tell how the data were drawn rather than who steals; they can be left out.
DATE_PREFIX = "tm_"
# Signals that are named for something else but say when a history begins or ends, or how long it is: of a point with
# one meter the life of the meter is the length of the history, and a reading tour is a place and a day.
DATES_AND_LENGTHS = (
    DATE_PREFIX, "mh_life_max", "mh_bills_", "mh_last_start", "co_signed", "co_tour",
)  # fmt: skip


def standing_features(history: History, bills: pl.DataFrame) -> pl.DataFrame:
    """One row a subject: place, class (`pl_`), and dates and lengths (`tm_`)."""
    place = history.subjects.select(
        "subject",
        number(pl.col("district")).alias("pl_district"),
        number(pl.col("area")).alias("pl_area"),
        number(pl.col("tariff_class")).alias("pl_class"),
        pl.len().over("area").alias("pl_area_points"),
        (pl.col("signed_on").cast(pl.Int32) / 365.25 + 1970.0).alias("tm_signed"),
    )
    electricity = pl.col("commodity") == ELECTRICITY
    dates = bills.group_by("subject").agg(
        electricity.sum().alias("tm_bills"),
        (~electricity).sum().alias("tm_gas_bills"),
        pl.col("time").filter(electricity).first().alias("tm_first"),
        pl.col("time").filter(electricity).last().alias("tm_last"),
        pl.col("time").filter(~electricity).first().alias("tm_gas_first"),
        pl.col("time").filter(~electricity).last().alias("tm_gas_last"),
        pl.col("time").filter(electricity).diff().max().alias("tm_gap_max"),
    )
    return place.join(dates, on="subject", how="left").with_columns(
        tm_span=pl.col("tm_last") - pl.col("tm_first"), tm_age=pl.col("tm_first") - pl.col("tm_signed")
    )
