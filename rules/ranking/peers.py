"""Use against peers: same place, class and commodity in the same quarter of a year."""

from __future__ import annotations

from typing import Final

import polars as pl

from rules.ranking.history import History

# Fewer bills give a median that its own members move; then the district's is taken.
LEAST_BILLS: Final = 30


def with_peer_residual(bills: pl.DataFrame, history: History) -> pl.DataFrame:
    """Add `residual` = log_use - median log_use of the peers' bills that are not zero.

    Peers are area × class × commodity × quarter, the district's where those have fewer than `LEAST_BILLS`
    bills; null where neither has. The medians use no outcome.
    """
    place = history.subjects.select("subject", "district", "area", "tariff_class")
    bills = bills.join(place, on="subject", how="left", maintain_order="left").with_columns(
        quarter=pl.col("day").dt.year() * 4 + pl.col("day").dt.quarter()
    )
    near = ["area", "tariff_class", "commodity", "quarter"]
    wide = ["district", "tariff_class", "commodity", "quarter"]
    positive = bills.lazy().filter(pl.col("use") > 0)

    def medians(keys: list[str], name: str) -> pl.LazyFrame:
        return (
            positive.group_by(keys)
            .agg(pl.col("log_use").median().alias(name), pl.len().alias("count"))
            .filter(pl.col("count") >= LEAST_BILLS)
            .drop("count")
        )

    return (
        bills.lazy()
        .join(medians(near, "near"), on=near, how="left", maintain_order="left")
        .join(medians(wide, "wide"), on=wide, how="left", maintain_order="left")
        .with_columns(residual=pl.col("log_use") - pl.coalesce("near", "wide"))
        .drop("near", "wide", "quarter", "district", "area", "tariff_class")
        .collect()
    )
