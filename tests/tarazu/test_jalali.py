from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from tarazu.errors import DateError
from tarazu.jalali import (
    FAR_FUTURE,
    FAR_FUTURE_EPOCH_DAYS,
    epoch_days_to_jalali,
    format_jalali,
    jalali_to_epoch_days,
    month_name,
    parse_jalali,
    to_jalali,
)

EPOCH = dt.date(1970, 1, 1)
FIRST = JalaliDate(1200, 1, 1).to_gregorian()
LAST = JalaliDate(1500, 12, 29).to_gregorian()
TRUE_END_OF_1499 = JalaliDate(1499, 12, 29).to_gregorian()  # written like the sentinel

# Leap years of the official calendar of Iran.
LEAP_YEARS = [
    *(1210, 1214, 1218, 1222, 1226, 1230, 1234, 1238, 1243, 1247, 1251, 1255, 1259, 1263, 1267, 1271, 1276),
    *(1280, 1284, 1288, 1292, 1296, 1300, 1304, 1309, 1313, 1317, 1321, 1325, 1329, 1333, 1337, 1342, 1346),
    *(1350, 1354, 1358, 1362, 1366, 1370, 1375, 1379, 1383, 1387, 1391, 1395, 1399, 1403, 1408, 1412, 1416),
    *(1420, 1424, 1428, 1432, 1436, 1441, 1445, 1449, 1453, 1457, 1461, 1465, 1469, 1474, 1478, 1482, 1486),
    *(1490, 1494, 1498),
]

dates = st.dates(FIRST, LAST).filter(lambda date: date != TRUE_END_OF_1499)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1300/01/01", dt.date(1921, 3, 21)),
        ("1357/11/22", dt.date(1979, 2, 11)),
        ("1399/12/30", dt.date(2021, 3, 20)),
        ("1400/01/01", dt.date(2021, 3, 21)),
        ("1403/01/01", dt.date(2024, 3, 20)),
        ("1403/12/30", dt.date(2025, 3, 20)),
        ("1404/01/01", dt.date(2025, 3, 21)),
        ("1408/12/30", dt.date(2030, 3, 20)),
    ],
)
def test_known_dates(text, expected):
    assert parse_jalali(text) == expected
    assert format_jalali(expected) == text


def test_leap_years_are_the_official_ones():
    found = []
    for year in range(1210, 1500):
        try:
            parse_jalali(f"{year}/12/30")
        except DateError:
            continue
        found.append(year)
    assert found == LEAP_YEARS


@pytest.mark.parametrize(
    "text",
    ["1403/1/5", "1403-01-05", "۱۴۰۳/۰۱/۰۵", "١٤٠٣/٠١/٠٥", "14030105", "۱۴۰۳۰۱۰۵", "03/01/05", "030105",
     " 1403/01/05 ", "\u200f1403/01/05"],
)  # fmt: skip
def test_every_accepted_shape_is_the_same_date(text):
    assert parse_jalali(text) == dt.date(2024, 3, 24)


@pytest.mark.parametrize(
    ("text", "year"), [("50/01/01", 1350), ("99/01/01", 1399), ("49/01/01", 1449), ("00/01/01", 1400)]
)
def test_two_digit_years_turn_at_fifty(text, year):
    date = parse_jalali(text)
    assert date is not None
    assert to_jalali(date) == (year, 1, 1)


@pytest.mark.parametrize("text", ["", "   ", "0", "0000/00/00", "00000000", "    /  /  ", "-", "۰۰/۰۰/۰۰"])
def test_text_without_a_date_is_none(text):
    assert parse_jalali(text) is None


