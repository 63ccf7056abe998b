import re
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.convert import CONVERTERS
from etl.mapping import Value
from etl.reasons import Reason
from tarazu.errors import NumberError
from tarazu.text import parse_number

TEXTS = st.lists(st.text("0123456789۰۵٣ ,٬/٫.-−+\u200ex", max_size=12), min_size=1, max_size=8)


def convert(name, values, dtype, **spec):
    found = CONVERTERS[name](pl.Series(values), Value(**spec), dtype)
    refused = found.refused.to_list() if found.refused is not None else [None] * len(found.values)
    return found.values.to_list(), refused


def expected(text):
    text = text.replace("\u200e", "").strip()  # a mark of direction is no part of a number
    if len(re.findall(r"[/.٫]", text)) == 1:
        text = re.sub(r"(?<=[0-9۰-۹٠-٩])[.٫](?=$| ?[-−]$)", "", text)  # programs write 12. too
    try:
        return parse_number(text)
    except NumberError:
        return Reason.NUMBER


@given(TEXTS)
def test_number_reads_what_the_scalar_parser_reads_and_refuses_the_rest(texts):
    values, refused = convert("number", texts, pl.Float64())
    for text, value, reason in zip(texts, values, refused, strict=True):
        wanted = expected(text)
        if wanted is Reason.NUMBER:
            assert (value, reason) == (None, "number"), text
        else:
            assert (value, reason) == (None if wanted is None else float(wanted), None), text


@given(TEXTS)
def test_toman_is_ten_rial_and_no_digit_of_it_is_lost(texts):
    values, refused = convert("toman", texts, pl.Int64())
    for text, value, reason in zip(texts, values, refused, strict=True):
        wanted = expected(text)
        if wanted is None or wanted is Reason.NUMBER:
            assert (value, reason) == (None, None if wanted is None else "number"), text
        elif (wanted * 10) % 1:
            assert (value, reason) == (None, "not_whole"), text
        else:
            assert (value, reason) == (int(wanted * 10), None), text


@pytest.mark.parametrize(
    ("converter", "dtype", "text", "value", "reason"),
    [
        ("rial", pl.Int64(), "9223372036854775807", 2**63 - 1, None),
        ("rial", pl.Int64(), "9223372036854775808", None, "out_of_range"),
        ("rial", pl.Int64(), "۹۹٬۹۹۹٬۹۹۹٬۰۰۰", 99_999_999_000, None),
        ("toman", pl.Int64(), "922337203685477580.7", 2**63 - 1, None),
        ("toman", pl.Int64(), "922337203685477581", None, "out_of_range"),
        ("integer", pl.Int16(), "32768", None, "out_of_range"),
        ("integer", pl.Int16(), "12.0", 12, None),
        ("integer", pl.Int16(), "12/5", None, "not_whole"),
        ("number", pl.Float64(), "inf", None, "number"),
        ("number", pl.Float64(), "nan", None, "number"),
        ("number", pl.Float64(), "1e-3", 0.001, None),
    ],
)
def test_the_limits(converter, dtype, text, value, reason):
    assert convert(converter, [text, None], dtype) == ([value, None], [reason, None])


def test_typed_columns_are_taken_as_they_are():
    assert convert("rial", [1.0, 2.5, None], pl.Int64()) == ([1, None, None], [None, "not_whole", None])
    assert convert("toman", [12.3], pl.Int64()) == ([123], [None])
    assert convert("number", [1, None], pl.Float64()) == ([1.0, None], [None, None])
    assert convert("number", [float("nan")], pl.Float64()) == ([None], ["number"])
    assert convert("rial", [Decimal("12.00")], pl.Int64()) == ([12], [None])


def test_null_values_are_no_values():
    found = convert("integer", ["-", "", "7"], pl.Int64(), null_values=frozenset({"-"}))
    assert found == ([None, None, 7], [None, None, None])
