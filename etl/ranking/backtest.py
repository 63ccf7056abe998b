"""`tarazu backtest`: every rule and the ranking against recorded outcomes, as JSON and as a page with plots."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from etl.ranking import store
from etl.ranking.findings import read_findings
from etl.ranking.report import write_report
from etl.ranking.service import last_day, lesson_of, shortage
from rules.ranking.backtest import cumulative, parts, ranking_rows, reliability, row
from rules.ranking.learning import data_hash
from rules.ranking.measures import quality
from rules.ranking.model import Parameters, apply, train
from rules.ranking.money import recoverable_rial
from rules.ranking.written import fact_table, score_written
from rules.site import load_site
from tarazu.database import Sessions, create_engine

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from rules.ranking.learning import Lesson
    from tarazu.settings import Settings

# Years of bills that a history is told apart by.
_LENGTHS = ((0, 3), (3, 6), (6, 10), (10, 100))


async def run_backtest(
    settings: Settings,
    report: Path,
    *,
    as_of: dt.date | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Write the report and return what it says. Rates are shares, money is the estimate of what was recoverable.

    An outcome whose day is known is judged by what was known the day before: bills before it, and findings of scans
    as of days before it. An outcome without a day is judged by everything, which flatters whatever follows a visit.
    """
    parameters = Parameters()
    findings = await read_findings(settings, as_of)
    lesson = lesson_of(settings, parameters, findings, as_of)
    rows = np.flatnonzero(lesson.known.train)
    outcome = lesson.known.outcome[rows]
    site = load_site(as_of or last_day(lesson), settings.site_file, settings.company_code)
    money = recoverable_rial(lesson.history, lesson.features.table, site)[rows]
    result: dict[str, Any] = {
        "as_of": as_of.isoformat() if as_of else None,
        "points": len(rows),
        "hits": int(outcome.sum()),
        "data_hash": data_hash(lesson),
        "undated": int(lesson.history.subjects["inspected_on"].is_null().to_numpy()[rows].sum()),
        "uninspected": settings.ranking_uninspected,
        "message": shortage(settings, lesson),
        "rules": [asdict(made) for made in _rule_rows(lesson, rows, outcome, money, findings)],
        "ranking": [],
        "parts": [],
        "quality": None,
        "written": None,
        "calibration": [],
        "curve": [],
    }
    if not result["message"]:
        probability = (await _probability(settings, lesson, parameters, progress))[rows]
        _, facts = fact_table(lesson.history, lesson.features.table)
        written = score_written(facts, lesson.known, parameters.folds)[rows]
        result |= {
            "quality": asdict(quality(outcome, probability)),
            "written": asdict(quality(outcome, written)),
            "ranking": [
                asdict(made)
                for score, what in ((probability, "ranking"), (written, "written rules"))
                for made in ranking_rows(score, outcome, money, what)
            ]
            + [asdict(made) for made in ranking_rows(probability * money, outcome, money, "by money")],
            "parts": [asdict(part) for part in parts(probability, outcome, _dimensions(lesson, rows))],
            "calibration": reliability(probability, outcome),
            "curve": [column.tolist() for column in cumulative(probability, outcome)],
            "written_curve": [column.tolist() for column in cumulative(written, outcome)],
        }
    write_report(report, result)
    return result


async def _probability(
    settings: Settings,
    lesson: Lesson,
    parameters: Parameters,
    progress: Callable[[str, int, int], None],
) -> NDArray[np.float64]:
    """(n,) of a model of exactly these data and parameters: the stored one, or one trained for the occasion."""
    version = store.version_of(data_hash(lesson), parameters)
    engine = create_engine(settings, application_name="tarazu backtest", pool_size=1)
    try:
        async with Sessions(engine).read() as session:
            known = {row["version"] for row in await store.models(session)}
            model = (await store.load(session, version)).model if version in known else None
    finally:
        await engine.dispose()
    data = (lesson.table, lesson.names, lesson.features.cohorts, lesson.known)
    if model is not None:
        return apply(model, *data)
    return train(*data, parameters, progress)[1]


def _dimensions(lesson: Lesson, rows: NDArray[np.int64]) -> dict[str, list[str]]:
    subjects = lesson.history.subjects[rows]
    years = lesson.features.table["tm_span"].fill_null(0.0).fill_nan(0.0).to_numpy()[rows]
    lengths = [
        next(f"{low} to {high} years" for low, high in _LENGTHS if year < high)
        for year in np.minimum(years, 99)
    ]
    return {
        "class": subjects["tariff_class"].to_list(),
        "district": subjects["district"].to_list(),
        "history": lengths,
    }


def _rule_rows(
    lesson: Lesson,
    rows: NDArray[np.int64],
    outcome: NDArray[np.float64],
    money: NDArray[np.int64],
    findings: pl.DataFrame,
) -> list[Any]:
    subjects = lesson.history.subjects[rows].select("usage_point_id", "inspected_on")
    made = []
    for rule_id in findings["rule_id"].unique().sort():
        found = findings.filter(pl.col("rule_id") == rule_id)
        joined = subjects.join(found, on="usage_point_id", how="left", maintain_order="left")
        before = pl.col("found_on").is_not_null() & (
            pl.col("inspected_on").is_null() | (pl.col("found_on") < pl.col("inspected_on"))
        )
        flagged = joined.select(before).to_series().to_numpy()
        if flagged.any():
            made.append(row(rule_id, flagged, outcome, money))
    return sorted(made, key=lambda one: -one.lift)
