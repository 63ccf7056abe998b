"""Who pays when, how much, and who does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from etl.synth import numbers
from etl.synth.billing import Bills
from etl.synth.kinds import Shares
from etl.synth.parties import dates
from etl.synth.planting import Plan
from etl.synth.population import Population
from etl.synth.window import IntArray, Window

# Late payers pay within 26 days after the due date (40 after the issue): nobody honest owes for longer.
_LATEST_DAYS: Final = 40
_SPLIT_SHARE: Final = 0.02
_CHANNELS: Final = ("internet", "mobile_app", "atm", "branch", "pos")
_CHANNEL_SHARES: Final = (0.35, 0.3, 0.15, 0.12, 0.08)
_BANKS: Final = ("010", "011", "012", "015", "016", "017", "018", "019", "021")


@dataclass(frozen=True, slots=True)
class Payments:
    """Frames `payment` and `payment_allocation`, one allocation a payment, and what is owed on the last day by the
    points of the cohort, arrays of (points,): the overdue amount, the oldest due day of it (the day after the last
    where there is none), and what is open of all bills but the newest.
    """

    payment: pl.DataFrame
    payment_allocation: pl.DataFrame
    overdue_rial: IntArray
    overdue_since: IntArray
    open_before_newest_rial: IntArray


def pay(
    bills: Bills,
    people: Population,
    plan: Plan,
    shares: Shares,
    subscription: IntArray,
    window: Window,
    rng: np.random.Generator,
) -> Payments:
    point, payable, count = bills.point, bills.payable_rial, len(bills.point)
    late = rng.random(count) < shares.late_payment
    delay = np.where(late, rng.integers(15, _LATEST_DAYS, count), rng.integers(1, 15, count))
    first_day = bills.issued_day + delay
    first = payable.copy()

    # In two parts, the second still within what is merely late.
    split = (rng.random(count) < _SPLIT_SHARE) & (payable >= 10_000)
    part = (payable * rng.uniform(0.4, 0.7, count)).astype(np.int64) // 1000 * 1000
    first[split] = part[split]
    second_day = bills.issued_day + np.maximum(delay + 1, rng.integers(20, _LATEST_DAYS + 1, count))
    second = payable - first

    unpaid = (plan.unpaid_from[point] >= 0) & (bills.period >= plan.unpaid_from[point])
    in_part = (payable * plan.paid_share[point]).astype(np.int64) // 1000 * 1000
    first = np.where(unpaid, in_part, first)
    second[unpaid] = 0

    day = np.concatenate([first_day, second_day])
    amount = np.concatenate([first, second])
    made = np.flatnonzero((amount > 0) & (day <= window.end_day))
    bill = made % count
    order = np.lexsort((made // count, bill))
    made, bill = made[order], bill[order]
    paid = np.bincount(bill, weights=amount[made], minlength=count).astype(np.int64)
    return _payments(
        bills, subscription, bill, made // count, day[made], amount[made], paid, people, window, rng
    )


def _payments(
    bills: Bills,
    subscription: IntArray,
    bill: IntArray,
    part: IntArray,
    day: IntArray,
    amount: IntArray,
    paid: IntArray,
    people: Population,
    window: Window,
    rng: np.random.Generator,
) -> Payments:
    payment_no = numbers.text(bills.number[bill] * 10 + 1 + part)
    payment = pl.DataFrame(
        {
            "payment_no": payment_no,
            "subscription_no": numbers.text(subscription).gather(pl.Series(bills.point[bill])),
            "paid_on": dates(day),
            "amount_rial": amount,
            "channel": pl.Series(_CHANNELS).gather(
                pl.Series(rng.choice(len(_CHANNELS), len(bill), p=_CHANNEL_SHARES))
            ),
            "bank_code": pl.Series(_BANKS).gather(pl.Series(rng.integers(0, len(_BANKS), len(bill)))),
        }
    )
    allocation = payment.select("payment_no", "subscription_no").with_columns(
        invoice_no=numbers.text(bills.number).gather(pl.Series(bill)), amount_rial=payment["amount_rial"]
    )
    return Payments(payment, allocation, *_debts(bills, paid, people, window))


def _debts(
    bills: Bills, paid: IntArray, people: Population, window: Window
) -> tuple[IntArray, IntArray, IntArray]:
    points, point = people.points, bills.point
    open_rial = bills.payable_rial - paid
    overdue = np.flatnonzero((open_rial > 0) & (bills.due_day < window.end_day))
    since = np.full(points, window.end_day + 1)
    np.minimum.at(since, point[overdue], bills.due_day[overdue])
    newest = np.diff(point, append=-1) != 0

    def total(rows: IntArray) -> IntArray:
        return np.bincount(point[rows], weights=open_rial[rows], minlength=points).astype(np.int64)

    return total(overdue), since, total(np.flatnonzero(~newest))
