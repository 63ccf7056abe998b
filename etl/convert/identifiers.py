"""Identifiers with check digits: the array checks of `tarazu.identifiers` decide, the parsers give the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl

from etl.convert.base import Converted, clean, compact_digits, explained
from etl.mapping import Value
from etl.reasons import IDENTIFIER_REASONS, Reason
from tarazu.errors import IdentifierError
from tarazu.identifiers.arrays import bill_check_valid, legal_entity_id_valid, national_id_valid
from tarazu.identifiers.bill import parse_bill_id
from tarazu.identifiers.iban import parse_iban
from tarazu.identifiers.legal_entity_id import parse_legal_entity_id
from tarazu.identifiers.mobile import parse_mobile
from tarazu.identifiers.national_id import parse_national_id

_MOBILE: Final = r"^(?:\+98|0098|98|0)?(9[0-9]{9})$"


def bill_id(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """6–13 digits without leading zeros, the last a check digit."""
    return _checked(source, spec, range(6, 14), _significant, bill_check_valid, parse_bill_id)


def payment_id(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """6–13 digits without leading zeros. Its check digits need the bill id: a rule looks at the pair."""
    text = _significant(compact_digits(clean(source, spec.null_values)))
    return (
        Converted(text)
        .refusing(~text.str.contains("^[0-9]*$"), Reason.DIGITS)
        .refusing(~text.str.len_bytes().is_between(6, 13), Reason.LENGTH)
    )


def national_id(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """Ten digits; eight or nine have lost their zeros on the left."""
    return _checked(
        source,
        spec,
        range(8, 11),
        lambda text: text.str.pad_start(10, "0"),
        national_id_valid,
        parse_national_id,
    )


def legal_entity_id(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    return _checked(
        source, spec, range(11, 12), lambda text: text, legal_entity_id_valid, parse_legal_entity_id
    )


def mobile(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """+989XXXXXXXXX."""
    text = compact_digits(clean(source, spec.null_values))
    values = "+98" + text.str.extract(_MOBILE, 1)
    return _with_reasons(values, text, values.is_null() & text.is_not_null(), parse_mobile)


def iban(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    """IR and 24 digits. The only identifier without an array check: no table of ours holds millions of them."""
    text = compact_digits(clean(source, spec.null_values))
    distinct = text.drop_nulls().unique().to_list()
    accepted = {value: _parsed(value, parse_iban) for value in distinct}
    values = text.replace_strict(
        list(accepted), list(accepted.values()), default=None, return_dtype=pl.String
    )
    return _with_reasons(values, text, values.is_null() & text.is_not_null(), parse_iban)


def _significant(text: pl.Series) -> pl.Series:
    return text.str.strip_chars_start("0")


def _checked(
    source: pl.Series,
    spec: Value,
    lengths: range,
    canonical: Callable[[pl.Series], pl.Series],
    is_valid: Callable[[Any], Any],
    parse: Callable[[str], object],
) -> Converted:
    text = compact_digits(clean(source, spec.null_values))
    numbers = text.cast(pl.Int64, strict=False).set(
        ~text.str.contains("^[0-9]+$").fill_null(value=False), None
    )
    valid = pl.Series(np.asarray(is_valid(numbers.fill_null(-1).to_numpy())))
    # Zeros on the left do not change the number, but too many of them make another kind of text.
    fits = text.str.len_bytes().is_between(lengths[0], lengths[-1])
    wrong = text.is_not_null() & ~(valid & fits)
    values = canonical(text)
    return _with_reasons(values, text, wrong, parse)


def _with_reasons(
    values: pl.Series, text: pl.Series, wrong: pl.Series, parse: Callable[[str], object]
) -> Converted:
    if not wrong.any():
        return Converted(values)
    refused = explained(text, wrong, lambda value: _why_not(value, parse))
    return Converted(values.set(refused.is_not_null(), None), refused)


def _parsed(value: str, parse: Callable[[str], str]) -> str | None:
    try:
        return parse(value)
    except IdentifierError:
        return None


def _why_not(value: str, parse: Callable[[str], object]) -> Reason | None:
    """None where the parser takes it: of numbers, the array checks cannot know how many zeros stood before."""
    try:
        parse(value)
    except IdentifierError as error:
        return IDENTIFIER_REASONS[error.reason]
    return None
