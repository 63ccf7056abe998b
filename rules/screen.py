"""The array screen: which subjects meet all `when` conditions of some rule. Suppressors are the engine's business.

It is made from the same conditions as the engine's ruleset, so it can only pass too many, never too few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.batch import TARIFF_CLASSES, PointBatch
from rules.conditions import OPERATORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.facts import SignalTable
    from rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Candidates:
    """`rows` (candidates,) of the subjects that some rule may fire for, ascending; `by_rule[i]` (candidates,) bool:
    whether the i-th rule may.
    """

    rows: NDArray[np.int64]
    by_rule: list[NDArray[np.bool_]]


def screen(table: SignalTable, rules: list[Rule]) -> Candidates:
    met = [meets_when(table, rule) for rule in rules]
    rows = np.flatnonzero(np.logical_or.reduce(met)) if met else np.empty(0, np.int64)
    return Candidates(rows, [flags[rows] for flags in met])


def meets_when(table: SignalTable, rule: Rule) -> NDArray[np.bool_]:
    """(subjects,) whether all `when` conditions of the rule hold."""
    met = np.ones(len(table.batch), np.bool_)
    for condition in rule.when:
        met &= table.present(condition.signal)
        if condition.field is None or condition.op is None:
            continue
        threshold: float | NDArray[np.float64]
        if isinstance(condition.value, str):
            threshold = _threshold(table, rule, condition.value)
        else:
            threshold = condition.threshold({})
        with np.errstate(invalid="ignore"):
            met &= OPERATORS[condition.op].compare(table.column(condition.signal, condition.field), threshold)
    return met


def _threshold(table: SignalTable, rule: Rule, name: str) -> float | NDArray[np.float64]:
    parameter = rule.parameters[name]
    if not parameter.by_tariff_class or not isinstance(table.batch, PointBatch):
        return parameter.default
    by_class = np.array([parameter.value(tariff_class) for tariff_class in TARIFF_CLASSES])
    thresholds: NDArray[np.float64] = by_class[table.batch.tariff_class]
    return thresholds
