"""Train, rank: what `tarazu train` and `tarazu rank` do."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from sqlalchemy import select

from etl.memory import peak_rss_mb
from etl.ranking import store
from etl.ranking.extract import extract_history
from etl.ranking.findings import read_findings
from rules.ranking.learning import Lesson, data_hash, learn_from
from rules.ranking.measures import quality
from rules.ranking.model import Parameters, apply, contributions, train
from rules.ranking.money import recoverable_rial
from rules.ranking.reasons import Reason, owners, reasons
from rules.ranking.selection import select as select_visits
from rules.site import load_site
from tarazu.database import Sessions, create_engine
from tarazu.errors import InputError, NotFoundError
from tarazu.models import Case, District
from tarazu.models.enums import LIVE_CASE_STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tarazu.database import ReadSession
    from tarazu.settings import Settings

BY_MODEL: Final = "model"
BY_PRIORITY: Final = "priority"


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """`version` None: there was too little to learn from, and `message` says what was missing."""

    version: str | None
    is_new: bool
    is_active: bool
    points: int
    hits: int
    metrics: dict[str, Any]
    message: str
    seconds: float
    peak_rss_mb: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Visit:
    position: int
    customer_no: str
    subscription_no: str
    district: str
    probability: float | None
    money_rial: int
    expected_rial: int
    is_random: bool
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ranking:
    """`by`: the model, or the rules' priority where there is none; `message` says why, and is empty otherwise."""

    by: str
    model_version: str | None
    message: str
    eligible: int
    visits: tuple[Visit, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "model_version": self.model_version,
            "message": self.message,
            "eligible": self.eligible,
            "visits": [visit.to_json() for visit in self.visits],
        }


def shortage(settings: Settings, lesson: Lesson) -> str:
    """Why there is too little to learn from; empty where there is enough."""
    least = settings.ranking_least_outcomes
    misses = lesson.points - lesson.hits
    if lesson.hits >= least and misses >= least:
        return ""
    hint = (
        " Where whoever was not found out may pass for clean, set TARAZU_RANKING_UNINSPECTED=clean."
        if misses < least and settings.ranking_uninspected == "ignore"
        else ""
    )
    return (
        f"Inspections found {lesson.hits:,} losses and {misses:,} clean points; at least {least:,} of each are "
        f"needed (TARAZU_RANKING_LEAST_OUTCOMES). The rules' priority ranks until then.{hint}"
    )


def lesson_of(
    settings: Settings, parameters: Parameters, findings: pl.DataFrame, as_of: dt.date | None = None
) -> Lesson:
    return learn_from(
        extract_history(settings),
        uninspected=settings.ranking_uninspected,
        folds=parameters.folds,
        seed=parameters.seed,
        recent_years=settings.ranking_recent_years,
        findings=findings,
        as_of=as_of,
    )


async def train_model(
    settings: Settings,
    parameters: Parameters,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    *,
    promote: bool = True,
) -> TrainSummary:
    """Train on all outcomes, save the model, and put it in force."""
    started = time.monotonic()
    lesson = lesson_of(settings, parameters, await read_findings(settings))
    if message := shortage(settings, lesson):
        return _summary(None, lesson, {}, message, started)
    name = data_hash(lesson)
    version = store.version_of(name, parameters)
    engine = create_engine(settings, application_name="tarazu train", pool_size=1)
    try:
        async with Sessions(engine).read() as session:
            known = {row["version"]: row for row in await store.models(session)}
        if version in known:
            is_new, metrics = False, known[version]["metrics"]
        else:
            model, probability = train(
                lesson.table, lesson.names, lesson.features.cohorts, lesson.known, parameters, progress
            )
            inside = lesson.known.train
            metrics = asdict(quality(lesson.known.outcome[inside], probability[inside]))
            trained = store.Trained(
                model, lesson.row_key[inside], lesson.known.outcome[inside], lesson.known.fold[inside]
            )
            async with Sessions(engine).write() as session:
                is_new = await store.save(session, trained, version=version, data_hash=name, metrics=metrics)
        if promote:
            async with Sessions(engine).write() as session:
                await store.promote(session, version)
        async with Sessions(engine).read() as session:
            is_active = await store.active_version(session) == version
    finally:
        await engine.dispose()
    return _summary(version, lesson, metrics, "", started, is_new=is_new, is_active=is_active)


def _summary(
    version: str | None,
    lesson: Lesson,
    metrics: dict[str, Any],
    message: str,
    started: float,
    *,
    is_new: bool = False,
    is_active: bool = False,
) -> TrainSummary:
    return TrainSummary(
        version=version,
        is_new=is_new,
        is_active=is_active,
        points=lesson.points,
        hits=lesson.hits,
        metrics=metrics,
        message=message,
        seconds=round(time.monotonic() - started, 2),
        peak_rss_mb=peak_rss_mb(),
    )


