"""How a part of the schema is given up: never at once, and never without saying what to use instead.

`docs/reference/deprecation.md` is the policy for people; a test holds the whole schema to it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

# A quarter to notice, a quarter to change: applications of an office are released a few times a year.
NOTICE_DAYS_MIN: Final = 180


def deprecation_reason(*, since: dt.date, until: dt.date, instead: str) -> str:
    """The reason of `@deprecated`, for arguments and values of enumerations too.

    `instead` names what to use: `Case.priority`, or `Query.debtors(by:)` for an argument. Raises ValueError where
    `until`, the first day on which the part may be gone, is less than `NOTICE_DAYS_MIN` days after `since`.
    """
    if (until - since).days < NOTICE_DAYS_MIN:
        raise ValueError(f"{until} is less than {NOTICE_DAYS_MIN} days after {since}.")
    return f"Since {since}, until {until} at least: use `{instead}`."


def deprecated(field: Any, *, since: dt.date, until: dt.date, instead: str) -> Any:
    """The field as `graphql_api.fields` declares it, marked: `deprecated(column("…"), since=…, until=…, instead=…)`."""
    field.deprecation_reason = deprecation_reason(since=since, until=until, instead=instead)
    return field
