import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from etl.convert import CONVERTERS
from etl.convert.dates import minus_months
from etl.mapping import Value
from etl.reasons import DATE_REASONS
from tarazu.errors import DateError
from tarazu.jalali import FAR_FUTURE, format_jalali, parse_jalali, to_jalali
from tarazu.text import to_persian_digits

UTC = pl.Datetime("us", "UTC")
JALALI_DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))


def convert(name, values, dtype=None, **spec):
    found = CONVERTERS[name](pl.Series(values), Value(**spec), dtype or pl.Date())
    refused = found.refused.to_list() if found.refused is not None else [None] * len(found.values)
    return list(zip(found.values.to_list(), refused, strict=True))


def expected(text):
    try:
        return parse_jalali(text), None
    except DateError as error:
        return None, DATE_REASONS[error.reason].value


@given(
    st.lists(
        st.one_of(
            st.text("0123456789۱۴٣/- ", max_size=11),
            st.tuples(st.integers(1190, 1510), st.integers(0, 13), st.integers(0, 32)).map(
                lambda parts: "{}/{:02}/{:02}".format(*parts)
            ),
            JALALI_DAYS.map(lambda day: format_jalali(day, persian_digits=True)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_jalali_texts_are_read_as_the_scalar_parser_reads_them(texts):
    assert convert("date", texts, calendar="jalali") == [expected(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("2024-02-29", dt.date(2024, 2, 29), None),
        ("2023-02-29", None, "date_day"),
        ("2023-13-01", None, "date_month"),
        ("1403-01-01", None, "date_year"),
        ("20240229", dt.date(2024, 2, 29), None),
        ("2024/2/9 00:00:00", dt.date(2024, 2, 9), None),
        ("9999-12-31", FAR_FUTURE, None),
        ("0000-00-00", None, None),
        ("29.2.2024", None, "date_format"),
        (to_persian_digits("2024-02-29"), dt.date(2024, 2, 29), None),
    ],
)
def test_gregorian_texts(text, value, reason):
    assert convert("date", [text], calendar="gregorian") == [(value, reason)]


def test_a_format_of_ones_own():
    found = convert("date", ["20/05/2005", "31/02/2005", ""], format="%d/%m/%Y")
    assert found == [(dt.date(2005, 5, 20), None), (None, "date_format"), (None, None)]


def test_typed_dates_are_taken_whatever_the_calendar():
    day = dt.date(2024, 3, 20)
    assert convert("date", [day, None], calendar="jalali") == [(day, None), (None, None)]
    assert convert("date", [dt.datetime(2024, 3, 20, 8, tzinfo=dt.UTC)], calendar="jalali") == [(day, None)]


@given(JALALI_DAYS, st.integers(0, 120))
def test_months_of_the_gregorian_calendar_end_on_the_last_day_where_a_month_is_shorter(day, months):
    found = minus_months(pl.Series([day]), pl.Series([months]), "gregorian")
    assert found.to_list() == pl.Series([day]).dt.offset_by(f"-{months}mo").to_list()


@given(JALALI_DAYS, st.integers(0, 120))
def test_months_of_the_jalali_calendar(day, months):
    (found,) = minus_months(pl.Series([day]), pl.Series([months]), "jalali").to_list()
    year, month, of_month = to_jalali(day)
    total = year * 12 + month - 1 - months
    length = JalaliDate.days_in_month(total % 12 + 1, total // 12)
    assert to_jalali(found) == (total // 12, total % 12 + 1, min(of_month, length))


def test_no_months_and_no_date_give_no_date():
    days = pl.Series([None, dt.date(2024, 1, 1)], dtype=pl.Date)
    assert minus_months(days, pl.Series([1, None]), "gregorian").to_list() == [None, None]


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("1403/01/01 08:30", dt.datetime(2024, 3, 20, 5, 0, tzinfo=dt.UTC), None),
        ("1403/01/01", dt.datetime(2024, 3, 19, 20, 30, tzinfo=dt.UTC), None),
        ("1403/01/01T08:30:15.25Z", dt.datetime(2024, 3, 20, 8, 30, 15, 250_000, tzinfo=dt.UTC), None),
        ("1403/01/01 08:30+01:00", dt.datetime(2024, 3, 20, 7, 30, tzinfo=dt.UTC), None),
        ("1403/01/01 24:00", None, "time"),
        ("1403/01/01 8 o'clock", None, "time"),
        ("1403/13/01 08:00", None, "date_month"),
        # The clock was set forward at midnight, so that half past did not exist.
        ("1401/01/02 00:30", None, "time"),
        ("", None, None),
    ],
)
def test_instants(text, value, reason):
    assert convert("datetime", [text], UTC, calendar="jalali") == [(value, reason)]
