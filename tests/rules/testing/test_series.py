from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.batch import day_number
from rules.testing.series import read_day, read_series, read_words


def test_a_series_counts_repeats_gaps_and_ramps():
    assert read_series("3x10 4 2x-1.5") == [10, 10, 10, 4, -1.5, -1.5]
    assert read_series("5x30..10") == [30, 25, 20, 15, 10]
    assert [math.isnan(value) for value in read_series("- 2x- 0")] == [True, True, True, False]
    assert read_series("") == []
    assert read_series("1x7..9") == [7]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 500)), max_size=6))
def test_a_series_has_as_many_months_as_it_says(terms):
    text = " ".join(f"{times}x{value}" for times, value in terms)
    assert read_series(text) == [value for times, value in terms for _ in range(times)]


@pytest.mark.parametrize("text", ["3x", "x10", "10..", "ten", "3x10..-", "1e3", "3 x10"])
def test_another_form_is_refused_by_name(text):
    with pytest.raises(ValueError, match="is no part of a series"):
        read_series(text)


def test_words_repeat():
    assert read_words("2xactual estimated") == ["actual", "actual", "estimated"]
    with pytest.raises(ValueError, match="'2x' is no part of a series"):
        read_words("2x")


def test_a_day_is_a_date_or_counted_back():
    scan = day_number(dt.date(2025, 12, 31))
    assert read_day("2025-12-30", scan) == scan - 1
    assert read_day("1 day ago", scan) == scan - 1
    assert read_day("40 days ago", scan) == scan - 40
    with pytest.raises(ValueError, match="'2025-13-01' is no day; write 2025-11-03 or 40 days ago"):
        read_day("2025-13-01", scan)
