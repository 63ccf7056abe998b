"""From the `given` of a scenario to a batch of one subject. Whatever is not said has a plain, innocent value."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.batch import (
    EPOCH,
    NO_DAY,
    QUALITIES,
    TAMPER_EVENTS,
    TARIFF_CLASSES,
    CustomerBatch,
    PeerGroups,
    PointBatch,
    TransformerBatch,
    month_number,
    month_starts,
)
from rules.site import Site, load_site
from rules.testing.agents import agents_of
from rules.testing.points import Bill, Point, panel_of, point_batch
from rules.testing.series import read_day, read_series, read_words
from tarazu.identifiers.bill import (
    BillId,
    PaymentId,
    make_bill_id,
    make_payment_id,
)

if TYPE_CHECKING:
    from rules.batch import Batch
    from rules.signals.registry import SubjectKind

Given = dict[str, Any]

SCAN_DAY = "2025-12-31"
PANEL_MONTHS = 24
_FIRST_INDEX = 1000.0
_PRICE_RIAL_PER_KWH = 3000  # only so that a bill has an amount
_BILL_ID = make_bill_id(BillId(file_code=12345, company_code=1))
_POINT_KEYS: dict[str, str] = {
    "contracted_power_kw": "contracted_power_kw",
    "district": "district_id",
    "government": "is_government",
    "seasonal": "is_seasonal",
    "generation": "has_generation",
}
_DAY_KEYS = ("disconnected_on", "meter_since")


def batch_of(subject: SubjectKind, given: Given) -> Batch:
    """The batch that a scenario describes.

    Raises:
        ValueError: a series or a day cannot be read, or its length does not fit.
    """
    scan_day = read_day(given.get("scan_day", SCAN_DAY), 0)
    scan_date = EPOCH + dt.timedelta(days=scan_day)
    last_month = month_number(scan_date)
    site = load_site(scan_date)
    if subject == "transformer":
        return _transformer(given.get("transformer", {}), last_month, site)
    if subject == "reading_agent":
        return agents_of(given.get("agent", {}), site, scan_date)
    if subject == "customer":
        return _customer(given.get("government", {}), scan_day, site)
    return _point(given, scan_day, last_month, site)


def _point(given: Given, scan_day: int, last_month: int, site: Site) -> Batch:
    daily = read_series(given.get("daily_use", ""))
    months = max(PANEL_MONTHS, len(daily))
    daily = [math.nan] * (months - len(daily)) + daily
    if "bills" in given:
        bills = _listed_bills(given["bills"], scan_day)
    else:
        bills = _derived_bills(daily, last_month, 2 if given.get("billing") == "two_monthly" else 1)
        bills = _with_qualities(bills, given.get("reading_quality"))
    panel = daily if "bills" in given and "daily_use" in given else panel_of(bills, last_month, months)
    events = [
        (read_day(event["day"], scan_day), TAMPER_EVENTS.index(event["kind"]))
        for event in given.get("events", [])
    ]
    point = Point(
        daily_kwh=panel, bills=bills, events=events, **_point_values(given.get("point", {}), scan_day)
    )
    peers = given.get("peers")

    def batch(groups: PeerGroups | None) -> PointBatch:
        return point_batch([point], last_month=last_month, as_of=scan_day, site=site, peers=groups)

    if peers is None:
        return batch(None)
    return batch(
        PeerGroups(
            key=batch(None).peer_key,
            count=np.array([peers["count"]]),
            median=np.log(np.array([float(peers["median_kwh"])])),
            mad=np.array([float(peers["mad"])]),
        )
    )


def _point_values(given: Given, scan_day: int) -> dict[str, Any]:
    values = {_POINT_KEYS[name]: value for name, value in given.items() if name in _POINT_KEYS}
    values |= {name: read_day(given[name], scan_day) for name in _DAY_KEYS if name in given}
    if "tariff_class" in given:
        values["tariff_class"] = TARIFF_CLASSES.index(given["tariff_class"])
    if "vacant" in given:
        since, until = given["vacant"]
        values["vacant_from"] = read_day(since, scan_day)
        values["vacant_to"] = int(NO_DAY) if until is None else read_day(until, scan_day)
    return values


def _derived_bills(daily: list[float], last_month: int, length: int) -> list[Bill]:
    """Bills of `length` months that use `daily` kWh a day; a bill with an unknown month was never issued."""
    starts = month_starts(last_month, len(daily)).tolist()
    bills: list[Bill] = []
    index = _FIRST_INDEX
    for first in range(len(daily) % length, len(daily), length):
        days = [starts[i + 1] - starts[i] for i in range(first, first + length)]
        kwh = sum(use * n for use, n in zip(daily[first : first + length], days, strict=True))
        if math.isnan(kwh):
            continue
        bills.append(
            _bill({"previous": index, "current": index + kwh}, starts[first], starts[first + length], 0)
        )
        index += kwh
    return bills


def _with_qualities(bills: list[Bill], text: str | None) -> list[Bill]:
    if text is None:
        return bills
    words = read_words(text)
    if len(words) != len(bills):
        raise ValueError(f"reading_quality has {len(words)} words for {len(bills)} bills")
    return [replace(bill, quality=_quality(word)) for bill, word in zip(bills, words, strict=True)]


def _listed_bills(given: list[Given], scan_day: int) -> list[Bill]:
    """The bills as given; registers that are not said go on where the same meter's last bill ended."""
    last_index: dict[int, float] = {}
    bills: list[Bill] = []
    for one in given:
        meter = one.get("meter", 1)
        values = {"previous": last_index.get(meter, _FIRST_INDEX), **one}
        bill = _bill(values, read_day(one["from"], scan_day), read_day(one["to"], scan_day), scan_day)
        if bill.period_end <= bill.period_start:
            raise ValueError(f"the bill from {one['from']} to {one['to']} has no days")
        last_index[meter] = bill.current_index
        bills.append(bill)
    return bills


