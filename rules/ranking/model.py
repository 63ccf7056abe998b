"""The probability that a visit finds a loss: gradient-boosted trees over features and learnt rates, cross-fitted.

Members of a fold are trained on the other folds. A subject that was trained on is judged by those that have not
seen it (nor anybody who shares its meter or customer); all others by the mean of all. So every probability
is one of a stranger, and the calibration that was measured is that of what is handed out.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import lightgbm as lgb
import numpy as np

from rules.ranking.rates import learnt_rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.ranking.rates import Cohorts

# Members that are boosted at once, each by one thread: two threads that boost one member wait for each other at every
# split, which takes five to ten times as long as soon as something else runs.
THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a model is trained with. Defaults were chosen on the public data by grouped cross-validation."""

    folds: int = 5
    seed: int = 0
    # Members of a fold, each of another seed; their mean has less noise than one.
    repeats: int = 2
    rounds: int = 400
    learning_rate: float = 0.03
    leaves: int = 24
    least_in_leaf: int = 80
    feature_share: float = 0.15
    row_share: float = 0.8
    l2: float = 10.0
    bins: int = 63
    # Prefixes of features and rates that are left out.
    without: tuple[str, ...] = ()
    # Prefixes of the learnt rates that are used.
    rates: tuple[str, ...] = ("ev_", "co_")

    def booster(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_child_samples": self.least_in_leaf,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.l2,
            "max_bin": self.bins,
            "num_threads": 1,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Known:
    """What is trained on. `train` (n,) bool, `outcome` (n,) float 0 or 1 where trained on, `fold` (n,) int."""

    train: NDArray[np.bool_]
    outcome: NDArray[np.float64]
    fold: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """probability = 1 / (1 + exp(-(slope · log odds + offset)))."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(self.slope * log_odds + self.offset)))
        return probability


@dataclass(frozen=True, slots=True)
class Model:
    """`members` are LightGBM's own text, by fold and repeat; `features` the names they were trained on, in order."""

    parameters: Parameters
    features: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    calibration: Calibration


Progress = Callable[[str, int, int], None]


def train(
    table: NDArray[np.float32],
    names: list[str],
    cohorts: Cohorts,
    known: Known,
    parameters: Parameters,
    progress: Progress = lambda *_: None,
) -> tuple[Model, NDArray[np.float64]]:
    """`table` (n, features).

    Returns:
        the model, and (n,) the calibrated probability of each subject by members that were not trained on it.
    """
    kept = [i for i, name in enumerate(names) if not name.startswith(parameters.without)]
    table = table[:, kept]
    names = [names[i] for i in kept]
    log_odds = np.zeros((len(table), parameters.folds))
    members: list[tuple[str, ...]] = []
    all_names: list[str] = names
    with ThreadPoolExecutor(THREADS) as pool:
        for fold in range(parameters.folds):
            inside = known.train & (known.fold != fold)
            rate_names, rates = learnt_rates(
                cohorts, known.outcome, inside, known.fold, parameters.rates, parameters.without
            )
            all_names = names + rate_names
            whole = np.hstack([table, rates])
            data = lgb.Dataset(
                whole[inside],
                known.outcome[inside],
                feature_name=all_names,
                # All that the boosters take, as they leave out features by it and take over its number of threads.
                params=parameters.booster(parameters.seed),
            ).construct()
            boosters = list(pool.map(partial(_boost, data, parameters, fold), range(parameters.repeats)))
            del data
            members.append(tuple(booster.model_to_string() for booster in boosters))
            mine = _judged(known, fold)
            log_odds[mine, fold] = _raw(boosters, whole[mine])
            progress("folds", fold + 1, parameters.folds)
    own = _of_strangers(log_odds, known)
    calibration = fit_calibration(own[known.train], known.outcome[known.train])
    return Model(parameters, tuple(all_names), tuple(members), calibration), calibration(own)


def _boost(data: lgb.Dataset, parameters: Parameters, fold: int, repeat: int) -> lgb.Booster:
    return lgb.train(parameters.booster(parameters.seed + fold + 1000 * repeat), data, parameters.rounds)


def _judged(known: Known, fold: int) -> NDArray[np.int64]:
    """The rows that the members of the fold judge: those that none of them has seen."""
    return np.flatnonzero(~known.train | (known.fold == fold))


def _of_strangers(log_odds: NDArray[np.float64], known: Known) -> NDArray[np.float64]:
    own: NDArray[np.float64] = log_odds.mean(axis=1)
    rows = np.flatnonzero(known.train)
    own[rows] = log_odds[rows, known.fold[rows]]
    return own


def fit_calibration(log_odds: NDArray[np.float64], outcome: NDArray[np.float64]) -> Calibration:
    """Platt's scaling by Newton's method; his targets keep a perfect separation finite (Platt 1999)."""
    hits = outcome.sum()
    target = np.where(outcome > 0, (hits + 1) / (hits + 2), 1 / (len(outcome) - hits + 2))
    design = np.column_stack([log_odds, np.ones_like(log_odds)])
    weights = np.array([1.0, 0.0])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (probability - target) + 1e-6 * (weights - (1.0, 0.0))
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights -= np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(float(weights[0]), float(weights[1]))


def apply(
    model: Model,
    table: NDArray[np.float32],
    names: list[str],
    cohorts: Cohorts,
    known: Known,
) -> NDArray[np.float64]:
    """(n,) calibrated probabilities; `known` says what the model was trained on, row by row of `table`."""
    log_odds = np.zeros((len(table), len(model.members)))
    for fold in range(len(model.members)):
        mine = _judged(known, fold)
        whole = _inputs(model, fold, table, names, cohorts, known)[mine]
        log_odds[mine, fold] = _raw(_boosters(model, fold), whole)
    return model.calibration(_of_strangers(log_odds, known))


def contributions(
    model: Model,
    table: NDArray[np.float32],
    names: list[str],
    cohorts: Cohorts,
    known: Known,
    rows: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(rows, features) what each feature adds to the log odds, from the members that judge the row."""
    total = np.zeros((len(rows), len(model.features)))
    share = np.zeros(len(rows))
    for fold in range(len(model.members)):
        mine = ~known.train[rows] | (known.fold[rows] == fold)
        if not mine.any():
            continue
        whole = _inputs(model, fold, table, names, cohorts, known)[rows[mine]]
        for booster in _boosters(model, fold):
            explained = np.asarray(booster.predict(whole, pred_contrib=True, num_threads=THREADS))
            total[mine] += explained[:, :-1]
            share[mine] += 1
    return total / np.maximum(share, 1)[:, None]


def _inputs(
    model: Model,
    fold: int,
    table: NDArray[np.float32],
    names: list[str],
    cohorts: Cohorts,
    known: Known,
) -> NDArray[np.float32]:
    inside = known.train & (known.fold != fold)
    rate_names, rates = learnt_rates(
        cohorts, known.outcome, inside, known.fold, model.parameters.rates, model.parameters.without
    )
    position = {name: i for i, name in enumerate([*names, *rate_names])}
    whole = np.hstack([table, rates])
    # A code that the data have no more has no column; the trees read it as missing.
    columns = [position.get(name, -1) for name in model.features]
    made = np.full((len(table), len(columns)), np.nan, np.float32)
    for i, column in enumerate(columns):
        if column >= 0:
            made[:, i] = whole[:, column]
    return made


def _boosters(model: Model, fold: int) -> list[lgb.Booster]:
    return [lgb.Booster(model_str=text) for text in model.members[fold]]


def _raw(boosters: list[lgb.Booster], whole: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) mean log odds of the boosters."""
    total = np.zeros(len(whole))
    for booster in boosters:
        if len(whole):
            total += np.asarray(booster.predict(whole, raw_score=True, num_threads=1))
    return total / len(boosters)
