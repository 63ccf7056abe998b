"""Bills of irregular periods become use by month, and nothing is lost on the way."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.lake.panel import LEAST_DAYS, daily_use, interval_use, spread
from rules.batch import EPOCH, day_number, month_number, month_start, month_starts

MONTHS = 6
LAST_MONTH = month_number(dt.date(2025, 3, 1))
FIRST_DAY, END_DAY = month_start(LAST_MONTH - MONTHS + 1), month_start(LAST_MONTH + 1)

# (subject, first day, days, amount): also before, after and beyond the panel, and of no length.
BILL = st.tuples(
    st.integers(0, 2),
    st.integers(FIRST_DAY - 80, END_DAY + 40),
    st.integers(0, 200),
    st.floats(0, 1e6, allow_subnormal=False),
)


def day(*date: int) -> int:
    return day_number(dt.date(*date))


def arrays(bills: list[tuple[int, int, int, float]]):
    row, start, length, amount = zip(*bills, strict=True) if bills else ((), (), (), ())
    first = np.array(start, np.int32)
    return np.array(row, np.int32), first, first + np.array(length, np.int32), np.array(amount, np.float64)


def by_day(bills: list[tuple[int, int, int, float]], rows: int):
    """The same, a day at a time."""
    total, days = np.zeros((rows, MONTHS)), np.zeros((rows, MONTHS))
    for row, start, length, amount in bills:
        for number in range(start, start + length):
            month = month_number(EPOCH + dt.timedelta(days=number)) - (LAST_MONTH - MONTHS + 1)
            if 0 <= month < MONTHS:
                total[row, month] += amount / length
                days[row, month] += 1
    return total, np.minimum(days, np.diff(month_starts(LAST_MONTH, MONTHS)))


@given(st.lists(BILL, max_size=8))
def test_every_day_of_a_bill_falls_into_its_month_with_its_share(bills):
    total, days = spread(*arrays(bills), rows=3, last_month=LAST_MONTH, months=MONTHS)
    expected_total, expected_days = by_day(bills, rows=3)

    np.testing.assert_array_equal(days, expected_days)
    np.testing.assert_allclose(total, expected_total, rtol=1e-9, atol=1e-9)


@given(st.lists(BILL, min_size=1, max_size=8))
def test_what_lies_within_the_panel_is_spread_whole(bills):
    inside = [bill for bill in bills if bill[2] > 0 and bill[1] >= FIRST_DAY and bill[1] + bill[2] <= END_DAY]
    total, _ = spread(*arrays(inside), rows=3, last_month=LAST_MONTH, months=MONTHS)

    for row in range(3):
        billed = sum(amount for subject, _, _, amount in inside if subject == row)
        assert total[row].sum() == pytest.approx(billed, rel=1e-9, abs=1e-9)


def test_two_meters_at_once_add_their_energy_and_count_a_day_once():
    bills = [(0, day(2025, 3, 1), 31, 310.0), (0, day(2025, 3, 1), 31, 62.0)]
    total, days = spread(*arrays(bills), rows=1, last_month=LAST_MONTH, months=MONTHS)
    daily = daily_use(*arrays(bills), rows=1, last_month=LAST_MONTH, months=MONTHS)

    assert total[0, -1] == pytest.approx(372.0)
    assert days[0, -1] == 31
    assert daily[0, -1] == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("days", "known"), [(LEAST_DAYS - 1, False), (LEAST_DAYS, True), (LEAST_DAYS + 1, True)]
)
def test_a_month_is_known_from_a_third_of_its_days_on(days, known):
    bills = [(0, day(2025, 3, 1), days, 5.0 * days)]
    daily = daily_use(*arrays(bills), rows=1, last_month=LAST_MONTH, months=MONTHS)

    assert np.isfinite(daily[0, -1]) == known
    assert np.isnan(daily[0, :-1]).all()
    if known:
        assert daily[0, -1] == pytest.approx(5.0)


def test_a_bill_over_a_partial_month_gives_the_use_of_its_own_days():
    """15 January to 15 March: the days that are billed decide, not the length of the month."""
    bills = [(0, day(2025, 1, 15), 59, 590.0)]
    daily = daily_use(*arrays(bills), rows=1, last_month=LAST_MONTH, months=MONTHS)

    np.testing.assert_allclose(daily[0, -3:], [10.0, 10.0, 10.0])


# (subject, first day, days, kWh a day): readings of a day each.
METERED = st.tuples(
    st.integers(0, 1), st.integers(FIRST_DAY - 5, END_DAY + 5), st.integers(1, 70), st.floats(0, 1e4)
)


@given(st.lists(METERED, max_size=6))
def test_months_without_bills_are_what_the_meter_recorded_by_interval(meters):
    rows = [(row, start + i, kwh) for row, start, days, kwh in meters for i in range(days)]
    point, days, kwh = (np.array(column) for column in (zip(*rows, strict=True) if rows else ((), (), ())))
    # An interval that begins at noon in Tehran.
    second = days.astype(np.int64) * 86_400 + 30_600
    minutes = np.full(len(rows), 1440, np.int16)
    panel = interval_use(
        point.astype(np.int32),
        second,
        minutes,
        kwh.astype(np.float64),
        rows=2,
        last_month=LAST_MONTH,
        months=MONTHS,
    )

    total, covered = by_day([(row, day, 1, value) for row, day, value in rows], rows=2)
    expected = np.where(covered >= LEAST_DAYS, total / np.maximum(covered, 1), np.nan)
    np.testing.assert_allclose(panel, expected, rtol=1e-5, atol=1e-6)
