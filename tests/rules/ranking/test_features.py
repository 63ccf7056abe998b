"""Features against plain loops, and odd histories."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from rules.ranking.features import features
from rules.ranking.history import BILL_COLUMNS, History, with_measures
from rules.ranking.meters import meter_history
from rules.ranking.money import missing_energy_kwh
from rules.ranking.peers import LEAST_BILLS, with_peer_residual
from rules.ranking.written import fact_table


@pytest.fixture(scope="module")
def made(history):
    return features(history)


@pytest.fixture(scope="module")
def measured(history):
    return with_peer_residual(with_measures(history), history)


def test_a_residual_is_the_log_use_less_the_median_of_the_peers(history, measured):
    place = {row["subject"]: (row["area"], row["tariff_class"]) for row in history.subjects.to_dicts()}

    def group(bill):
        return (*place[bill["subject"]], (bill["day"].year, (bill["day"].month - 1) // 3))

    bills = measured.to_dicts()
    peers: dict[tuple, list[float]] = {}
    for bill in bills:
        if bill["use"] > 0:
            peers.setdefault(group(bill), []).append(bill["log_use"])
    assert min(map(len, peers.values())) >= LEAST_BILLS
    for bill in bills[::97]:
        assert bill["residual"] == pytest.approx(bill["log_use"] - np.median(peers[group(bill)]))


def test_the_largest_fall_equals_a_plain_loop(made, measured):
    for subject in range(0, 40, 7):
        values = measured.filter(pl.col("subject") == subject)["residual"].to_list()
        for window in (3, 6):
            falls = [
                np.mean(values[i - window : i]) - np.mean(values[i : i + window])
                for i in range(window, len(values) - window + 1)
            ]
            assert made.table[f"dr_r_fall_{window}"][subject] == pytest.approx(max(falls), abs=1e-5)
            assert made.table[f"dr_r_rise_{window}"][subject] == pytest.approx(min(falls), abs=1e-5)


def test_a_change_of_meter_is_told_with_the_old_ones_life_and_index(history, made):
    changes = meter_history(with_measures(history).with_columns(residual=pl.lit(0.0))).changes
    assert changes["subject"].to_list() == list(range(0, 400, 5))
    assert changes["clean"].all()
    assert changes["same"].all()
    first = history.bills.filter((pl.col("subject") == 5) & (pl.col("meter") == 50))
    days = (first["day"].max() - first["day"].min()).days
    assert made.table["mc_b_life"][5] == pytest.approx(days / 365.25, abs=1e-3)
    assert made.table["mc_b_p_index_last"][5] == first["current_index"].to_list()[-1]
    assert made.table["mc_recent_same"][5] == 1
    assert made.table["mc_recent_same"][6] == 0


def test_two_meters_in_turn_are_no_clean_change():
    days = [dt.date(2014, 1, 1) + dt.timedelta(days=60 * i) for i in range(6)]
    bills = pl.DataFrame(
        [
            {
                "subject": 0, "commodity": 0, "meter": 1 + i % 2, "serial": str(5 + i % 2), "model": "203",
                "day": day, "months": 2.0, "kwh": 10.0, "multiplier": 1.0,
            }
            for i, day in enumerate(days)
        ],
        schema=BILL_COLUMNS,
    )  # fmt: skip
    changes = meter_history(
        with_measures(History(pl.DataFrame(), bills)).with_columns(residual=pl.lit(0.0))
    ).changes
    assert changes["clean"].to_list() == [False]


@pytest.mark.parametrize(
    "change",
    [
        {"kwh": 0.0},
        {"kwh": -500.0},
        {"kwh": 1e12, "current_index": 1e15},
        {"meter": None, "serial": None, "model": None, "note": None, "state": None},
        {"state": "618", "note": "?", "model": "??"},
        {"months": 0.0},
        {"months": 9999.0},
        {"step_1": None, "step_2": None, "step_3": None, "step_4": None},
    ],
    ids=str,
)
def test_odd_bills_give_defined_features_and_no_warning(new_history, change):
    history = new_history(points=40)
    odd = history.bills.with_columns(
        pl.when(pl.col("subject") == 3)
        .then(pl.lit(value))
        .otherwise(pl.col(name))
        .cast(BILL_COLUMNS[name])
        .alias(name)
        for name, value in change.items()
    )
    made = features(History(history.subjects, odd))
    assert len(made.table) == 40
    assert np.isfinite(missing_energy_kwh(made.table)).all()
    _, facts = fact_table(history, made.table)
    assert set(np.unique(facts)) <= {0.0, 1.0}


def test_a_single_bill_is_enough_for_a_row(new_history):
    history = new_history(points=40)
    single = History(history.subjects, history.bills.group_by("subject", maintain_order=True).head(1))
    made = features(single)
    assert len(made.table) == 40
    assert (missing_energy_kwh(made.table) >= 0).all()


def test_rows_are_in_the_order_of_the_subjects(history):
    shuffled = History(history.subjects, history.bills.sample(fraction=1.0, shuffle=True, seed=4))
    assert features(shuffled).table.equals(features(history).table)
