"""Written rules over the whole history: yes/no facts, added up with logistic weights.

Thresholds are round numbers set by eye (engineering defaults); only the weights are learnt. It is what can be
explained on one page, and what the boosted model has to beat to be worth its opacity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.ranking.history import History
    from rules.ranking.model import Known

# Codes that fewer points have get no fact of their own.
LEAST_POINTS: Final = 400

_C = pl.col


def _facts() -> dict[str, pl.Expr]:
    swap = _C("mc_recent_same") > 0
    renewed = swap & (_C("mc_s_digits") >= 13)
    model = _C("mm_recent") > 0
    turns = _C("mc_recent_interleaved") > 0
    event = swap | model | turns | (_C("mc_recent") > 0)
    life = _C("mc_s_life")
    facts: dict[str, pl.Expr] = {
        "swap": swap,
        "swap_other_model": (_C("mc_recent") > 0) & ~swap & ~turns,
        "swap_renewed": renewed,
        "swap_twice": _C("mc_recent_same") > 1,
        "swap_rise": swap & (_C("mc_s_rise_far") >= 0.5),
        "swap_ratio": swap & (_C("mc_s_ratio") >= 0.5),
        "swap_ratio_fall": swap & (_C("mc_s_ratio") <= -0.3),
        "swap_low_before": swap & (_C("mc_s_p_far_last") < -0.69),
        "swap_high_before": swap & (_C("mc_s_p_far_last") > 0.3),
        "swap_renewed_rise": renewed & (_C("mc_s_rise_far") >= 0.5),
        "swap_dead": swap & (_C("mc_b_p_zero_last") >= 0.5),
        "swap_dead_long": swap & (_C("mc_b_p_zero_share") >= 0.5),
        "swap_zero_index": swap & (_C("mc_b_index_first") == 0),
        "swap_gap": swap & (_C("mc_b_gap") > 0.5),
        "swap_few_bills": swap & (_C("mc_b_bills") < 4),
        "swap_high_index": swap & (_C("mc_b_p_index_last") > 30000),
        "swap_low_index": swap & (_C("mc_b_p_index_last") < 3000),
        "model_change": model,
        "model_change_twice": _C("mm_recent") > 1,
        "model_change_high": model & (_C("us_use_mean") >= 400),
        "model_change_rise": model & (_C("mm_rise") >= 0.5),
        "model_change_calm": model & (_C("ix_mismatches") <= 2) & ~(_C("mm_rise") >= 0.5),
        "model_change_late": model & (_C("mm_life") >= 8),
        "model_change_early": model & (_C("mm_life") < 2),
        "model_change_old": (_C("mm_changes") > 0) & ~model,
        "turns": turns,
        "turns_long": turns & (_C("mc_u_p_bills") >= 15),
        "turns_rise": turns & (_C("mc_u_p_bills") >= 15) & (_C("dr_r_rise_3") <= -0.55),
        "turns_same_day": turns & (_C("rd_same_day_share") > 0.2),
        "turns_before": (_C("mc_interleaved") > 0) & ~turns,
        "meters_2": _C("mh_meters") >= 2,
        "meters_3": _C("mh_meters") >= 3,
        "meters_4": _C("mh_meters") >= 4,
        "meters_2_no_event": (_C("mh_meters") >= 2) & ~event,
        "one_new_series": (_C("mh_meters") == 1) & (_C("mh_digits_first") >= 13),
        "no_meter": _C("rd_no_meter_share") > 0.2,
        "old_stock": _C("mh_stock_last") > 3,
        "swing_third_step": (_C("us_third_step_share") > 0) & (_C("vr_cv") > 0.6),
        "fourth_step": _C("us_fourth_step_share") > 0,
        "fifth_of_use_on_top": _C("us_step_4_share") > 0.2,
        "never_40": _C("us_use_max") < 40,
        "never_100": _C("us_use_max") < 100,
        "mean_50": _C("us_use_mean") < 50,
        "mean_200": _C("us_use_mean") > 200,
        "mean_400": _C("us_use_mean") > 400,
        "mean_1000": _C("us_use_mean") > 1000,
        "cv_high": _C("vr_cv") > 0.8,
        "cv_low": _C("vr_cv") < 0.3,
        "zeros": _C("vr_zero_share") > 0.3,
        "zero_run": _C("vr_zero_run_max") >= 4,
        "zero_now": _C("vr_zero_last_6") > 0.6,
        "year_fall": _C("dr_r_fall_3") > 1.0,
        "long_fall": _C("dr_r_fall_12") > 0.8,
        "long_rise": _C("dr_r_rise_12") < -0.8,
        "long_rise_event": (_C("dr_r_rise_12") < -0.8) & event,
        "long_fall_event": (_C("dr_r_fall_12") > 0.8) & event,
        "low_twelve": _C("pr_lowest_12") < -1.5,
        "high_mean": _C("pr_mean") > 0.5,
        "low_mean": _C("pr_mean") < -1.0,
        "from_zero": _C("ix_from_zero") > 0.5,
        "reversed": _C("ix_reversed") > 0,
        "reset": _C("ix_resets") > 0,
        "jumps": _C("ix_jump_share") > 0.1,
        "jumps_below": _C("ix_below") > 1,
        "mismatch": _C("ix_mismatches") > 2,
        "multiplier": _C("ix_multiplier_max") > 1,
        "long_bills": _C("rd_long_bills") >= 3,
        "longest_year": _C("rd_months_max") >= 12,
        "short_bills": _C("rd_short_share") > 0.3,
        "late": _C("rd_late_max") > 6,
        "gas": _C("gs_mean").is_not_null(),
        "gas_no_power": _C("gs_zero_with_gas") >= 2,
        "few_bills": _C("tm_bills") < 12,
        "many_bills": _C("tm_bills") > 48,
        "billed_late": _C("tm_last") >= 2019,
        "ended_early": _C("tm_last") < 2013,
        "signed_before_1985": _C("tm_signed") < 1985,
        "signed_late": _C("tm_signed") > 2010,
    }
    for low, high in ((0, 2), (2, 4), (4, 6), (6, 8), (8, 10), (10, 40)):
        facts[f"swap_life_{low}_{high}"] = swap & (life >= low) & (life < high)
        facts[f"swap_renewed_life_{low}_{high}"] = renewed & (life >= low) & (life < high)
    return facts


def fact_table(history: History, table: pl.DataFrame) -> tuple[list[str], NDArray[np.float32]]:
    """(names, (n, facts) 0 or 1). A fact of a value that is missing is not true.

    Besides the written facts: each place, class and meter model that `LEAST_POINTS` have, and the three kinds of
    change in each district.
    """
    whole = table.hstack(history.subjects.select("district", "area", "tariff_class"))
    facts = _facts()
    swap, model, turns = facts["swap"], facts["model_change"], facts["turns"]
    shares = [name for name in table.columns if name.startswith("rd_note_") and name.endswith("_share")]
    for name in shares:
        for bound in (0.1, 0.3, 0.6):
            facts[f"{name}_{bound}"] = _C(name) > bound
        # One meter, and nearly always the same note: nothing ever happened.
        facts[f"one_meter_{name}"] = (_C("mh_meters") == 1) & (_C(name) >= 0.8)
    states = [name for name in table.columns if name.startswith("rd_state_") and name[9:].isdigit()]
    for name in states:
        facts[f"{name}_seen"] = _C(name) > 0
    for column in ("district", "area", "tariff_class"):
        for code in _common(whole, column):
            facts[f"{column}_{code}"] = _C(column) == pl.lit(code)
            if column == "district":
                facts[f"swap_in_{code}"] = swap & (_C(column) == pl.lit(code))
                facts[f"model_change_in_{code}"] = model & (_C(column) == pl.lit(code))
                facts[f"turns_in_{code}"] = turns & (_C(column) == pl.lit(code))
                facts[f"swing_in_{code}"] = facts["swing_third_step"] & (_C(column) == pl.lit(code))
                facts[f"renewed_in_{code}"] = facts["swap_renewed"] & (_C(column) == pl.lit(code))
    for column in ("mh_model_last", "mh_model_first"):
        for code in _common(whole, column):
            facts[f"{column}_{code:.0f}"] = _C(column) == pl.lit(code)
            facts[f"swap_{column}_{code:.0f}"] = swap & (_C(column) == pl.lit(code))
    made = whole.select(
        fact.fill_null(value=False).cast(pl.Float32).alias(name) for name, fact in facts.items()
    )
    return made.columns, made.to_numpy()


def _common(table: pl.DataFrame, column: str) -> list[Any]:
    counts = table.drop_nulls(column).group_by(column).len().filter(pl.col("len") >= LEAST_POINTS)
    return sorted(counts[column].to_list())


def score_written(
    facts: NDArray[np.float32], known: Known, folds: int, strength: float = 0.3
) -> NDArray[np.float64]:
    """(n,) probability of each subject by weights that were fitted without its fold."""
    probability = np.zeros(len(facts))
    for fold in range(folds):
        inside = known.train & (known.fold != fold)
        fitted = LogisticRegression(C=strength, max_iter=300).fit(facts[inside], known.outcome[inside])
        out = known.fold == fold
        probability[out] = fitted.predict_proba(facts[out])[:, 1]
    return probability
