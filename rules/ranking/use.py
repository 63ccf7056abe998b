"""Level, shape and falls of use over the whole history, as measured and against peers."""

from __future__ import annotations

from typing import Final

import polars as pl

# Bills on each side of a break in level.
_SPLIT_LEAST: Final = 3
WINDOWS: Final = (3, 6, 12)  # bills; STEG bills every four months, so a year, two and four years


def use_features(bills: pl.DataFrame, prefix: str = "") -> pl.DataFrame:
    """One row a subject. `bills`: of one commodity, with `with_measures` and `with_peer_residual`, sorted by time.

    Missing data: a window that is longer than the history gives null, which the model treats as its own case.
    """
    subject = "subject"
    kwh, log_use, use, residual = (pl.col(name) for name in ("kwh", "log_use", "use", "residual"))
    rolled = bills.lazy().with_columns(
        [
            value.rolling_mean(window).over(subject).alias(f"{name}_{window}")
            for name, value in (("r", residual), ("l", log_use))
            for window in WINDOWS
        ]
        + [
            pl.int_range(pl.len()).over(subject).alias("position"),
            (use <= 0).alias("zero"),
            log_use.diff().over(subject).alias("step"),
            residual.diff().over(subject).alias("residual_step"),
            pl.max_horizontal(
                pl.when(pl.col(f"step_{step}") > 0).then(step).otherwise(0) for step in range(1, 5)
            ).alias("top_step"),
        ]
    )
    before, size = pl.col("position") + 1, pl.len().over(subject)
    mean_before = residual.fill_null(0.0).cum_sum().over(subject) / before
    mean_after = (
        residual.fill_null(0.0).sum().over(subject) - residual.fill_null(0.0).cum_sum().over(subject)
    ) / (size - before)
    spread = residual.std().over(subject) + 0.05
    inside = (before >= _SPLIT_LEAST) & (size - before >= _SPLIT_LEAST)
    rolled = rolled.with_columns(
        # How far apart the means before and after a bill are, in their standard error: where a level broke off.
        split=pl.when(inside).then(
            (mean_before - mean_after) / (spread * (1.0 / before + 1.0 / (size - before)).sqrt())
        ),
        split_fall=pl.when(inside).then(mean_before - mean_after),
        edge=pl.col("residual") - residual.shift(3).over(subject),
    )
    rolled = rolled.with_columns(
        [
            (pl.col(f"{name}_{window}") - pl.col(f"{name}_{window}").shift(-window).over(subject)).alias(
                f"{name}_fall_{window}"
            )
            for name in ("r", "l")
            for window in WINDOWS
        ]
        + [
            (pl.col("zero").rle_id().over(subject)).alias("run"),
        ]
    )
    runs = (
        rolled.filter(pl.col("zero"))
        .group_by(subject, "run")
        .agg(pl.len().alias("length"), pl.col("position").max().alias("end"))
        .group_by(subject)
        .agg(
            pl.col("length").max().alias("vr_zero_run_max"),
            pl.len().alias("vr_zero_runs"),
        )
    )
    ordered = pl.col("position")
    steps_kwh = [pl.col(f"step_{step}").sum() for step in range(1, 5)]
    size_of = pl.len()
    first_12, last_4, last_12 = log_use.head(12), log_use.tail(4), log_use.tail(12)
    features = rolled.group_by(subject).agg(
        [
            log_use.mean().alias("us_mean"),
            log_use.std().alias("us_sd"),
            log_use.min().alias("us_min"),
            log_use.max().alias("us_max"),
            log_use.last().alias("us_last"),
            log_use.median().alias("us_median"),
            use.mean().alias("us_use_mean"),
            use.std().alias("us_use_sd"),
            (use.std() / (use.mean() + 1)).alias("vr_cv"),
            use.max().alias("us_use_max"),
            (use.tail(12).std() / (use.tail(12).mean() + 1)).alias("vr_cv_last_12"),
            first_12.mean().alias("us_first_12"),
            last_4.mean().alias("us_last_4"),
            last_12.mean().alias("us_last_12"),
            (use.tail(4).mean() / (use.slice(-16, 12).mean() + 1)).alias("dr_last_4_of_12"),
            (last_12.mean() - first_12.mean()).alias("dr_last_first"),
            pl.corr(ordered, log_use).alias("dr_trend"),
            pl.corr(ordered, residual).alias("dr_residual_trend"),
            pl.col("zero").mean().alias("vr_zero_share"),
            pl.col("zero").sum().alias("vr_zeros"),
            pl.col("zero").tail(6).mean().alias("vr_zero_last_6"),
            pl.col("step").abs().mean().alias("vr_step_mean"),
            pl.col("step").max().alias("vr_step_up"),
            pl.col("step").min().alias("vr_step_down"),
            pl.col("residual_step").std().alias("vr_residual_step_sd"),
            (kwh.diff() == 0).mean().alias("vr_repeat_share"),
            (kwh.round(0) % 100 == 0).mean().alias("vr_round_share"),
            (pl.corr(log_use, log_use.shift(1))).alias("vr_lag_1"),
            (pl.corr(log_use, log_use.shift(3))).alias("vr_lag_3"),
            residual.mean().alias("pr_mean"),
            residual.std().alias("pr_sd"),
            residual.min().alias("pr_min"),
            residual.max().alias("pr_max"),
            residual.last().alias("pr_last"),
            residual.median().alias("pr_median"),
            residual.quantile(0.1).alias("pr_p10"),
            residual.quantile(0.9).alias("pr_p90"),
            (residual < -1).mean().alias("pr_low_share"),
            (residual < -1).tail(12).mean().alias("pr_low_last_12"),
            (residual > 1).mean().alias("pr_high_share"),
            *[residual.tail(window).mean().alias(f"pr_last_{window}") for window in WINDOWS],
            *[residual.head(window).mean().alias(f"pr_first_{window}") for window in WINDOWS],
            residual.slice(-24, 12).mean().alias("pr_before_last_12"),
            *[
                pl.col(f"{name}_fall_{w}").max().alias(f"dr_{name}_fall_{w}")
                for name in "rl"
                for w in WINDOWS
            ],
            *[
                pl.col(f"{name}_fall_{w}").min().alias(f"dr_{name}_rise_{w}")
                for name in "rl"
                for w in WINDOWS
            ],
            *[
                (pl.col(f"{name}_{w}").max() - pl.col(f"{name}_{w}").last()).alias(
                    f"dr_{name}_below_best_{w}"
                )
                for name in "rl"
                for w in WINDOWS
            ],
            pl.col("r_12").min().alias("pr_lowest_12"),
            pl.col("r_12").max().alias("pr_highest_12"),
            *[(steps_kwh[step] / (kwh.sum() + 1)).alias(f"us_step_{step + 1}_share") for step in range(4)],
            pl.col("top_step").max().alias("us_top_step"),
            pl.col("top_step").mean().alias("us_top_step_mean"),
            pl.col("top_step").last().alias("us_top_step_last"),
            (pl.col("top_step") >= 3).mean().alias("us_third_step_share"),
            (pl.col("top_step") >= 4).mean().alias("us_fourth_step_share"),
            # Bills that end just at the edge of a step: kept low on purpose, or by a fixed entry.
            ((pl.col("step_1") > 0) & (pl.col("step_2") == 0)).mean().alias("us_first_step_only_share"),
            pl.col("step_1").max().alias("us_step_1_max"),
            pl.col("step_2").max().alias("us_step_2_max"),
            *[use.slice(-k, 1).first().alias(f"us_back_{k}") for k in (2, 3, 4)],
            *[residual.slice(-k, 1).first().alias(f"pr_back_{k}") for k in range(2, 8)],
            pl.col("split").max().alias("dr_split_max"),
            pl.col("split").min().alias("dr_split_min"),
            pl.col("split_fall").sort_by("split").last().alias("dr_split_fall"),
            (size_of - pl.col("position").sort_by("split", nulls_last=False).last()).alias(
                "dr_split_bills_ago"
            ),
            # The same season a year before, where three bills make a year.
            pl.col("edge").tail(3).mean().alias("dr_year_on_year"),
            pl.col("edge").min().alias("dr_year_on_year_min"),
            pl.col("edge").max().alias("dr_year_on_year_max"),
            pl.col("edge").abs().mean().alias("vr_year_on_year"),
            (residual.tail(12).std()).alias("pr_sd_last_12"),
            (residual.tail(12).min()).alias("pr_min_last_12"),
            (residual.tail(12).max()).alias("pr_max_last_12"),
            residual.filter(~pl.col("zero")).mean().alias("pr_mean_used"),
            residual.filter(~pl.col("zero")).std().alias("pr_sd_used"),
            residual.filter(~pl.col("zero")).min().alias("pr_min_used"),
            residual.skew().alias("pr_skew"),
            # seasonality: what of the year is high
            *[
                (residual.filter(pl.col("day").dt.quarter() == q).mean()).alias(f"pr_quarter_{q}")
                for q in range(1, 5)
            ],
        ]
    )
    made = features.join(runs, on=subject, how="left").collect()
    return made.rename(
        {name: f"{prefix}{name}" for name in made.columns if name != subject} if prefix else {}
    )
