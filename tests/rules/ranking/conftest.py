"""A small made-up utility as histories: meters that are changed, and losses that go with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from rules.ranking.history import BILL_COLUMNS, SUBJECT_COLUMNS, History

Make = Callable[..., History]

FIRST_DAY = dt.date(2012, 1, 15)


def make_history(points: int = 400, bills: int = 18, seed: int = 1, shared: int = 0) -> History:
    """Every fifth point gets a new meter at its tenth bill; of these half had a loss, of the others one in thirty.

    `shared` pairs of points have the meter of each other.
    """
    chance = np.random.default_rng(seed)
    changed = np.arange(points) % 5 == 0
    outcome = (chance.random(points) < np.where(changed, 0.5, 1 / 30)).astype(np.int8)
    subjects = pl.DataFrame(
        {
            "subject": np.arange(points),
            "usage_point_id": np.arange(points) + 1000,
            "subscription_no": [f"p{i}" for i in range(points)],
            "customer_no": [f"c{i}" for i in range(points)],
            "customer_id": np.arange(points),
            "district": [f"d{i % 2}" for i in range(points)],
            "area": [f"a{i % 3}" for i in range(points)],
            "tariff_class": ["residential"] * points,
            "signed_on": [dt.date(2000 + i % 10, 1, 1) for i in range(points)],
            "outcome": outcome,
            "inspected_on": [None] * points,
        },
        schema_overrides=SUBJECT_COLUMNS,
    )
    rows = []
    for point in range(points):
        index = 0.0
        for number in range(bills):
            is_new = bool(changed[point]) and number >= 10
            if is_new and number == 10:
                index = 0.0
            kwh = float(np.rint(chance.gamma(4, 100 if is_new or not outcome[point] else 60)))
            meter = point * 10 + is_new
            if point < 2 * shared:
                meter = (point // 2) * 10
            rows.append(
                {
                    "subject": point,
                    "commodity": 0,
                    "meter": meter,
                    "serial": f"{meter + 100_000}",
                    "model": "203",
                    "note": "6",
                    "state": "0",
                    "day": FIRST_DAY + dt.timedelta(days=122 * number),
                    "months": 4.0,
                    "previous_index": index,
                    "current_index": index + kwh,
                    "multiplier": 1.0,
                    "kwh": kwh,
                    "step_1": min(kwh, 300.0),
                    "step_2": max(0.0, kwh - 300.0),
                    "step_3": 0.0,
                    "step_4": 0.0,
                }
            )
            index += kwh
    return History(subjects.select(*SUBJECT_COLUMNS), pl.DataFrame(rows, schema=BILL_COLUMNS))


@pytest.fixture(scope="session")
def history() -> History:
    return make_history()


@pytest.fixture(scope="session")
def new_history() -> Make:
    return make_history