@pytest.mark.parametrize("text", ["1499/12/29", "14991229", "1499-12-29", "۱۴۹۹/۱۲/۲۹"])
def test_the_sentinel_is_the_far_future_both_ways(text):
    assert parse_jalali(text) == FAR_FUTURE == dt.date.max
    assert format_jalali(FAR_FUTURE) == "1499/12/29"
    days, valid = jalali_to_epoch_days(np.array([1499]), np.array([12]), np.array([29]))
    assert valid[0]
    assert EPOCH + dt.timedelta(days=int(days[0])) == FAR_FUTURE
    assert [int(part[0]) for part in epoch_days_to_jalali(days)] == [1499, 12, 29]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1404/13/01", "month"),
        ("1404/00/10", "month"),
        ("1404/12/30", "not_leap"),
        ("1404/12/31", "day"),
        ("1403/12/31", "day"),
        ("1404/07/31", "day"),
        ("1404/01/32", "day"),
        ("1404/01/00", "day"),
        ("1199/12/29", "year"),
        ("1501/01/01", "year"),
        ("2025/03/21", "year"),
        ("1404/01", "format"),
        ("140/01/01", "format"),
        ("1404/01-05", "format"),
        ("1404.01.05", "format"),
        ("15/01/1403", "format"),
        ("1404010", "format"),
        ("+140401", "format"),
        ("امروز", "format"),
        ("१४०४/०१/०१", "format"),
    ],
)
def test_what_is_no_date_is_refused_with_its_reason(text, reason):
    with pytest.raises(DateError) as raised:
        parse_jalali(text)
    assert raised.value.reason == reason
    assert repr(text) in str(raised.value)


def test_a_gregorian_year_is_named_in_the_mend():
    with pytest.raises(DateError, match="Convert it to a Jalali date"):
        parse_jalali("2025-03-21")


@given(dates, st.booleans())
def test_dates_agree_with_persiantools_and_read_back(date, persian_digits):
    jalali = JalaliDate.to_jalali(date)
    assert to_jalali(date) == (jalali.year, jalali.month, jalali.day)
    assert parse_jalali(format_jalali(date, persian_digits=persian_digits)) == date


def test_format_jalali_with_persian_digits():
    assert format_jalali(dt.date(2024, 3, 24), persian_digits=True) == "۱۴۰۳/۰۱/۰۵"


@pytest.mark.parametrize("date", [FIRST - dt.timedelta(1), LAST + dt.timedelta(1), dt.date(9999, 12, 30)])
def test_a_date_outside_the_supported_years_is_refused(date):
    with pytest.raises(DateError) as raised:
        to_jalali(date)
    assert raised.value.reason == "year"
    days = np.array([(date - EPOCH).days])
    assert [int(part[0]) for part in epoch_days_to_jalali(days)] == [0, 0, 0]


def test_arrays_agree_with_persiantools_on_every_day_of_the_range():
    first, last = (FIRST - EPOCH).days, (LAST - EPOCH).days
    days = np.arange(first, last + 1, dtype=np.int32)
    year, month, day = epoch_days_to_jalali(days)
    expected = [JalaliDate.to_jalali(FIRST + dt.timedelta(days=i)) for i in range(len(days))]
    assert year.tolist() == [date.year for date in expected]
    assert month.tolist() == [date.month for date in expected]
    assert day.tolist() == [date.day for date in expected]

    back, valid = jalali_to_epoch_days(year, month, day)
    days[(TRUE_END_OF_1499 - EPOCH).days - first] = FAR_FUTURE_EPOCH_DAYS
    assert valid.all()
    assert back.dtype == np.int32
    assert back.tolist() == days.tolist()


@given(
    st.lists(
        st.tuples(st.integers(-5, 2100), st.integers(-1, 14), st.integers(-1, 33))
        | st.tuples(st.integers(1200, 1500), st.just(12), st.integers(28, 31)),
        max_size=20,
    ),
    st.sampled_from([np.int16, np.int32, np.int64]),
)
def test_arrays_agree_with_the_scalar_on_dates_that_do_not_exist(parts, dtype):
    year, month, day = (np.array([part[i] for part in parts], dtype=dtype) for i in range(3))
    days, valid = jalali_to_epoch_days(year, month, day)
    for i, (y, m, d) in enumerate(parts):
        if 1200 <= y <= 1500 and JalaliDate.check_date(y, m, d):
            date = parse_jalali(f"{y:04d}/{m:02d}/{d:02d}")
            assert valid[i]
            assert EPOCH + dt.timedelta(days=int(days[i])) == date
        else:
            assert not valid[i]
            assert days[i] == 0


def test_extreme_integers_are_not_dates():
    edges = np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max])
    _, valid = jalali_to_epoch_days(edges, edges, edges)
    assert not valid.any()
    assert [part.tolist() for part in epoch_days_to_jalali(edges)] == [[0, 0]] * 3


def test_month_names_in_both_languages():
    assert month_name(1, "fa") == "فروردین"
    assert month_name(12, "fa") == "اسفند"
    assert month_name(1, "en") == "Farvardin"
    assert month_name(12, "en") == "Esfand"
    with pytest.raises(DateError):
        month_name(0, "fa")
