"""A condition is a signal's field, an operator and a number. Its meaning stands here once: the array screen, the
reference evaluator and the ruleset for durable_rules are all made from `OPERATORS`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operator:
    """`complement` holds exactly where this one does not; `mirrored` is the same with the sides exchanged."""

    compare: Callable[[Any, Any], Any]  # works on numbers and on arrays
    durable: str  # the key of the same test in a durable_rules definition
    en: str
    fa: str
    complement: str
    mirrored: str


OPERATORS: dict[str, Operator] = {
    ">=": Operator(operator.ge, "$gte", "at least", "دست‌کم", "<", "<="),
    ">": Operator(operator.gt, "$gt", "more than", "بیش از", "<=", "<"),
    "<=": Operator(operator.le, "$lte", "at most", "حداکثر", ">", ">="),
    "<": Operator(operator.lt, "$lt", "less than", "کمتر از", ">=", ">"),
    "==": Operator(operator.eq, "", "equal to", "برابر", "!=", "=="),
    "!=": Operator(operator.ne, "$neq", "other than", "به‌جز", "==", "!="),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """`signal` alone means that it is present; with a field, that the comparison holds.

    `value` is a number or the name of a parameter (`$name` in the file).
    """

    signal: str
    field: str | None = None
    op: str | None = None
    value: float | str | None = None

    @property
    def dotted(self) -> str:
        """`signal.field`, or the signal alone."""
        return self.signal if self.field is None else f"{self.signal}.{self.field}"

    def threshold(self, parameters: dict[str, float]) -> float:
        """The number to compare with, given the parameters in force."""
        assert self.value is not None
        return parameters[self.value] if isinstance(self.value, str) else self.value
