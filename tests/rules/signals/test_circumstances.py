from __future__ import annotations

import datetime as dt
import math

import pytest

from rules.batch import NO_DAY, day_number
from rules.signals import all_signals
from rules.testing.points import Point, point_batch


def test_a_vacancy_counts_if_it_touches_the_last_three_known_months(agrees, months_of):
    def definition(point, batch):
        months = months_of(point, batch)
        if point.vacant_from == NO_DAY or point.vacant_from > batch.as_of:
            return None
        window = months.starts[max(months.last - 2, 0)]
        if point.vacant_to != NO_DAY and point.vacant_to <= window:
            return None
        return {"since": point.vacant_from}

    agrees("declared_vacancy", definition)


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        ("2024-01-01", "2025-10-01", False),  # ended before the three months that are compared
        ("2024-01-01", "2025-10-02", True),
        ("2025-12-31", None, True),
        ("2026-01-01", None, False),  # begins after the scan
    ],
)
def test_the_days_that_decide_about_a_vacancy(site, since, until, counts):
    def day(text):
        return int(NO_DAY) if text is None else day_number(dt.date.fromisoformat(text))

    point = Point(daily_kwh=[10.0] * 24, vacant_from=day(since), vacant_to=day(until))
    batch = point_batch([point], last_month=2025 * 12 + 11, as_of=day("2025-12-31"), site=site)
    assert all_signals()["declared_vacancy"].kernel(batch).present.tolist() == [counts]


def test_registered_circumstances_are_present_where_registered(agrees):
    agrees("seasonal_premises", lambda point, _: {} if point.is_seasonal else None, examples=20)
    agrees("generation_contract", lambda point, _: {} if point.has_generation else None, examples=20)
    agrees("government_customer", lambda point, _: {} if point.is_government else None, examples=20)


def test_a_meter_exchange_is_counted_from_the_installation(agrees):
    def definition(point, batch):
        if point.meter_since == NO_DAY:
            return None
        return {"days_ago": batch.as_of - point.meter_since, "since": point.meter_since}

    agrees("meter_exchange", definition, examples=30)


def test_a_cut_is_present_with_its_day(agrees):
    agrees(
        "supply_cut",
        lambda point, _: None if point.disconnected_on == NO_DAY else {"since": point.disconnected_on},
    )


def test_history_counts_known_and_missing_months(agrees, months_of):
    def definition(point, batch):
        months = months_of(point, batch)
        known = sum(not math.isnan(use) for use in months.daily)
        recent = (
            [months.back(k) for k in range(1, min(12, len(months.daily)) + 1)] if months.last >= 0 else []
        )
        missing = sum(math.isnan(use) for use in recent) if recent else min(12, len(months.daily))
        return {"known_months": known, "missing_months": missing}

    agrees("history", definition)
