"""Filters of lists: comparisons by field, joined by `and`, `or`, `not`; and what they mean as conditions."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import strawberry
from strawberry import UNSET

from graphql_api.errors import FilterError
from graphql_api.naming import camel
from graphql_api.scalars import Rial
from tarazu.filtering import AllOf, AnyOf, Comparison, Condition, Negation, Operator

Choice = TypeVar("Choice")

COMPARISONS_MAX: Final = 50
DEPTH_MAX: Final = 5
VALUES_MAX: Final = 100
# A part of two characters is in most numbers there are.
CONTAINS_LENGTH_MIN: Final = 3

_EQ: Final = "Equals this value."
_IN: Final = f"Equals one of these values; 1 to {VALUES_MAX} of them."
_GTE: Final = "This value or more (later)."
_LTE: Final = "This value or less (earlier)."


@strawberry.input(description="Compares a choice; several operators must all hold. Null fields never match.")
class Filter(Generic[Choice]):
    eq: Choice | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[Choice] | None = strawberry.field(name="in", default=UNSET, description=_IN)


@strawberry.input(
    description="Compares text as it is written; several operators must all hold. Null fields never match."
)
class StringFilter:
    eq: str | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[str] | None = strawberry.field(name="in", default=UNSET, description=_IN)
    contains: str | None = strawberry.field(
        default=UNSET,
        description=f"Holds this part, as it is written; {CONTAINS_LENGTH_MIN} characters or more.",
    )


@strawberry.input(description="Compares a day; several operators must all hold. Null fields never match.")
class DateFilter:
    eq: dt.date | None = strawberry.field(default=UNSET, description=_EQ)
    gte: dt.date | None = strawberry.field(default=UNSET, description=_GTE)
    lte: dt.date | None = strawberry.field(default=UNSET, description=_LTE)


@strawberry.input(description="Compares an amount; several operators must all hold. Null fields never match.")
class RialFilter:
    eq: Rial | None = strawberry.field(default=UNSET, description=_EQ)
    gte: Rial | None = strawberry.field(default=UNSET, description=_GTE)
    lte: Rial | None = strawberry.field(default=UNSET, description=_LTE)


@strawberry.input(description="Compares a number; several operators must all hold. Null fields never match.")
class FloatFilter:
    gte: float | None = strawberry.field(default=UNSET, description=_GTE)
    lte: float | None = strawberry.field(default=UNSET, description=_LTE)


_OPERATORS: Final = {
    "eq": Operator.EQ,
    "in_": Operator.IN,
    "gte": Operator.GTE,
    "lte": Operator.LTE,
    "contains": Operator.CONTAINS,
}

AND: Final = "All of these hold too."
OR: Final = "At least one of these holds too."
NOT: Final = "This does not hold; nulls included."


def condition(given: object) -> Condition:
    """A filter input as a condition; absent and null fields do not restrict. Raises FilterError."""
    return _Reader().read(given, 1) if given else AllOf(())


def plain_text(value: str, name: str) -> str:
    """`value`, unless it holds what no text in PostgreSQL can. Raises FilterError."""
    if "\0" in value:
        raise FilterError(f"`{name}` holds a NUL character.", mend="Remove it.")
    return value


@dataclass(slots=True)
class _Reader:
    comparisons: int = 0

    def read(self, given: Any, depth: int) -> Condition:
        if depth > DEPTH_MAX:
            raise FilterError(f"The filter is nested deeper than {DEPTH_MAX}.", mend="Flatten it.")
        parts: list[Condition] = []
        for field in dataclasses.fields(given):
            value = getattr(given, field.name)
            if value is UNSET or value is None:
                continue
            match field.name:
                case "and_":
                    parts += [self.read(part, depth + 1) for part in self._not_empty(value, "and")]
                case "or_":
                    parts.append(
                        AnyOf(tuple(self.read(part, depth + 1) for part in self._not_empty(value, "or")))
                    )
                case "not_":
                    parts.append(Negation(self.read(value, depth + 1)))
                case name:
                    parts += self._compare(name, camel(name), value)
        return AllOf(tuple(parts))

    def _compare(self, name: str, shown: str, operators: Any) -> list[Condition]:
        parts: list[Condition] = []
        for field in dataclasses.fields(operators):
            value = getattr(operators, field.name)
            if value is UNSET or value is None:
                continue
            self.comparisons += 1
            if self.comparisons > COMPARISONS_MAX:
                raise FilterError(
                    f"The filter has more than {COMPARISONS_MAX} comparisons.", mend="Split it."
                )
            if isinstance(value, list):
                self._not_empty(value, shown)
                if len(value) > VALUES_MAX:
                    raise FilterError(
                        f"`{shown}` compares with more than {VALUES_MAX} values.", mend="Split it."
                    )
                value = tuple(value)
            for text in value if isinstance(value, tuple) else (value,):
                if type(text) is str:
                    plain_text(text, shown)
            if field.name == "contains" and len(value) < CONTAINS_LENGTH_MIN:
                raise FilterError(
                    f"`contains` of `{shown}` has fewer than {CONTAINS_LENGTH_MIN} characters.",
                    mend="Give a longer part, or use `eq`.",
                )
            parts.append(Comparison(name, _OPERATORS[field.name], value))
        return parts

    @staticmethod
    def _not_empty(values: list[Any], name: str) -> list[Any]:
        if not values:
            raise FilterError(f"`{name}` is an empty list.", mend="Leave it out, or give it a value.")
        return values
