"""Values apart from shapes: a statement is made of the shape of its arguments, their values are bound at each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.types import TypeEngine

from tarazu.filtering import AllOf, AnyOf, Comparison, Condition, Negation


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands in a shape for the value of this number."""

    index: int


@dataclass(slots=True)
class Collected:
    """The values of one field's arguments, in the order of their slots."""

    values: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> Slot:
        self.values.append(value)
        return Slot(len(self.values) - 1)

    def condition(self, given: Condition) -> Condition:
        """The condition with slots in the place of its values."""
        match given:
            case Comparison():
                return replace(given, value=self.add(given.value))
            case AllOf(parts):
                return AllOf(tuple(self.condition(part) for part in parts))
            case AnyOf(parts):
                return AnyOf(tuple(self.condition(part) for part in parts))
            case Negation(part):
                return Negation(self.condition(part))


Bind = Callable[[Slot, TypeEngine[Any] | None], BindParameter[Any]]
"""The bound parameter of a slot."""


def named(site: int) -> Bind:
    """Parameters of a statement that is kept: each has the name of its field's number and its slot."""

    def bind(slot: Slot, kind: TypeEngine[Any] | None = None) -> BindParameter[Any]:
        return bindparam(f"a{site}_{slot.index}", type_=kind)

    return bind


def valued(values: tuple[Any, ...]) -> Bind:
    """Parameters of a statement that is used once, with their values."""

    def bind(slot: Slot, kind: TypeEngine[Any] | None = None) -> BindParameter[Any]:
        return bindparam(None, values[slot.index], type_=kind, unique=True)

    return bind


def filled(condition: Condition, bind: Bind) -> Condition:
    """The condition with bound parameters in the place of its slots."""
    match condition:
        case Comparison(value=Slot() as slot):
            return replace(condition, value=bind(slot, None))
        case AllOf(parts):
            return AllOf(tuple(filled(part, bind) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(filled(part, bind) for part in parts))
        case Negation(part):
            return Negation(filled(part, bind))
        case _:
            return condition
