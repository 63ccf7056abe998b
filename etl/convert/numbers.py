"""Numbers as bills and exports write them: the grammar of `tarazu.text.parse_number`, over whole columns."""

from __future__ import annotations

from typing import Final

import polars as pl

from etl.convert.base import Converted, clean, plain_digits
from etl.mapping import Value
from etl.reasons import Reason

_SHAPE: Final = r"^(?:[-+] ?)?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:[/.][0-9]+|\.)?(?: ?-)?$"
_BOTH_SIGNS: Final = r"^[-+].*-$"
_INT64_LIMIT: Final = 2**63 - 1


def number(source: pl.Series, spec: Value, dtype: pl.DataType) -> Converted:
    """Float64. A text may also have an exponent, as programs write small numbers."""
    if source.dtype.is_numeric():
        values = source.cast(dtype)
        return Converted(values).refusing(~values.is_finite(), Reason.NUMBER)
    text = clean(source, spec.null_values)
    values = text.cast(dtype, strict=False)
    failed = text.is_not_null() & (values.is_null() | ~values.is_finite())
    if not failed.any():
        return Converted(values)
    positions = failed.arg_true()
    retried = _plain(text.gather(positions)).cast(dtype, strict=False)
    return Converted(values.scatter(positions, retried)).refusing(
        failed & values.scatter(positions, retried).is_null(), Reason.NUMBER
    )


def integer(source: pl.Series, spec: Value, dtype: pl.DataType) -> Converted:
    return _whole(source, spec, dtype, decimals=0)


def rial(source: pl.Series, spec: Value, dtype: pl.DataType) -> Converted:
    return _whole(source, spec, dtype, decimals=0)


def toman(source: pl.Series, spec: Value, dtype: pl.DataType) -> Converted:
    """Rial from toman: one decimal of a toman is a rial."""
    return _whole(source, spec, dtype, decimals=1)


def _whole(source: pl.Series, spec: Value, dtype: pl.DataType, *, decimals: int) -> Converted:
    """Source × 10^decimals as whole numbers, computed on digits so that no large amount is rounded."""
    if source.dtype.is_float():
        found = _whole_floats(source, decimals)
    elif source.dtype.is_integer():
        found = _scaled(source.cast(pl.Int64, strict=False), source.is_not_null(), decimals)
    else:
        text = clean(source, spec.null_values)
        values = text.cast(pl.Int64, strict=False)
        failed = text.is_not_null() & values.is_null()
        found = _scaled(values, values.is_not_null(), decimals)
        if failed.any():
            positions = failed.arg_true()
            found = found.scattered(positions, _whole_texts(text.gather(positions), decimals))
    narrowed = found.values.cast(dtype, strict=False)
    return Converted(narrowed, found.refused).refusing(
        narrowed.is_null() & found.values.is_not_null(), Reason.OUT_OF_RANGE
    )


def _scaled(values: pl.Series, present: pl.Series, decimals: int) -> Converted:
    """`values` × 10^decimals; out of range where that overflows, or the value already has."""
    overflow = values.is_null() & present
    if decimals:
        factor = 10**decimals
        limit = _INT64_LIMIT // factor
        overflow = overflow | (values > limit) | (values < -limit)
        values = values.set(overflow.fill_null(value=False), None) * factor
    return Converted(values).refusing(overflow, Reason.OUT_OF_RANGE)


def _whole_floats(values: pl.Series, decimals: int) -> Converted:
    scaled = values.cast(pl.Float64) * 10**decimals
    rounded = scaled.round()
    # Of a float, 0.1 is not exact; a millionth of a unit is no decimal of anybody's money.
    fraction = ((scaled - rounded).abs() > 1e-6).fill_null(value=False)
    found = Converted(rounded.cast(pl.Int64, strict=False))
    return (
        found.refusing(~values.is_finite(), Reason.NUMBER)
        .refusing(rounded.abs() >= 2**63, Reason.OUT_OF_RANGE)
        .refusing(fraction, Reason.NOT_WHOLE)
    )


def _whole_texts(text: pl.Series, decimals: int) -> Converted:
    plain = _plain(text)
    parts = plain.to_frame("text").select(
        pl.col("text").str.extract(r"^(-?[0-9]*)", 1).alias("whole"),
        pl.col("text")
        .str.extract(r"\.([0-9]*)$", 1)
        .fill_null("")
        .str.strip_chars_end("0")
        .alias("fraction"),
    )
    too_fine = parts["fraction"].str.len_bytes() > decimals
    digits = parts["whole"] + parts["fraction"].str.pad_end(decimals, "0")
    values = digits.str.replace("^(-?)$", "${1}0").cast(pl.Int64, strict=False)
    return (
        Converted(values)
        .refusing(plain.is_null(), Reason.NUMBER)
        .refusing(too_fine, Reason.NOT_WHOLE)
        .refusing(values.is_null(), Reason.OUT_OF_RANGE)
    )


def _plain(text: pl.Series) -> pl.Series:
    """`-1250.5` for whatever a bill writes; null where the text is no number."""
    marked = (
        plain_digits(text).str.replace_many(["\u066c", "\u066b", "\u2212"], [",", ".", "-"]).str.strip_chars()
    )
    frame = marked.to_frame("text")
    value = pl.col("text")
    shaped = value.str.contains(_SHAPE) & value.str.contains("[0-9]") & ~value.str.contains(_BOTH_SIGNS)
    bare = value.str.replace_all(r"[, +\-]", "").str.replace("/", ".", literal=True)
    sign = pl.when(value.str.contains("-", literal=True)).then(pl.lit("-")).otherwise(pl.lit(""))
    return frame.select(pl.when(shaped).then(sign + bare)).to_series()
