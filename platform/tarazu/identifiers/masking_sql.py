"""`masking.mask` as an SQL expression, for answers that the database writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, case, func, literal_column

from tarazu.identifiers.masking import MASK


def mask_sql(identifier: ColumnElement[Any], *, keep: int = 4) -> ColumnElement[str | None]:
    """All but the last `keep` characters replaced by `*`; all of them where that would leave nothing hidden."""
    kept: ColumnElement[int] = literal_column(str(keep), Integer)
    length = func.length(identifier)
    star = literal_column(f"'{MASK}'", Text)
    return case(
        (length > kept, func.repeat(star, length - kept).concat(func.right(identifier, kept))),
        else_=func.repeat(star, length),
    )