def _bill(given: Given, start: int, end: int, scan_day: int) -> Bill:
    multiplier = float(given.get("multiplier", 1))
    previous, current = given["previous"], given.get("current")
    kwh = given.get("kwh")
    if kwh is None:
        kwh = 0.0 if current is None or previous is None else (current - previous) * multiplier
    if current is None and "current" not in given and previous is not None:
        current = previous + kwh / multiplier
    payable = given.get("payable_rial", round(kwh * _PRICE_RIAL_PER_KWH / 1000) * 1000)
    bill_id = given.get("bill_id", int(_BILL_ID))
    return Bill(
        period_start=start,
        period_end=end,
        consumption_kwh=float(kwh),
        installation_id=given.get("meter", 1),
        is_start_derived=given.get("start_derived", False),
        due_on=read_day(given["due"], scan_day) if "due" in given else end + 14,
        quality=_quality(given.get("quality", "actual")),
        previous_index=_number(previous),
        current_index=_number(current),
        multiplier=multiplier,
        installed_multiplier=_number(given.get("installed_multiplier")),
        register_digits=given.get("digits", 0),
        bands_kwh=_number(given.get("bands_kwh")),
        bill_id=-1 if bill_id is None else bill_id,
        payment_id=_payment_id(given, bill_id, payable),
        payable_rial=-1 if payable is None else payable,
        outstanding_rial=0 if payable is None else payable - given.get("paid_rial", payable),
    )


def _payment_id(given: Given, bill_id: int | None, payable: int | None) -> int:
    """The id as given, or one that carries `payment_id_rial` (else what is payable); -1 where it cannot exist."""
    if "payment_id" in given:
        return -1 if given["payment_id"] is None else int(given["payment_id"])
    amount = given.get("payment_id_rial", payable)
    if bill_id is None or amount is None or amount < 1000:
        return -1
    parts = PaymentId(amount_thousand_rial=amount // 1000, year_code=4, period_code=1)
    return int(make_payment_id(_BILL_ID, parts))


def _transformer(given: Given, last_month: int, site: Site) -> TransformerBatch:
    delivered, billed = read_series(given.get("delivered_kwh", "")), read_series(given.get("billed_kwh", ""))
    coverage = read_series(given.get("coverage_percent", f"{len(billed)}x100" if billed else ""))
    if not len(delivered) == len(billed) == len(coverage):
        raise ValueError("delivered_kwh, billed_kwh and coverage_percent are not of one length")
    return TransformerBatch(
        transformer_id=np.array([1]),
        code=["1"],
        district_id=np.array([1]),
        delivered_kwh=np.array([delivered]),
        billed_kwh=np.array([billed]),
        coverage=np.array([coverage]) / 100.0,
        customers=np.array([given.get("customers", 50)]),
        last_month=last_month,
        site=site,
    )


def _customer(given: Given, scan_day: int, site: Site) -> CustomerBatch:
    overdue = given.get("overdue_rial", 0)
    oldest = read_day(given["oldest_due"], scan_day) if "oldest_due" in given else int(NO_DAY)
    return CustomerBatch(
        customer_id=np.array([1]),
        customer_no=["1"],
        district_id=np.array([1]),
        points=np.array([given.get("points", 1)]),
        outstanding_rial=np.array([given.get("outstanding_rial", overdue)]),
        overdue_rial=np.array([overdue]),
        oldest_due=np.array([oldest], np.int32),
        as_of=scan_day,
        site=site,
    )


def _quality(word: str) -> int:
    if word not in QUALITIES:
        raise ValueError(f"{word!r} is no reading quality; known: {', '.join(QUALITIES)}")
    return QUALITIES.index(word)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
