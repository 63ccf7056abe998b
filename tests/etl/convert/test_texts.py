import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.convert import CONVERTERS
from etl.convert.texts import normal_letters, search_keys
from etl.mapping import Value
from tarazu import text as scalar

LETTERS = st.text(
    st.one_of(
        st.characters(min_codepoint=0x600, max_codepoint=0x6FF),
        st.sampled_from("abcABC ۱٢3\u200c\u200d\u200e\ufeffﺍﻧﭼßŞé\u0301ك ي"),
    ),
    max_size=12,
)


def convert(name, values, dtype=None, **spec):
    found = CONVERTERS[name](pl.Series(values), Value(**spec), dtype or pl.String())
    refused = found.refused.to_list() if found.refused is not None else [None] * len(found.values)
    return list(zip(found.values.to_list(), refused, strict=True))


@given(st.lists(LETTERS, min_size=1, max_size=6))
def test_search_keys_and_letters_are_those_of_the_scalar_functions(texts):
    series = pl.Series(texts, dtype=pl.String)
    assert search_keys(series).to_list() == [scalar.search_key(text) for text in texts]
    assert normal_letters(series).to_list() == [scalar.normalize_letters(text) for text in texts]


def test_a_text_stays_as_the_source_has_it_but_for_spaces_around():
    assert convert("text", [" علي ۱۲ ", "", None, "a\0b"]) == [
        ("علي ۱۲", None),
        (None, None),
        (None, None),
        (None, "control_character"),
    ]


def test_an_identifier_is_one_whatever_digits_and_letters_it_is_written_in():
    assert convert("identifier", ["ك۱۲", "ک12", " 12 "]) == [("ک12", None), ("ک12", None), ("12", None)]
    assert convert("identifier", [12.0, 7.5]) == [("12", None), ("7.5", None)]


def test_digits_are_padded_to_their_width():
    found = convert("digits", ["۱۲-۳ ۴", "12a", "1234567"], width=6)
    assert found == [("001234", None), (None, "digits"), (None, "length")]


def test_a_choice_is_found_whatever_letters_it_is_written_in():
    found = convert(
        "enum", ["خانگي", " صنعتی ", "دیگر", None], enum=(("خانگی", "residential"), ("صنعتی", "industrial"))
    )
    assert found == [("residential", None), ("industrial", None), (None, "unknown_value"), (None, None)]


@pytest.mark.parametrize(
    ("text", "value"), [("بلي", True), ("۱", True), ("TRUE", True), ("خیر", False), ("0", False)]
)
def test_yes_and_no(text, value):
    assert convert("boolean", [text], pl.Boolean()) == [(value, None)]
    assert convert("boolean", ["شاید"], pl.Boolean()) == [(None, "boolean")]
