"""What is learnt from: which subjects have an outcome, and what was known of them before the visit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from rules.ranking.features import Features, features
from rules.ranking.folds import group_numbers, grouped_folds
from rules.ranking.history import History
from rules.ranking.model import Known

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

# What a point without an inspection counts as: nothing, or clean. The latter only where whoever was not found out
# may pass for clean, as in sources that name the thieves alone.
Uninspected = Literal["ignore", "clean"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """`subjects` rows come first, in the order of `history.subjects`; after them stand copies of those that were
    inspected on a known day, with what was known the day before. `copy_of` (copies,) is the row that one copies.
    """

    history: History
    features: Features
    names: list[str]
    table: NDArray[np.float32]
    known: Known
    subjects: int
    copy_of: NDArray[np.int64]

    @property
    def row_key(self) -> NDArray[np.int64]:
        """(n,) names a row on any day: twice the id of the usage point, and one more for the copy before its visit."""
        key: NDArray[np.int64] = self.history.subjects["usage_point_id"].to_numpy() * 2
        return key + (np.arange(len(key)) >= self.subjects)

    @property
    def points(self) -> int:
        return int(self.known.train.sum())

    @property
    def hits(self) -> int:
        return int(self.known.outcome[self.known.train].sum())


def with_visits_as_copies(
    history: History, as_of: dt.date | None = None
) -> tuple[History, NDArray[np.int64]]:
    """The history, and behind it a copy of each subject that was inspected on a known day, cut at that day.

    With `as_of` outcomes of that day and later are unknown, and so are bills.
    """
    subjects, bills = history.subjects, history.bills
    if as_of is not None:
        late = pl.col("inspected_on") >= as_of
        subjects = subjects.with_columns(
            outcome=pl.when(late.fill_null(value=False)).then(None).otherwise("outcome"),
        )
        bills = bills.filter(pl.col("day") < as_of)
    dated = subjects.filter(pl.col("outcome").is_not_null() & pl.col("inspected_on").is_not_null())
    if dated.is_empty():
        return History(subjects, bills), np.empty(0, np.int64)
    copies = dated.with_row_index("copy", offset=len(subjects)).with_columns(pl.col("copy").cast(pl.Int32))
    before = (
        bills.join(copies.select("subject", "copy", "inspected_on"), on="subject", maintain_order="left")
        .filter(pl.col("day") < pl.col("inspected_on"))
        .with_columns(subject="copy")
        .select(bills.columns)
    )
    whole = pl.concat([subjects, copies.with_columns(subject="copy").select(subjects.columns)])
    return History(whole, pl.concat([bills, before])), dated["subject"].to_numpy().astype(np.int64)


def learn_from(
    history: History,
    *,
    uninspected: Uninspected,
    folds: int,
    seed: int,
    recent_years: int,
    findings: pl.DataFrame | None = None,
    as_of: dt.date | None = None,
) -> Lesson:
    """Features of all subjects and what is known of them. Where there are fewer groups than folds, all are in one.

    `findings`: rule_id, usage_point_id, found_on; of a visit on a known day only those of days before it count.
    """
    count = len(history.subjects)
    whole, copy_of = with_visits_as_copies(history, as_of)
    made = features(whole, recent_years)
    outcome = whole.subjects["outcome"].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
    if uninspected == "clean":
        outcome[:count] = np.where(np.isnan(outcome[:count]), 0.0, outcome[:count])
    # Of a subject with a copy the copy is learnt from: the rest of its history came after the visit.
    outcome[copy_of] = np.nan
    train = ~np.isnan(outcome)
    groups = group_numbers(whole)
    enough = len(np.unique(groups)) >= folds
    fold = grouped_folds(groups, folds, seed) if enough else np.zeros(len(groups), np.int64)
    table = made.table
    if findings is not None and len(findings):
        table = table.hstack(_finding_features(whole, count, findings))
        made = Features(table, made.cohorts, made.meters)
    names = table.columns[1:]
    return Lesson(
        history=whole,
        features=made,
        names=names,
        table=table.select(names).to_numpy(),
        known=Known(train, np.where(train, outcome, 0.0), fold),
        subjects=count,
        copy_of=copy_of,
    )


def _finding_features(whole: History, subjects: int, findings: pl.DataFrame) -> pl.DataFrame:
    """(n,) 0 or 1 for each rule, and their count: what rules had found of the row by the day it stands for."""
    rows = whole.subjects.select(
        "usage_point_id",
        before=pl.when(pl.int_range(pl.len()) >= subjects).then("inspected_on"),
    )
    flags = {}
    for rule_id in findings["rule_id"].unique().sort():
        of_rule = findings.filter(pl.col("rule_id") == rule_id).select("usage_point_id", "found_on")
        joined = rows.join(of_rule, on="usage_point_id", how="left", maintain_order="left")
        is_found = pl.col("found_on").is_not_null() & (
            pl.col("before").is_null() | (pl.col("found_on") < pl.col("before"))
        )
        flags[f"fi_{rule_id}"] = joined.select(is_found.cast(pl.Float32)).to_series()
    return pl.DataFrame(flags).with_columns(fi_count=pl.sum_horizontal(pl.all()).cast(pl.Float32))


def data_hash(lesson: Lesson) -> str:
    """Names what a model is trained on: bills, subjects, findings, outcomes and folds, in their order."""
    digest = hashlib.sha256()
    for frame in (lesson.history.subjects, lesson.history.bills):
        # Row by row, so that no second copy of the bills is made.
        digest.update(frame.hash_rows(seed=0).to_numpy().tobytes())
    findings = [name for name in lesson.names if name.startswith("fi_")]
    if findings:
        digest.update(repr(findings).encode())
        digest.update(lesson.features.table.select(findings).hash_rows(seed=0).to_numpy().tobytes())
    digest.update(lesson.known.outcome.tobytes() + lesson.known.train.tobytes() + lesson.known.fold.tobytes())
    return digest.hexdigest()[:16]
