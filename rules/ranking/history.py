"""The whole history of the points that are ranked: what the features are computed from.

Two frames, one row a subject and one row a bill; nothing else is known to the features. A *subject* is an
electricity point together with the gas point of the same agreement (gas stands alone where there is no electricity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

ELECTRICITY, GAS = 0, 1

# Bills longer than two years exist where nobody read for long; longer ones are mostly errors of the source.
LONGEST_MONTHS: Final = 24.0

SUBJECT_COLUMNS: Final = {
    "subject": pl.Int32,  # 0, 1, 2 … in the order of usage_point_id
    "usage_point_id": pl.Int64,
    "subscription_no": pl.String,
    "customer_no": pl.String,
    "customer_id": pl.Int64,
    "district": pl.String,
    "area": pl.String,  # the place within the district, where the source names one
    "tariff_class": pl.String,
    "signed_on": pl.Date,
    "outcome": pl.Int8,  # 1 loss found, 0 found clean, null: not inspected
    "inspected_on": pl.Date,
}

BILL_COLUMNS: Final = {
    "subject": pl.Int32,
    "commodity": pl.Int8,
    "meter": pl.Int64,  # null: nobody knows the meter
    "serial": pl.String,
    "model": pl.String,
    "note": pl.String,
    "state": pl.String,
    "day": pl.Date,  # the day of the reading that closed the period
    "months": pl.Float64,
    "previous_index": pl.Float64,
    "current_index": pl.Float64,
    "multiplier": pl.Float64,
    "kwh": pl.Float64,
    "step_1": pl.Float64,
    "step_2": pl.Float64,
    "step_3": pl.Float64,
    "step_4": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class History:
    """`subjects` (n rows, `SUBJECT_COLUMNS`), `bills` (`BILL_COLUMNS`), both in the order of their keys."""

    subjects: pl.DataFrame
    bills: pl.DataFrame

    def before(self, cuts: pl.DataFrame) -> History:
        """The bills that closed before the day `cut` of their subject; a subject without a cut keeps them all.

        `cuts`: subject, cut (date). What is left of a subject may be nothing.
        """
        kept = (
            self.bills.join(cuts, on="subject", how="left", maintain_order="left")
            .filter(pl.col("cut").is_null() | (pl.col("day") < pl.col("cut")))
            .drop("cut")
        )
        return History(self.subjects, kept)

    def only(self, subjects: pl.Series) -> History:
        """The history of these subjects alone, numbered anew in the same order."""
        chosen = self.subjects.filter(pl.col("subject").is_in(subjects.implode()))
        renumbered = chosen.select("subject").with_row_index("new")
        bills = (
            self.bills.join(renumbered, on="subject", how="inner", maintain_order="left")
            .with_columns(pl.col("new").cast(pl.Int32).alias("subject"))
            .drop("new")
        )
        return History(
            chosen.drop("subject").with_row_index("subject").with_columns(pl.col("subject").cast(pl.Int32)),
            bills.sort("subject", "commodity", "day", "previous_index", "current_index", "meter", "kwh"),
        )


def with_measures(history: History) -> pl.DataFrame:
    """The bills with what every feature starts from, sorted by subject, commodity, day and previous index.

    Adds `use` (kWh a month), `log_use` = ln(1 + use), `time` (years since 1970) and
    the category codes `model_no`, `note_no`, `state_no`.
    """
    months = pl.col("months").clip(1.0, LONGEST_MONTHS)
    return (
        history.bills.sort("subject", "commodity", "day", "previous_index", "current_index", "meter", "kwh")
        .with_columns(span=months)
        .with_columns(use=pl.col("kwh") / pl.col("span"))
        .with_columns(
            log_use=(pl.col("use").clip(lower_bound=0.0) + 1.0).log(),
            time=pl.col("day").cast(pl.Int32) / 365.25 + 1970.0,
            serial_no=pl.col("serial").str.extract(r"(\d{1,18})$").cast(pl.Int64, strict=False),
            serial_digits=pl.col("serial").str.extract(r"(\d+)$").str.len_chars().cast(pl.Int32),
        )
        .with_columns(number(pl.col(name)).alias(f"{name}_no") for name in ("model", "note", "state"))
    )


def number(code: pl.Expr) -> pl.Expr:
    """A code as a number: itself where it is one, else its rank; codes of one kind are near each other."""
    return code.cast(pl.Float64, strict=False).fill_null(code.rank("dense").cast(pl.Float64) * -1.0)
