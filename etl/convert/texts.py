"""Texts, identifiers of source systems, enumerations, yes and no: as `tarazu.text`, over whole columns."""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.convert.base import Converted, by_unique, clean, compact_digits, is_ascii, plain_digits
from etl.mapping import Value
from etl.reasons import Reason
from tarazu import text as scalar

_YES: Final = ("1", "true", "t", "yes", "y", "بله", "بلی")
_NO: Final = ("0", "false", "f", "no", "n", "خیر", "نه")

_LETTERS: Final = {
    chr(code): scalar.normalize_letters(chr(code))
    for code in (*range(0xAD, 0xAE), *range(0x0600, 0x0700), *range(0x200B, 0x2070), 0xFEFF)
    if scalar.normalize_letters(chr(code)) != chr(code)
}
# Of these, lower case and case folding are one, and normalisation forms make no difference.
_SIMPLE: Final = (
    r"^[\x20-\x7e\u0621-\u063a\u0640-\u0652\u0660-\u0669\u066a-\u06d3\u06f0-\u06f9\u200c\u200e\u200f]*$"
)


def text(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """As the source has it, trimmed."""
    values = clean(source, spec.null_values)
    return Converted(values).refusing(values.str.contains("\0", literal=True), Reason.CONTROL_CHARACTER)


def identifier(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """A key of the source system: ASCII digits and one form of each letter, so that ۱۲ and 12 are one key."""
    values = clean(source, spec.null_values)
    if not is_ascii(values):
        values = clean(plain_digits(normal_letters(values)), spec.null_values)
    if spec.width is not None:
        values = values.str.pad_start(spec.width, "0")
    if spec.enum:
        values = by_unique(values, lambda distinct: _choice(distinct, spec)).values
    return Converted(values).refusing(values.str.contains("\0", literal=True), Reason.CONTROL_CHARACTER)


def digits(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """An identifier of digits, with zeros on the left up to `width`."""
    values = compact_digits(clean(source, spec.null_values))
    found = Converted(values).refusing(~values.str.contains("^[0-9]+$"), Reason.DIGITS)
    if spec.width is None:
        return found
    found = found.refusing(values.str.len_bytes() > spec.width, Reason.LENGTH)
    return Converted(found.values.str.pad_start(spec.width, "0"), found.refused)


def choice(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """A member of an enumeration by the mapping's list."""
    return by_unique(clean(source, spec.null_values), lambda distinct: _choice(distinct, spec))


def _choice(distinct: pl.Series, spec: Value) -> Converted:
    # The mapping's words go the same way as the source's, so that «علی‌الحساب» is found with and without ZWNJ.
    labels = clean(
        plain_digits(normal_letters(pl.Series([label for label, _ in spec.enum], dtype=pl.String)))
    )
    plain = clean(plain_digits(normal_letters(distinct)))
    values = plain.replace_strict(
        labels, [member for _, member in spec.enum], default=None, return_dtype=pl.String
    )
    return Converted(values).refusing(values.is_null() & distinct.is_not_null(), Reason.UNKNOWN_VALUE)


def boolean(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    if source.dtype == pl.Boolean:
        return Converted(source)
    return by_unique(clean(source, spec.null_values), _boolean)


def _boolean(distinct: pl.Series) -> Converted:
    plain = plain_digits(normal_letters(distinct)).str.to_lowercase()
    answers = [True] * len(_YES) + [False] * len(_NO)
    values = plain.replace_strict([*_YES, *_NO], answers, default=None, return_dtype=pl.Boolean)
    return Converted(values).refusing(values.is_null() & distinct.is_not_null(), Reason.BOOLEAN)


def normal_letters(values: pl.Series) -> pl.Series:
    """`tarazu.text.normalize_letters`."""
    if is_ascii(values):
        return values
    folded = values.str.normalize("NFKC").str.replace_many(list(_LETTERS), list(_LETTERS.values()))
    return folded.str.normalize("NFKC")


def search_keys(values: pl.Series) -> pl.Series:
    """`tarazu.text.search_key`; texts outside Persian, Arabic and Latin letters go one by one."""
    if is_ascii(values):
        return _single_spaces(values.str.to_lowercase())
    simple = values.str.contains(_SIMPLE)
    folded = normal_letters(values.str.to_lowercase()).str.replace_many(list("ةۀؤأإٱ\u200c"), list("ههوااا "))
    keys = _single_spaces(plain_digits(folded))
    others = (~simple).fill_null(value=False)
    if others.any():
        distinct = values.filter(others).unique().to_list()
        mended = values.replace_strict(
            distinct, [scalar.search_key(name) for name in distinct], default=None, return_dtype=pl.String
        )
        keys = mended.zip_with(others, keys)
    return keys


def _single_spaces(values: pl.Series) -> pl.Series:
    return values.str.replace_all(r"\s+", " ").str.strip_chars()
