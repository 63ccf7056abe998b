"""What follows from conditions, whatever the subject: which cannot hold together, which say nothing new.

A condition on one field allows a set of numbers: an interval, or all but one. That is all that is needed here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules.conditions import Condition

Parameters = dict[str, float]


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from `least` to `most`; an open end does not belong to it."""

    least: float = -math.inf
    most: float = math.inf
    least_open: bool = False
    most_open: bool = False

    @property
    def empty(self) -> bool:
        return self.least > self.most or (self.least == self.most and (self.least_open or self.most_open))

    def within(self, other: Interval) -> bool:
        """Whether every number of this one belongs to the other."""
        if self.empty:
            return True
        low = self.least > other.least or (
            self.least == other.least and (self.least_open or not other.least_open)
        )
        high = self.most < other.most or (self.most == other.most and (self.most_open or not other.most_open))
        return low and high

    def and_(self, other: Interval) -> Interval:
        low, high = max(self.least, other.least), min(self.most, other.most)
        return Interval(
            low,
            high,
            (self.least_open and self.least == low) or (other.least_open and other.least == low),
            (self.most_open and self.most == high) or (other.most_open and other.most == high),
        )


def interval_of(condition: Condition, parameters: Parameters) -> Interval:
    """The numbers that fulfil it; all of them for `!=` and for a condition that only asks for presence."""
    if condition.op is None or condition.op == "!=":
        return Interval()
    bound = condition.threshold(parameters)
    return {
        ">=": Interval(least=bound),
        ">": Interval(least=bound, least_open=True),
        "<=": Interval(most=bound),
        "<": Interval(most=bound, most_open=True),
        "==": Interval(bound, bound),
    }[condition.op]


def allowed(conditions: Sequence[Condition], field: str, parameters: Parameters) -> Interval:
    """The numbers of `signal.field` that all conditions on it allow together."""
    interval = Interval()
    for condition in conditions:
        if condition.field is not None and condition.dotted == field:
            interval = interval.and_(interval_of(condition, parameters))
    return interval


def implied(
    condition: Condition, parameters: Parameters, given: Sequence[Condition], given_parameters: Parameters
) -> bool:
    """Whether the condition holds wherever all the given ones do."""
    if all(one.signal != condition.signal for one in given):
        return False
    if condition.field is None:
        return True
    if all(one.dotted != condition.dotted for one in given):
        return False
    known = allowed(given, condition.dotted, given_parameters)
    if condition.op != "!=":
        return known.within(interval_of(condition, parameters))
    other = condition.threshold(parameters)
    same = any(
        one.op == "!=" and one.dotted == condition.dotted and one.threshold(given_parameters) == other
        for one in given
    )
    return same or known.and_(Interval(other, other)).empty


def excluded(
    condition: Condition, parameters: Parameters, given: Sequence[Condition], given_parameters: Parameters
) -> bool:
    """Whether the condition can never hold where all the given ones do."""
    if condition.field is None:
        return False
    known = allowed(given, condition.dotted, given_parameters)
    if condition.op != "!=":
        return known.and_(interval_of(condition, parameters)).empty
    other = condition.threshold(parameters)
    return (known.least, known.most) == (other, other)
