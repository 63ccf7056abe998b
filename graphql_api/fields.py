"""Fields that several types have alike."""

from __future__ import annotations

import datetime as dt
from typing import Any

import strawberry

from tarazu.errors import DateError
from tarazu.jalali import format_jalali


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


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
