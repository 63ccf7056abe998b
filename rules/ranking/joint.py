"""Electricity and gas of one agreement together: who heats and cooks is at home."""

from __future__ import annotations

import polars as pl

from rules.ranking.history import ELECTRICITY, GAS


def joint_features(bills: pl.DataFrame) -> pl.DataFrame:
    """One row a subject with gas: gas level, and quarters in which gas was used but (almost) no electricity."""
    quarters = (
        bills.lazy()
        .with_columns(quarter=pl.col("day").dt.year() * 4 + pl.col("day").dt.quarter())
        .group_by("subject", "quarter")
        .agg(
            pl.col("kwh").filter(pl.col("commodity") == ELECTRICITY).sum().alias("electricity"),
            (pl.col("commodity") == ELECTRICITY).any().alias("has_electricity"),
            pl.col("kwh").filter(pl.col("commodity") == GAS).sum().alias("gas"),
            pl.col("residual").filter(pl.col("commodity") == ELECTRICITY).mean().alias("r_electricity"),
            pl.col("residual").filter(pl.col("commodity") == GAS).mean().alias("r_gas"),
        )
        .sort("subject", "quarter")
    )
    used = (pl.col("gas") > 10) & pl.col("has_electricity")
    both = quarters.group_by("subject").agg(
        (used & (pl.col("electricity") <= 0)).sum().alias("gs_zero_with_gas"),
        (used & (pl.col("electricity") <= 0)).tail(8).sum().alias("gs_zero_with_gas_last_8"),
        (pl.col("r_electricity") - pl.col("r_gas")).mean().alias("gs_residual_gap"),
        (pl.col("r_electricity") - pl.col("r_gas")).tail(8).mean().alias("gs_residual_gap_last_8"),
        (pl.col("r_electricity") - pl.col("r_gas")).min().alias("gs_residual_gap_min"),
        pl.corr("r_electricity", "r_gas").alias("gs_correlation"),
        (pl.col("gas").tail(8).sum() / (pl.col("electricity").tail(8).sum() + 1)).alias("gs_ratio_last_8"),
        (pl.col("gas").sum() / (pl.col("electricity").sum() + 1)).alias("gs_ratio"),
    )
    gas = (
        bills.lazy()
        .filter(pl.col("commodity") == GAS)
        .group_by("subject")
        .agg(
            pl.col("log_use").mean().alias("gs_mean"),
            pl.col("log_use").std().alias("gs_sd"),
            pl.col("log_use").last().alias("gs_last"),
            pl.col("log_use").max().alias("gs_max"),
            pl.col("residual").mean().alias("gs_residual"),
            pl.col("residual").tail(4).mean().alias("gs_residual_last_4"),
            (pl.col("kwh") <= 0).mean().alias("gs_zero_share"),
            pl.col("meter").n_unique().alias("gs_meters"),
            pl.col("model_no").last().alias("gs_model_last"),
            pl.col("note_no").mean().alias("gs_note_mean"),
            pl.col("state_no").max().alias("gs_state_max"),
        )
    )
    return gas.join(both, on="subject", how="left").collect()
