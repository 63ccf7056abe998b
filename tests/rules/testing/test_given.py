from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.batch import NO_DAY, PeerGroups, day_number
from rules.testing.given import batch_of
from rules.testing.points import Bill, panel_of
from tarazu.identifiers import arrays as ids


# The first call reads the site values, and how long that takes is no matter of this test.
@settings(deadline=None)
@given(st.lists(st.sampled_from(["-", "0", "10", "12.5"]), min_size=1, max_size=30), st.booleans())
def test_bills_made_from_daily_use_spread_back_to_it(months, two_monthly):
    batch = batch_of(
        "usage_point",
        {"daily_use": " ".join(months), "billing": "two_monthly" if two_monthly else "monthly"},
    )
    bills = [
        Bill(int(start), int(end), float(kwh))
        for start, end, kwh in zip(
            batch.bills.period_start, batch.bills.period_end, batch.bills.consumption_kwh, strict=True
        )
    ]
    np.testing.assert_allclose(
        batch.daily_kwh[0], np.array(panel_of(bills, batch.last_month, batch.months), np.float32)
    )
    if not two_monthly:
        expected = [np.nan if month == "-" else float(month) for month in months]
        np.testing.assert_allclose(batch.daily_kwh[0][-len(months) :], expected, rtol=1e-6)
    assert np.isnan(batch.daily_kwh[0][: batch.months - len(months)]).all()


def test_what_is_not_said_is_innocent():
    batch = batch_of("usage_point", {"daily_use": "24x10"})
    bills = batch.bills
    assert batch.months == 24
    assert len(bills) == 24
    assert not batch.is_seasonal[0]
    assert not batch.is_government[0]
    assert batch.disconnected_on[0] == batch.vacant_from[0] == batch.meter_since[0] == NO_DAY
    assert (bills.outstanding_rial == 0).all()
    assert ids.bill_check_valid(bills.bill_id).all()
    assert ids.payment_check_valid(bills.bill_id, bills.payment_id).all()
    assert (ids.payment_amount_rial(bills.payment_id) == bills.payable_rial).all()
    np.testing.assert_allclose(bills.current_index - bills.previous_index, bills.consumption_kwh)
    np.testing.assert_allclose(bills.previous_index[1:], bills.current_index[:-1])


def test_a_bill_is_taken_as_given():
    batch = batch_of(
        "usage_point",
        {
            "scan_day": "2025-06-30",
            "bills": [
                {
                    "from": "2025-02-01",
                    "to": "2025-04-01",
                    "previous": 100,
                    "current": 130,
                    "multiplier": 20,
                    "installed_multiplier": 40,
                    "digits": 5,
                    "quality": "self_read",
                    "bands_kwh": 600,
                    "payable_rial": 900000,
                    "paid_rial": 300000,
                    "due": "30 days ago",
                    "payment_id": None,
                },
                {"from": "2025-04-01", "to": "2025-06-01", "kwh": 50, "bill_id": None},
            ],
        },
    )
    bills = batch.bills
    assert bills.consumption_kwh.tolist() == [600, 50]
    assert bills.previous_index.tolist() == [100, 130]
    assert bills.current_index.tolist() == [130, 180]
    assert bills.multiplier.tolist() == [20, 1]
    assert bills.installed_multiplier[0] == 40
    assert np.isnan(bills.installed_multiplier[1])
    assert bills.outstanding_rial.tolist() == [600000, 0]
    assert bills.due_on[0] == batch.as_of - 30
    assert bills.due_on[1] == bills.period_end[1] + 14
    assert bills.payment_id.tolist() == [-1, -1]
    assert bills.bill_id[1] == -1
    # 600 kWh over 59 days of February and March, and nothing before.
    assert batch.daily_kwh[0][-6:].tolist() == pytest.approx(
        [np.nan, 600 / 59, 600 / 59, 50 / 61, 50 / 61, np.nan], nan_ok=True
    )


def test_peers_are_those_of_the_point():
    batch = batch_of(
        "usage_point",
        {"daily_use": "3x10", "point": {"district": 7}, "peers": {"count": 40, "median_kwh": 8, "mad": 0.3}},
    )
    assert isinstance(batch.peers, PeerGroups)
    assert batch.peers.key.tolist() == batch.peer_key.tolist()
    assert batch.peers.count.tolist() == [40]
    assert np.exp(batch.peers.median[0]) == pytest.approx(8)


def test_a_transformer_and_a_government_body_are_batches_of_their_own():
    transformer = batch_of(
        "transformer",
        {"transformer": {"delivered_kwh": "2x100 -", "billed_kwh": "3x90", "coverage_percent": "2x100 50"}},
    )
    assert transformer.coverage.tolist() == [[1, 1, 0.5]]
    assert np.isnan(transformer.delivered_kwh[0, 2])
    body = batch_of(
        "customer", {"government": {"points": 3, "overdue_rial": 5000, "oldest_due": "10 days ago"}}
    )
    assert body.oldest_due.tolist() == [body.as_of - 10]
    assert body.outstanding_rial.tolist() == [5000]
    empty = batch_of("customer", {})
    assert empty.overdue_rial.tolist() == [0]


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        ({"daily_use": "24x10", "reading_quality": "3xactual"}, "3 words for 24 bills"),
        ({"daily_use": "24x10", "reading_quality": "24xguessed"}, "'guessed' is no reading quality"),
        ({"bills": [{"from": "2025-04-01", "to": "2025-04-01"}]}, "has no days"),
    ],
)
def test_what_does_not_fit_is_refused(given_values, message):
    with pytest.raises(ValueError, match=message):
        batch_of("usage_point", given_values)


def test_series_of_a_transformer_have_one_length():
    with pytest.raises(ValueError, match="not of one length"):
        batch_of("transformer", {"transformer": {"delivered_kwh": "2x1", "billed_kwh": "3x1"}})


def test_the_scan_day_decides_the_last_month():
    batch = batch_of("usage_point", {"scan_day": "2024-02-29", "daily_use": "1"})
    assert batch.as_of == day_number(dt.date(2024, 2, 29))
    assert batch.last_month == 2024 * 12 + 1
