"""Fields that several types have alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from tarazu.errors import DateError
from tarazu.identifiers.masking import mask
from tarazu.jalali import format_jalali


def resolver(
    *, description: str, graphql_type: Any = None
) -> Callable[[Callable[..., Any]], StrawberryField]:
    """A field that a static method resolves from the row.

    `graphql_type` where the method returns the row of a type, as it does wherever types are objects: the fields of
    these are attributes of the row, or resolvers again.
    """
    decorate: Callable[[Callable[..., Any]], StrawberryField] = strawberry.field(
        description=description, graphql_type=graphql_type
    )
    return decorate


def jalali(attribute: str) -> Any:
    """The twin of a date field: the same day in the Jalali calendar."""

    def resolve(root: strawberry.Parent[Any]) -> str | None:
        return write_jalali(getattr(root, attribute))

    return strawberry.field(
        resolver=resolve,
        description=(
            f"`{_camel(attribute)}` in the Jalali calendar, YYYY/MM/DD in ASCII digits; "
            "null where that is null or outside the Jalali years 1200–1500."
        ),
    )


def write_jalali(date: dt.date | None) -> str | None:
    if date is None:
        return None
    try:
        return format_jalali(date)
    except DateError:
        return None


def masked(identifier: str | None) -> str | None:
    """An identifier of a person as those may see it who need not know it."""
    return None if identifier is None else mask(identifier)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
