"""All features of all subjects, in one frame whose column prefixes name the signal they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from rules.ranking.history import ELECTRICITY, History, with_measures
from rules.ranking.joint import joint_features
from rules.ranking.meters import MeterHistory, meter_features, meter_history
from rules.ranking.peers import with_peer_residual
from rules.ranking.rates import Cohorts, Order, Reduce, key
from rules.ranking.readings import reading_features
from rules.ranking.standing import standing_features
from rules.ranking.use import use_features

# Changes in the last seven calendar years of the data count as recent (engineering default).
RECENT_YEARS: Final = 7


@dataclass(frozen=True, slots=True)
class Features:
    """`table`: one row a subject in order, `subject` and float features; `cohorts`: what rates are learnt over."""

    table: pl.DataFrame
    cohorts: Cohorts
    meters: MeterHistory


def features(history: History, recent_years: int = RECENT_YEARS, since: float | None = None) -> Features:
    bills = with_peer_residual(with_measures(history), history)
    if since is None:
        # A few bills in the far future, errors of the source, must not move what counts as recent.
        since = float(np.floor(bills["time"].quantile(0.999) or 0.0)) - recent_years + 1
    electricity = bills.filter(pl.col("commodity") == ELECTRICITY)
    # A subject that has gas alone is judged by it.
    main = pl.concat(
        [
            electricity,
            bills.join(
                electricity.select("subject").unique(), on="subject", how="anti", maintain_order="left"
            ),
        ]
    ).sort("subject", maintain_order=True)
    meters = meter_history(main)
    parts = [
        standing_features(history, bills),
        use_features(main),
        reading_features(main),
        meter_features(meters, since),
        joint_features(bills),
    ]
    table = parts[0]
    for part in parts[1:]:
        table = table.join(part, on="subject", how="left", maintain_order="left")
    table = table.sort("subject")
    numbers = [name for name in table.columns if name != "subject"]
    table = table.with_columns(pl.col(numbers).cast(pl.Float32))
    return Features(table, cohorts(history, main, meters, since), meters)


def cohorts(history: History, main: pl.DataFrame, meters: MeterHistory, since: float) -> Cohorts:
    place = history.subjects.select("subject", "district", "area", "tariff_class", "signed_on")
    changes = meters.changes.join(place, on="subject", maintain_order="left").with_columns(
        recent=pl.col("start") >= since,
        half=(pl.col("start") * 2).floor(),
        life_2=(pl.col("life") / 2).floor(),
        zero_index=pl.col("index_first") == 0,
        month_no=(pl.col("start") * 12).floor(),
        rise=(pl.col("rise_far") * 2).floor(),
    )
    models = meters.model_changes.join(place, on="subject", maintain_order="left").with_columns(
        recent=pl.col("time") >= since,
        half=(pl.col("time") * 2).floor(),
        life_2=(pl.col("life") / 2).floor(),
        month_no=(pl.col("time") * 12).floor(),
    )
    event: tuple[Reduce, ...] = ("max", "sum")
    pair = ["p_model_last", "model_first", "clean"]
    keys = [
        key(changes, "ev_half", [*pair, "half"], event),
        key(changes, "ev_district_year", [*pair, "district", "year"], event),
        key(changes, "ev_life_year", [*pair, "life_2", "year"], event),
        key(changes, "ev_area_life", ["area", *pair, "recent", "life_2"], event),
        key(changes, "ev_month", ["district", "month_no", "clean"], event),
        key(changes, "ev_quantile", ["p_model_last", "p_quantile", "recent", "clean"], event),
        key(changes, "ev_note", [*pair, "recent", "note_first", "p_note_last", "zero_index"], event),
        key(changes, "ev_index", [*pair, "recent", "digits", "zero_index", "life_2"], event),
        key(changes, "ev_rise", [*pair, "recent", "rise"], event),
        key(changes, "ev_months", [*pair, "recent", "months_first", "p_months_last"], event),
        key(changes, "ev_day", ["area", "start_day"], event),
        key(models, "ev_model_half", ["p_model", "model_no", "half"], event),
        key(models, "ev_model_district", ["p_model", "model_no", "district", "year"], event),
        key(models, "ev_model_month", ["district", "month_no"], event),
        key(models, "ev_model_note", ["p_model", "model_no", "recent", "note_no", "p_note", "reset"], event),
        key(models, "ev_model_area", ["area", "p_model", "model_no", "recent"], event),
    ]
    chain = (
        meters.stays.group_by("subject", maintain_order=True)
        .agg(
            pl.concat_str("model_first", pl.lit(">"), "model_last").str.join("|").alias("chain"),
            pl.col("model_first").first().alias("model_first"),
            pl.col("model_last").last().alias("model_last"),
            pl.col("serial").last().alias("serial"),
            pl.col("digits").last().alias("digits"),
            pl.col("quantile").last().alias("quantile"),
        )
        .join(place, on="subject", maintain_order="left")
        .with_columns(series=(pl.col("serial") / 10.0 ** (pl.col("digits") - 4)).floor())
    )
    standing = place.with_columns(signed_year=pl.col("signed_on").dt.year())
    mean: tuple[Reduce, ...] = ("mean",)
    tour = main.join(
        place.select("subject", "area", "district", "tariff_class"), on="subject", maintain_order="left"
    )
    keys += [
        key(standing, "co_class", ["area", "tariff_class"], mean),
        key(standing, "co_signed", ["area", "signed_year"], mean),
        key(chain, "co_chain", ["chain"], mean),
        key(chain, "co_models", ["area", "model_first", "model_last"], mean),
        key(chain, "co_series", ["model_last", "digits", "series"], mean),
        key(tour, "co_tour", ["area", "day"], mean),
        key(tour, "co_tour_note", ["area", "day", "note"], mean),
    ]
    stays = meters.stays.sort("model_first", "digits", "serial", "subject")
    block = stays.select(pl.struct("model_first", "digits").rle_id()).to_series().to_numpy().astype(np.int64)
    who = stays["subject"].to_numpy().astype(np.int32)
    signed = standing.drop_nulls("signed_on").sort("area", "signed_on", "subject")
    signed_block = signed.select(pl.col("area").rle_id()).to_series().to_numpy().astype(np.int64)
    signed_who = signed["subject"].to_numpy().astype(np.int32)
    orders = [
        *[Order(f"co_serial_{width}", who, block, width) for width in (15, 100)],
        *[Order(f"co_signed_{width}", signed_who, signed_block, width) for width in (15, 100)],
    ]
    return Cohorts(keys, orders)
