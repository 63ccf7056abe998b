"""What all converters share: the result, reading texts, and doing expensive work once a distinct value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

from etl.reasons import Reason
from tarazu.text import normalize_digits

REASON: Final = pl.Enum([reason.value for reason in Reason])

_DIGITS: Final = "۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩"
_ASCII_DIGITS: Final = list(normalize_digits(_DIGITS))
# Direction marks and the like that people copy along with a number (tarazu.text has the whole list for texts).
_MARKS: Final = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


@dataclass(frozen=True, slots=True)
class Converted:
    """Values (null: none, or refused) and, where anything was refused, the reason a row (null: fine)."""

    values: pl.Series
    refused: pl.Series | None = None

    def refusing(self, rows: pl.Series, reason: Reason) -> Converted:
        """Also refuse `rows` (true where wrong), unless they already are."""
        if not rows.any():
            return self
        earlier = self.refused if self.refused is not None else nothing_refused(len(self.values))
        refused = earlier.zip_with(
            ~(rows.fill_null(value=False) & earlier.is_null()), reasons(len(rows), reason)
        )
        return Converted(self.values.set(refused.is_not_null(), None), refused)

    def scattered(self, positions: pl.Series, other: Converted) -> Converted:
        """The rows at `positions` replaced by `other`, which has one row for each of them."""
        values = self.values.scatter(positions, other.values)
        if self.refused is None and other.refused is None:
            return Converted(values)
        refused = self.refused if self.refused is not None else nothing_refused(len(values))
        later = other.refused if other.refused is not None else nothing_refused(len(positions))
        return Converted(values, refused.scatter(positions, later))


def nothing_refused(rows: int) -> pl.Series:
    return pl.repeat(None, rows, dtype=REASON, eager=True)


def reasons(rows: int, reason: Reason) -> pl.Series:
    return pl.repeat(reason.value, rows, dtype=REASON, eager=True)


def as_text(source: pl.Series) -> pl.Series:
    """The texts of a source column of any type; a float without decimals is written as a whole number."""
    if source.dtype == pl.String:
        return source
    if source.dtype.is_float():
        frame = source.to_frame("value")
        value = pl.col("value")
        whole = (value == value.round()) & (value.abs() < 2**53)
        return frame.select(
            pl.when(whole)
            .then(value.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(value.cast(pl.String))
        ).to_series()
    if source.dtype == pl.Binary:
        return source.cast(pl.String, strict=False)
    return source.cast(pl.String)


def clean(source: pl.Series, null_values: Iterable[str] = ()) -> pl.Series:
    """Texts without spaces and invisible marks around; null where empty or one of `null_values`."""
    text = as_text(source).str.strip_chars()
    if not is_ascii(text):
        text = text.str.strip_chars(_MARKS).str.strip_chars()
    absent = (text.str.len_bytes() == 0) if not null_values else text.is_in(["", *null_values])
    return text.set(absent, None) if absent.any() else text


def is_ascii(text: pl.Series) -> bool:
    return int(text.str.len_bytes().sum()) == int(text.str.len_chars().sum())


def plain_digits(text: pl.Series) -> pl.Series:
    """Persian and Arabic digits as ASCII, invisible marks removed."""
    if is_ascii(text):
        return text
    return text.str.replace_many(list(_DIGITS + _MARKS), [*_ASCII_DIGITS, *[""] * len(_MARKS)])


def compact_digits(text: pl.Series) -> pl.Series:
    """As `plain_digits`, without the spaces and hyphens that people group digits by."""
    plain = plain_digits(text)
    return plain.str.replace_all(r"[\s\-]+", "") if plain.str.contains(r"[\s\-]").any() else plain


def by_unique(text: pl.Series, convert: Callable[[pl.Series], Converted]) -> Converted:
    """`convert` on the distinct values only. Dates, enumerations and the like repeat in every file."""
    distinct = text.unique().alias("text")
    if len(distinct) > len(text) // 2:
        return convert(text)
    found = convert(distinct)
    table = pl.DataFrame({"text": distinct, "value": found.values, "reason": _or_nothing(found)})
    joined = text.to_frame("text").join(table, on="text", how="left", nulls_equal=True, maintain_order="left")
    return Converted(joined["value"], None if found.refused is None else joined["reason"])


def _or_nothing(converted: Converted) -> pl.Series:
    return converted.refused if converted.refused is not None else nothing_refused(len(converted.values))


def explained(text: pl.Series, wrong: pl.Series, explain: Callable[[str], Reason | None]) -> pl.Series:
    """Reasons for the rows where `wrong`, by one call for each distinct wrong text; None acquits it."""
    distinct = text.filter(wrong).unique().to_list()
    codes = [explain(value) for value in distinct]
    found = text.replace_strict(distinct, codes, default=None, return_dtype=pl.String)
    return found.set(~wrong, None).cast(REASON)