async def rank(
    settings: Settings,
    *,
    capacity: int,
    district: str | None = None,
    random_share: float | None = None,
    seed: int = 0,
) -> Ranking:
    """The points to visit. Those of which an inspection has an outcome are not ranked again.

    Raises:
        NotFoundError: there is no such district.
        InputError: capacity or share are out of their bounds.
    """
    share = settings.ranking_random_share if random_share is None else random_share
    if capacity < 1 or not 0 <= share <= 1:
        raise InputError(
            f"capacity {capacity} and random share {share} are not both possible.",
            mend="Give a capacity of at least 1 and a share between 0 and 1.",
        )
    engine = create_engine(settings, application_name="tarazu rank", pool_size=1)
    try:
        async with Sessions(engine).read() as session:
            if district is not None and not await session.scalar(
                select(District.id).where(District.code == district)
            ):
                raise NotFoundError(f"There is no district {district!r}.", mend="Give the code of one.")
            version = await store.active_version(session)
            trained = await store.load(session, version) if version else None
            cases = await _case_values(session)
    finally:
        await engine.dispose()
    parameters = trained.model.parameters if trained else Parameters()
    lesson = lesson_of(settings, parameters, await read_findings(settings))
    subjects = lesson.history.subjects.head(lesson.subjects)
    eligible = subjects["outcome"].is_null().to_numpy().copy()
    if district is not None:
        eligible &= (subjects["district"] == district).to_numpy()
    priority, at_risk = _of_cases(subjects, cases)
    count = lesson.subjects
    if trained is None:
        message = shortage(settings, lesson) or (
            "No model is in force: the rules' priority ranks. Train one with `tarazu train`."
        )
        chosen = select_visits(priority, eligible & (priority > 0), capacity, 0.0, seed)
        drawn = select_visits(
            np.zeros(count),
            eligible & ~np.isin(np.arange(count), chosen.row),
            round(capacity * share),
            1.0,
            seed,
        )
        keep = max(0, min(capacity, capacity - len(drawn.row)))
        rows = np.concatenate([chosen.row[:keep], drawn.row])
        flags = np.r_[np.zeros(len(chosen.row[:keep]), np.bool_), np.ones(len(drawn.row), np.bool_)]
        words = [_CASE_REASON if priority[row] > 0 else _RANDOM_REASON for row in rows]
        probability = None
        money = at_risk
        expected = priority
        why: list[tuple[Reason, ...]] = [(word,) for word in words]
    else:
        message = ""
        known = trained.known(lesson.row_key)
        site = load_site(last_day(lesson), settings.site_file, settings.company_code)
        probability = apply(trained.model, lesson.table, lesson.names, lesson.features.cohorts, known)[:count]
        estimated = recoverable_rial(lesson.history, lesson.features.table, site)[:count]
        money = np.where(at_risk > 0, at_risk, estimated)
        expected = probability * money
        chosen = select_visits(expected, eligible, capacity, share, seed)
        rows, flags = chosen.row, chosen.is_random
        explained = contributions(
            trained.model, lesson.table, lesson.names, lesson.features.cohorts, known, rows
        )
        owner = owners(trained.model.features)
        facts = lesson.features.table[rows].to_dicts() if len(rows) else []
        why = [tuple(reasons(facts[i], explained[i], owner)) for i in range(len(rows))]
    identity = subjects.select("customer_no", "subscription_no", "district").rows()
    visits = tuple(
        Visit(
            position=i + 1,
            customer_no=identity[row][0],
            subscription_no=identity[row][1],
            district=identity[row][2],
            probability=None if probability is None else float(probability[row]),
            money_rial=int(money[row]),
            expected_rial=int(expected[row]),
            is_random=bool(flags[i]),
            reasons=why[i],
        )
        for i, row in enumerate(rows)
    )
    return Ranking(
        by=BY_MODEL if trained else BY_PRIORITY,
        model_version=version,
        message=message,
        eligible=int(eligible.sum()),
        visits=visits,
    )


_CASE_REASON: Final = Reason(
    "open_case", 0.0, "Rules hold an open case against it.", "قاعده‌ها پرونده‌ای باز برای آن دارند."
)
_RANDOM_REASON: Final = Reason(
    "random",
    0.0,
    "Drawn by chance, so that what is learnt stays unbiased.",
    "به قید قرعه، تا یادگیری یک‌سویه نشود.",
)


async def _case_values(session: ReadSession) -> pl.DataFrame:
    """usage_point_id, priority, money_rial of the largest live case of each point."""
    rows = await session.execute(
        select(Case.usage_point_id, Case.priority, Case.money_at_risk_rial).where(
            Case.usage_point_id.is_not(None), Case.state.in_(LIVE_CASE_STATES)
        )
    )
    frame = pl.DataFrame(
        [tuple(row) for row in rows],
        schema={"usage_point_id": pl.Int64, "priority": pl.Float64, "money_rial": pl.Int64},
        orient="row",
    )
    return frame.group_by("usage_point_id").agg(pl.col("priority").max(), pl.col("money_rial").max())


def _of_cases(subjects: pl.DataFrame, cases: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    joined = subjects.select("usage_point_id").join(
        cases, on="usage_point_id", how="left", maintain_order="left"
    )
    return (
        joined["priority"].fill_null(0.0).to_numpy().astype(np.float64),
        joined["money_rial"].fill_null(0).to_numpy().astype(np.int64),
    )


def last_day(lesson: Lesson) -> dt.date:
    """The last day billed; today where nothing is."""
    day = lesson.history.bills["day"].max()
    return day if isinstance(day, dt.date) else dt.datetime.now(tz=dt.UTC).date()
