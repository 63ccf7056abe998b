"""Signal values of a batch as rules see them.

A value is rounded to four decimals before anything compares it, so that the array screen, the reference evaluator
and durable_rules (which cannot read exponents) all see one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.signals import SignalValues, all_signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import Batch
    from rules.rule import Rule
    from rules.screen import Candidates

DECIMALS = 4
# Beyond this a float is written with an exponent, at which durable_rules cuts a batch short without a word.
LARGEST = 1e15

Fact = dict[str, float | int]
# Signal name → its fields: what is known of one subject.
Facts = dict[str, Fact]


@dataclass
class SignalTable:
    """All signals that a set of rules needs, over one batch; columns are rounded when first asked for."""

    batch: Batch
    values: dict[str, SignalValues]
    _columns: dict[tuple[str, str], NDArray[Any]] = field(default_factory=dict)

    def present(self, signal: str) -> NDArray[np.bool_]:
        return self.values[signal].present

    def column(self, signal: str, name: str) -> NDArray[Any]:
        """(subjects,) the field's rounded values; zeros where a kernel had nothing to say."""
        key = (signal, name)
        if key not in self._columns:
            column = self.values[signal].fields.get(name)
            if column is None:
                column = np.zeros(len(self.batch))
            if column.dtype.kind == "f":
                column = np.round(column, DECIMALS)
            self._columns[key] = column
        return self._columns[key]


def compute(batch: Batch, rules: Iterable[Rule]) -> SignalTable:
    """Run the kernels of all signals that the rules name, each once."""
    names = dict.fromkeys(name for rule in rules for name in rule.signals)
    signals = all_signals()
    return SignalTable(batch, {name: signals[name].kernel(batch) for name in names})


def condition_fields(rules: Iterable[Rule]) -> dict[str, tuple[str, ...]]:
    """Signal → fields that conditions compare: all that an evaluator needs to know of a subject."""
    fields: dict[str, dict[str, None]] = {}
    for rule in rules:
        for condition in rule.conditions():
            names = fields.setdefault(condition.signal, {})
            if condition.field is not None:
                names[condition.field] = None
    return {signal: tuple(names) for signal, names in fields.items()}


def facts_of(table: SignalTable, candidates: Candidates, rules: Sequence[Rule]) -> list[Facts]:
    """The facts of each candidate: those signals that a rule which may fire for it names.

    A number that no engine could read counts as missing. A third of the facts that are there are needed; the others
    would only make the engine slower.
    """
    rows = candidates.rows
    needed: dict[str, NDArray[np.bool_]] = {}
    for rule, may_fire in zip(rules, candidates.by_rule, strict=True):
        for condition in rule.conditions():
            known = needed.get(condition.signal)
            needed[condition.signal] = may_fire if known is None else known | may_fire
    facts: list[Facts] = [{} for _ in rows]
    for signal, names in condition_fields(rules).items():
        wanted = np.flatnonzero(needed[signal] & table.present(signal)[rows])
        if not len(wanted):
            continue
        at = rows[wanted]
        columns = [table.column(signal, name)[at].tolist() for name in names]
        for i, *values in zip(wanted.tolist(), *columns, strict=True):
            facts[i][signal] = {
                name: value for name, value in zip(names, values, strict=True) if -LARGEST < value < LARGEST
            }
    return facts
