from __future__ import annotations

import sys
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tarazu.errors import NumberError
from tarazu.text import (
    format_number,
    normalize_digits,
    normalize_letters,
    parse_number,
    search_key,
    to_persian_digits,
)

# Letters, marks and separators that the functions treat specially, and ones that stand near them.
PERSIAN_TEXT = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=0x0600, max_codepoint=0x06FF),
        st.characters(min_codepoint=0xFB50, max_codepoint=0xFEFF),
        st.sampled_from("\u200b\u200c\u200d\u200e\u200f\u2066\u2069\u0301\u0308 \u00a0aZ"),
    )
)


@pytest.mark.parametrize("written", ["۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "0123456789", "۰١2۳٤5۶٧8۹"])
def test_persian_arabic_and_mixed_digits_become_ascii(written):
    assert normalize_digits(written) == "0123456789"


def test_normalize_digits_leaves_all_else():
    assert normalize_digits("قبض ۱۲-ي") == "قبض 12-ي"


def test_to_persian_digits_takes_ascii_and_arabic_digits():
    assert to_persian_digits("1٢۳ kWh") == "۱۲۳ kWh"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("علي", "علی"),
        ("موسى", "موسی"),
        ("كاشان", "کاشان"),
        ("مـــشترک", "مشترک"),
        ("مُشتَرِک", "مشترک"),
        ("رَحْمٰن", "رحمن"),
        ("\ufeffقم\u200f\u200e\u200b\u200d", "قم"),
        ("\u202bقم\u202c \u2067قم\u2069", "قم قم"),
        ("ﺍﻧﺪﺍﺯه ﮔﯿﺮﻱ ﻛﺎﻻ", "اندازه گیری کالا"),
    ],
)
def test_normalize_letters_mends_what_looks_alike(written, expected):
    assert normalize_letters(written) == expected


def test_normalize_letters_keeps_zwnj_digits_and_letters_that_only_the_search_key_folds():
    assert normalize_letters("می‌شود ۱۲ مؤسسة أحمد") == "می‌شود ۱۲ مؤسسة أحمد"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("می‌شود", "می شود"),
        ("مؤسسة  أحمد\tإسلام ٱلله", "موسسه احمد اسلام الله"),
        ("خانهٔ", "خانه"),
        ("خانۀ", "خانه"),
        (" كوچه‌ي ۱۲ ", "کوچه ی 12"),
        ("ABB ١٠", "abb 10"),
        ("آزادی", "آزادی"),
    ],
)
def test_search_key_folds_spellings_of_one_name(written, expected):
    assert search_key(written) == expected


@given(st.one_of(st.text(), PERSIAN_TEXT))
@example("e\u200b\u0301")  # the accent meets its letter only once the mark between them is gone
@example("e\ufe71\u0301")
def test_normalisation_is_idempotent(written):
    letters = normalize_letters(written)
    key = search_key(written)
    assert normalize_letters(letters) == letters
    assert search_key(key) == key
    assert search_key(letters) == key


def test_normalisation_of_every_character_is_idempotent():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in {"Cn", "Co", "Cs"}:
            continue
        for normalise in (normalize_letters, search_key):
            once = normalise(f"a{character}b")
            assert normalise(once) == once, hex(code)


@given(PERSIAN_TEXT)
def test_search_key_holds_no_letter_of_another_spelling(written):
    assert not set(search_key(written)) & set("يىكةۀؤأإٱ\u200c\u0640\u064b\u0670\u200b\u200f۰٠")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0", "0"),
        ("1,250,000", "1250000"),
        ("۱٬۲۵۰٬۰۰۰", "1250000"),
        ("۱,۲۵۰", "1250"),
        ("12/5", "12.5"),
        ("۱۲٫۵", "12.5"),
        ("12.50", "12.50"),
        ("/5", "0.5"),
        ("23-", "-23"),
        ("۲۳-", "-23"),
        ("1,000/25-", "-1000.25"),
        ("-23", "-23"),
        ("+23", "23"),
        ("\u200e\u2212۲۳", "-23"),
        (" 23 - ", "-23"),
        ("0012", "12"),
    ],
)
def test_parse_number_reads_what_bills_print(written, expected):
    number = parse_number(written)
    assert number == Decimal(expected)


@pytest.mark.parametrize("written", ["0-", "-0", "0/00-"])
def test_zero_has_no_sign(written):
    number = parse_number(written)
    assert number == 0
    assert number is not None
    assert not number.is_signed()


@pytest.mark.parametrize("written", ["", "  ", "\u200f", "\u00a0"])
def test_parse_number_of_blank_text_is_none(written):
    assert parse_number(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "x",
        "-",
        "/",
        "12/",
        "1,25",
        "1,2500",
        ",250",
        "1 250",
        "1/2/3",
        "-23-",
        "+23-",
        "1e3",
        "NaN",
        "1403/01/15",
        "१२",
    ],
)
def test_parse_number_refuses_what_is_not_a_number(written):
    with pytest.raises(NumberError) as raised:
        parse_number(written)
    assert repr(written) in str(raised.value)


@pytest.mark.parametrize(
    ("value", "locale", "expected"),
    [
        (0, "en", "0"),
        (1250000, "en", "1,250,000"),
        (1250000, "fa", "۱٬۲۵۰٬۰۰۰"),
        (-23, "en", "-23"),
        (-23, "fa", "\u200e\u2212۲۳"),
        (1234.5, "fa", "۱٬۲۳۴٫۵"),
        (0.1, "en", "0.1"),
        (Decimal("1E+6"), "en", "1,000,000"),
        (1e20, "en", "100,000,000,000,000,000,000"),
    ],
)
def test_format_number_separates_thousands(value, locale, expected):
    assert format_number(value, locale) == expected


def test_format_number_rounds_to_the_decimals_asked():
    assert format_number(1234.567, "en", decimals=1) == "1,234.6"
    assert format_number(1234.567, "fa", decimals=0) == "۱٬۲۳۵"
    assert format_number(3, "en", decimals=2) == "3.00"
    assert format_number(-0.004, "en", decimals=1) == "0.0"


@given(
    st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False, places=3)),
    st.sampled_from(["fa", "en"]),
)
def test_a_formatted_number_reads_back(value, locale):
    assert parse_number(format_number(value, locale)) == value
