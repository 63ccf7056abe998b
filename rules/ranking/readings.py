"""What readers noted and what the registers showed from bill to bill."""

from __future__ import annotations

import polars as pl


def reading_features(bills: pl.DataFrame, prefix: str = "") -> pl.DataFrame:
    """One row a subject; `bills` of one commodity, sorted by time.

    Shares of notes and states are taken over the commonest codes of the data, so that no code is written here.
    """
    keys = ["subject", "meter"]
    notes = _commonest(bills, "note", 4)
    states = _commonest(bills, "state", 5)
    models = _commonest(bills, "model", 12)
    with_before = (
        bills.lazy()
        .with_columns(
            pl.col("current_index").shift(1).over(keys).alias("p_index"),
            pl.col("time").shift(1).over(keys).alias("p_time"),
            pl.col("meter").shift(1).over("subject").alias("p_meter"),
        )
        .with_columns(
            jump=pl.col("previous_index") - pl.col("p_index"),
            late=(pl.col("time") - pl.col("p_time")) * 12.0 - pl.col("months"),
            mismatch=(
                (pl.col("current_index") - pl.col("previous_index")) * pl.col("multiplier") - pl.col("kwh")
            ).abs()
            > 1.0,
        )
    )
    made = (
        with_before.group_by("subject")
        .agg(
            *[(pl.col("note") == code).mean().alias(f"rd_note_{code}_share") for code in notes],
            *[(pl.col("note") == code).tail(6).mean().alias(f"rd_note_{code}_last_6") for code in notes],
            pl.col("note_no").last().alias("rd_note_last"),
            pl.col("note_no").first().alias("rd_note_first"),
            (pl.col("note_no").diff() != 0).mean().alias("rd_note_changes"),
            *[(pl.col("state") == code).sum().alias(f"rd_state_{code}") for code in states],
            pl.col("state_no").max().alias("rd_state_max"),
            pl.col("state_no").last().alias("rd_state_last"),
            *[(pl.col("model") == code).mean().alias(f"mh_model_{code}_share") for code in models],
            pl.col("meter").is_null().mean().alias("rd_no_meter_share"),
            (pl.col("meter") != pl.col("p_meter")).sum().alias("mh_switches"),
            (pl.col("jump") < 0).sum().alias("ix_below"),
            (pl.col("jump") > 0).sum().alias("ix_above"),
            pl.col("jump").min().alias("ix_jump_min"),
            pl.col("jump").max().alias("ix_jump_max"),
            (pl.col("jump").abs() > 0).mean().alias("ix_jump_share"),
            (pl.col("current_index") < pl.col("previous_index")).sum().alias("ix_reversed"),
            ((pl.col("previous_index") == 0) & (pl.int_range(pl.len()) > 0)).sum().alias("ix_resets"),
            pl.col("previous_index").first().alias("ix_first"),
            (pl.col("previous_index").first() == 0).alias("ix_from_zero"),
            pl.col("current_index").last().alias("ix_last"),
            pl.col("current_index").max().alias("ix_max"),
            # Readers who guess like round numbers.
            (pl.col("current_index") % 10 == 0).mean().alias("ix_ends_in_0_share"),
            (pl.col("current_index") % 5 == 0).tail(12).mean().alias("ix_ends_in_5_last_12"),
            (pl.col("current_index") == pl.col("previous_index")).mean().alias("ix_still_share"),
            pl.col("mismatch").sum().alias("ix_mismatches"),
            pl.col("mismatch").mean().alias("ix_mismatch_share"),
            pl.col("late").max().alias("rd_late_max"),
            pl.col("late").mean().alias("rd_late_mean"),
            pl.col("late").std().alias("rd_late_sd"),
            pl.col("late").last().alias("rd_late_last"),
            pl.col("months").mean().alias("rd_months_mean"),
            pl.col("months").std().alias("rd_months_sd"),
            pl.col("months").max().alias("rd_months_max"),
            pl.col("months").min().alias("rd_months_min"),
            pl.col("months").last().alias("rd_months_last"),
            (pl.col("months") > 6).sum().alias("rd_long_bills"),
            (pl.col("months") < 3).mean().alias("rd_short_share"),
            pl.col("multiplier").max().alias("ix_multiplier_max"),
            pl.col("day").n_unique().alias("_days"),
            pl.len().alias("_bills"),
        )
        .with_columns(rd_same_day_share=1.0 - pl.col("_days") / pl.col("_bills"))
        .drop("_days", "_bills")
        .collect()
    )
    return made.rename(
        {name: f"{prefix}{name}" for name in made.columns if name != "subject"} if prefix else {}
    )


def _commonest(bills: pl.DataFrame, column: str, most: int) -> list[str]:
    counts = bills.drop_nulls(column).group_by(column).len().sort(["len", column], descending=[True, False])
    return sorted(counts[column].head(most).to_list())
