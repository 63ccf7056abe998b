"""Histories as they stood before what may have followed an inspection: the first meter or model change of late years.

Where outcomes have no date, a new meter may be the consequence of having been found out. So a second measurement cuts
every history at its first such change; a history without one is cut at a day drawn from the days of the others, so
that being cut, and when, says nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import polars as pl

from rules.ranking.history import ELECTRICITY, History, with_measures
from rules.ranking.meters import meter_history

# Bills that must be left of a history for it to be judged at all.
LEAST_BILLS: Final = 3


def first_changes(history: History, since: int) -> pl.DataFrame:
    """subject, cut: the day of the first electricity meter or model change from 1 January of the year `since` on."""
    bills = with_measures(history).filter(pl.col("commodity") == ELECTRICITY)
    meters = meter_history(bills.with_columns(residual=pl.lit(None, pl.Float64)))
    days = pl.concat(
        [
            meters.changes.select("subject", cut="start_day"),
            meters.model_changes.select("subject", cut="day"),
        ]
    )
    return (
        days.filter(pl.col("cut") >= dt.date(since, 1, 1))
        .group_by("subject")
        .agg(pl.col("cut").min())
        .sort("subject")
    )


def before_first_change(history: History, since: int, seed: int = 0) -> History:
    """The histories before the change, of the subjects of which at least `LEAST_BILLS` electricity bills are left."""
    changed = first_changes(history, since)
    others = history.subjects.join(changed, on="subject", how="anti").select("subject")
    drawn = np.random.default_rng(seed).choice(changed["cut"].to_numpy(), len(others))
    cuts = pl.concat([changed, others.with_columns(cut=pl.Series(drawn, dtype=pl.Date))])
    cut = history.before(cuts)
    left = (
        cut.bills.filter(pl.col("commodity") == ELECTRICITY)
        .group_by("subject")
        .len()
        .filter(pl.col("len") >= LEAST_BILLS)["subject"]
    )
    return cut.only(left.sort())
