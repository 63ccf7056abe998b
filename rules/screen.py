"""The array screen: which subjects meet all `when` conditions of some rule. Suppressors are the engine's business.

It is made from the same conditions as the engine's ruleset, so it can only pass too many, never too few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rules.batch import TARIFF_CLASSES, PointBatch
from rules.conditions import OPERATORS, Condition
from rules.facts import LARGEST

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
        met &= holds(table, rule, condition)
    return met


def holds(table: SignalTable, rule: Rule, condition: Condition) -> NDArray[np.bool_]:
    """(subjects,) whether the condition holds."""
    if condition.field is None or condition.op is None:
        return table.present(condition.signal)
    threshold: float | NDArray[np.float64]
    if isinstance(condition.value, str):
        threshold = _threshold(table, rule, condition.value)
    else:
        threshold = condition.threshold({})
    column = table.column(condition.signal, condition.field)
    with np.errstate(invalid="ignore"):
        met: NDArray[np.bool_] = OPERATORS[condition.op].compare(column, threshold)
    return met & table.present(condition.signal)


def fires_for(table: SignalTable, rule: Rule) -> NDArray[np.bool_]:
    """(subjects,) whether the rule fires: what the evaluators answer, for a whole batch at once.

    Evaluators never see a number that no engine could read (`rules.facts.LARGEST`), so here none holds either.
    """
    fires = np.ones(len(table.batch), np.bool_)
    for condition in rule.when:
        fires &= holds(table, rule, condition) & _is_readable(table, condition)
    for condition in rule.unless:
        fires &= ~(holds(table, rule, condition) & _is_readable(table, condition))
    return fires


def _is_readable(table: SignalTable, condition: Condition) -> NDArray[np.bool_]:
    if condition.field is None:
        return table.present(condition.signal)
    column = table.column(condition.signal, condition.field)
    with np.errstate(invalid="ignore"):
        readable: NDArray[np.bool_] = (column > -LARGEST) & (column < LARGEST)
    return readable


def _threshold(table: SignalTable, rule: Rule, name: str) -> float | NDArray[np.float64]:
    parameter, batch = rule.parameters[name], table.batch
    classes: tuple[str | None, ...] = TARIFF_CLASSES if isinstance(batch, PointBatch) else (None,)
    if not parameter.by_district and (len(classes) == 1 or not parameter.by_tariff_class):
        return parameter.default
    code = batch.tariff_class if isinstance(batch, PointBatch) else np.zeros(len(batch), np.int8)
    thresholds: NDArray[np.float64] = np.array([parameter.value(name) for name in classes])[code]
    for district_id in parameter.by_district:
        there = batch.district_id == district_id
        own = np.array([parameter.value(name, district_id) for name in classes])
        thresholds[there] = own[code[there]]
    return thresholds
