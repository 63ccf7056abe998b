"""Meters of a point over its whole history, and what happened when one was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

# The three bills on each side of a change show its effect, twelve that it lasts (Tunisian bills: four months each).
NEAR, FAR = 3, 12
# A serial number of the 13 digits of IEC 62055's length stands for the new series of meters.
LONG_SERIAL: Final = 13


@dataclass(frozen=True, slots=True)
class MeterHistory:
    """`stays`: one row a meter at a subject; `changes`: every stay but a subject's first with the one before it;
    `model_changes`: bills at which the model code of one meter changed.
    """

    stays: pl.DataFrame
    changes: pl.DataFrame
    model_changes: pl.DataFrame


def meter_history(bills: pl.DataFrame) -> MeterHistory:
    """`bills` of one commodity with measures and residuals. Bills without a known meter are no stay."""
    known = bills.filter(pl.col("meter").is_not_null())
    stays = (
        known.lazy()
        .group_by("subject", "meter", maintain_order=True)
        .agg(
            pl.col("time").first().alias("start"),
            pl.col("time").last().alias("end"),
            pl.len().cast(pl.Float64).alias("bills"),
            pl.col("model_no").first().alias("model_first"),
            pl.col("model_no").last().alias("model_last"),
            pl.col("previous_index").first().alias("index_first"),
            pl.col("current_index").last().alias("index_last"),
            pl.col("use").head(NEAR).mean().alias("use_first"),
            pl.col("use").tail(NEAR).mean().alias("use_last"),
            pl.col("residual").head(NEAR).mean().alias("near_first"),
            pl.col("residual").tail(NEAR).mean().alias("near_last"),
            pl.col("residual").head(FAR).mean().alias("far_first"),
            pl.col("residual").tail(FAR).mean().alias("far_last"),
            pl.col("log_use").head(FAR).mean().alias("log_first"),
            pl.col("log_use").tail(FAR).mean().alias("log_last"),
            (pl.col("kwh") <= 0).mean().alias("zero_share"),
            (pl.col("kwh") <= 0).tail(4).mean().alias("zero_last"),
            pl.col("note_no").first().alias("note_first"),
            pl.col("note_no").last().alias("note_last"),
            pl.col("state_no").first().alias("state_first"),
            pl.col("state_no").max().alias("state_max"),
            pl.col("span").first().alias("months_first"),
            pl.col("span").last().alias("months_last"),
            pl.col("serial_no").first().cast(pl.Float64).alias("serial"),
            pl.col("serial_digits").first().alias("digits"),
            pl.col("day").dt.month().first().alias("month"),
            pl.col("day").first().alias("start_day"),
        )
        .sort("subject", "start", "end", "meter")
        .with_columns(
            pl.col("serial").rank().over("model_first", "digits").alias("serial_rank"),
            pl.len().over("model_first", "digits").alias("serial_count"),
        )
        .with_columns(
            # When meters of such numbers were put in, whoever has this one.
            typical=pl.col("start")
            .median()
            .over(
                "model_first", "digits", (pl.col("serial_rank") * 50 / pl.col("serial_count")).cast(pl.Int32)
            ),
            quantile=(pl.col("serial_rank") * 50 / pl.col("serial_count")).cast(pl.Int32),
        )
        .drop("serial_rank", "serial_count")
        .collect()
    )
    return MeterHistory(stays, _changes(stays), _model_changes(known))


def _changes(stays: pl.DataFrame) -> pl.DataFrame:
    before = [
        "meter",
        "start",
        "end",
        "bills",
        "model_last",
        "index_first",
        "index_last",
        "use_last",
        "near_last",
        "far_last",
        "log_last",
        "zero_share",
        "zero_last",
        "note_last",
        "state_max",
        "months_last",
        "serial",
        "digits",
        "typical",
        "quantile",
    ]
    return (
        stays.with_columns(pl.col(name).shift(1).over("subject").alias(f"p_{name}") for name in before)
        .filter(pl.col("p_start").is_not_null())
        .with_columns(
            clean=pl.col("start") >= pl.col("p_end"),
            same=pl.col("model_first") == pl.col("p_model_last"),
            life=pl.col("p_end") - pl.col("p_start"),
            gap=pl.col("start") - pl.col("p_end"),
            ratio=((pl.col("use_first") + 5) / (pl.col("p_use_last") + 5)).log(),
            rise_near=pl.col("near_first") - pl.col("p_near_last"),
            rise_far=pl.col("far_first") - pl.col("p_far_last"),
            renewed=(pl.col("digits") >= LONG_SERIAL) & (pl.col("p_digits") < LONG_SERIAL),
            age=pl.col("start") - pl.col("p_typical"),
            stock=pl.col("start") - pl.col("typical"),
            year=pl.col("start").floor(),
        )
    )


def _model_changes(known: pl.DataFrame) -> pl.DataFrame:
    keys = ["subject", "meter"]
    return (
        known.lazy()
        .with_columns(
            pl.col("model_no").shift(1).over(keys).alias("p_model"),
            pl.col("time").shift(1).over(keys).alias("p_time"),
            pl.col("time").first().over(keys).alias("start"),
            pl.col("residual").rolling_mean(4).over(keys).shift(1).over(keys).alias("p_near"),
            pl.col("residual").rolling_mean(4).shift(-3).over(keys).alias("near"),
            pl.col("use").rolling_mean(4).over(keys).shift(1).over(keys).alias("p_use"),
            pl.col("use").rolling_mean(4).shift(-3).over(keys).alias("use_after"),
            pl.col("note_no").shift(1).over(keys).alias("p_note"),
        )
        .filter(pl.col("p_model").is_not_null() & (pl.col("model_no") != pl.col("p_model")))
        .select(
            "subject",
            "meter",
            "time",
            "day",
            "p_model",
            "model_no",
            "note_no",
            "p_note",
            "state_no",
            "span",
            (pl.col("time") - pl.col("p_time")).alias("gap"),
            (pl.col("time") - pl.col("start")).alias("life"),
            (pl.col("near") - pl.col("p_near")).alias("rise_near"),
            ((pl.col("use_after") + 5) / (pl.col("p_use") + 5)).log().alias("ratio"),
            (pl.col("previous_index") == 0).alias("reset"),
            pl.col("time").floor().alias("year"),
        )
        .collect()
    )


_OF_A_CHANGE: Final = (
    "start", "model_first", "p_model_last", "life", "gap", "p_bills", "bills", "index_first", "p_index_last",
    "ratio", "rise_near", "rise_far", "serial", "p_serial", "digits", "p_digits", "note_first", "p_note_last",
    "state_first", "months_first", "p_months_last", "zero_share", "p_zero_share", "p_zero_last", "clean", "same",
    "age", "stock", "p_far_last", "p_near_last", "p_log_last", "typical", "p_typical",
)  # fmt: skip


def meter_features(meters: MeterHistory, since: float) -> pl.DataFrame:
    """One row a subject that ever had a known meter. `since`: the year from which changes count as recent."""
    stays, changes, models = meters.stays, meters.changes, meters.model_changes
    parts = [
        stays.group_by("subject").agg(
            pl.len().alias("mh_meters"),
            pl.col("model_first").n_unique().alias("mh_models"),
            pl.col("bills").max().alias("mh_bills_max"),
            pl.col("bills").min().alias("mh_bills_min"),
            (pl.col("end") - pl.col("start")).max().alias("mh_life_max"),
            pl.col("digits").last().alias("mh_digits_last"),
            pl.col("digits").first().alias("mh_digits_first"),
            (pl.col("digits") >= LONG_SERIAL).mean().alias("mh_long_share"),
            pl.col("serial").first().alias("mh_serial_first"),
            pl.col("serial").last().alias("mh_serial_last"),
            # The leading digits of a serial number look like the series and year of make.
            (pl.col("serial") / 10.0 ** (pl.col("digits") - 4)).floor().last().alias("mh_series_last"),
            (pl.col("serial") / 10.0 ** (pl.col("digits") - 4)).floor().first().alias("mh_series_first"),
            pl.col("typical").last().alias("mh_typical_last"),
            pl.col("typical").first().alias("mh_typical_first"),
            (pl.col("start") - pl.col("typical")).last().alias("mh_stock_last"),
            pl.col("model_first").first().alias("mh_model_first"),
            pl.col("model_last").last().alias("mh_model_last"),
            pl.col("index_first").first().alias("mh_index_first"),
            (pl.col("index_first") == 0).mean().alias("mh_new_share"),
            pl.col("index_last").last().alias("mh_index_last"),
            pl.col("start").last().alias("mh_last_start"),
        ),
        changes.group_by("subject").agg(
            pl.len().alias("mc_changes"),
            pl.col("clean").sum().alias("mc_clean"),
            (~pl.col("clean")).sum().alias("mc_interleaved"),
            (pl.col("clean") & pl.col("same")).sum().alias("mc_same"),
            (pl.col("start") >= since).sum().alias("mc_recent"),
            ((pl.col("start") >= since) & pl.col("clean") & pl.col("same")).sum().alias("mc_recent_same"),
            ((pl.col("start") >= since) & ~pl.col("clean")).sum().alias("mc_recent_interleaved"),
            pl.col("rise_far").max().alias("mc_rise_far_max"),
            pl.col("ratio").max().alias("mc_ratio_max"),
            pl.col("life").max().alias("mc_life_max"),
            pl.col("life").min().alias("mc_life_min"),
        ),
        models.group_by("subject").agg(
            pl.len().alias("mm_changes"),
            (pl.col("time") >= since).sum().alias("mm_recent"),
            pl.col("time").first().alias("mm_first"),
            pl.col("time").last().alias("mm_last"),
            pl.col("p_model").last().alias("mm_from"),
            pl.col("model_no").last().alias("mm_to"),
            pl.col("p_model").first().alias("mm_first_from"),
            pl.col("model_no").first().alias("mm_first_to"),
            pl.col("gap").last().alias("mm_gap"),
            pl.col("life").last().alias("mm_life"),
            pl.col("rise_near").last().alias("mm_rise"),
            pl.col("ratio").last().alias("mm_ratio"),
            pl.col("rise_near").max().alias("mm_rise_max"),
            pl.col("note_no").last().alias("mm_note"),
            pl.col("p_note").last().alias("mm_p_note"),
            pl.col("state_no").last().alias("mm_state"),
            pl.col("span").last().alias("mm_months"),
        ),
    ]
    recent = pl.col("start") >= since
    chosen = {
        "b": changes.filter(recent).sort("subject", "life", descending=[False, True]),
        "l": changes.filter(pl.col("clean")).sort("subject", "start", descending=[False, True]),
        "f": changes.filter(pl.col("clean")).sort("subject", "start"),
        "u": changes.filter(~pl.col("clean")).sort("subject", "start", descending=[False, True]),
        "s": changes.filter(pl.col("clean") & pl.col("same") & recent).sort(
            "subject", "life", descending=[False, True]
        ),
    }
    for letter, rows in chosen.items():
        columns = (
            _OF_A_CHANGE if letter != "s" else ("life", "start", "ratio", "rise_far", "digits", "p_far_last")
        )
        parts.append(
            rows.unique("subject", keep="first", maintain_order=True).select(
                "subject", *(pl.col(name).cast(pl.Float64).alias(f"mc_{letter}_{name}") for name in columns)
            )
        )
    made = parts[0]
    for part in parts[1:]:
        made = made.join(part, on="subject", how="left")
    counts = [name for name in made.columns if name in {
        "mc_changes", "mc_clean", "mc_interleaved", "mc_same", "mc_recent", "mc_recent_same",
        "mc_recent_interleaved", "mm_changes", "mm_recent",
    }]  # fmt: skip
    return made.with_columns(pl.col(counts).fill_null(0))
