"""From the `given` of a scenario to a batch of one subject. Whatever is not said has a plain, innocent value."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rules.batch import (
    COLLECTION_STEPS,
    EPOCH,
    EVENT_KINDS,
    INVOICE_KINDS,
    NO_DAY,
    OUTCOMES,
    QUALITIES,
    QUANTITIES,
    SIBLING_REGISTERS,
    TARIFF_CLASSES,
    CustomerBatch,
    PartyDebts,
    PeerGroups,
    PeerQuantiles,
    TransformerBatch,
    TransformerLosses,
    month_number,
    month_starts,
)
from rules.signals.contract_use import contract_key
from rules.site import Site, StepTariff, load_site
from rules.testing.agents import agents_of
from rules.testing.areas import signs_of
from rules.testing.points import Bill, Interval, Point, Visit, panel_of, point_batch
from rules.testing.series import read_day, read_series, read_words
from tarazu.identifiers.bill import (
    BillId,
    PaymentId,
    make_bill_id,
    make_payment_id,
)
from tarazu.text import search_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import Batch, PointBatch
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
    "phase_count": "phase_count",
}
_DAY_KEYS = (
    "disconnected_on",
    "meter_since",
    "energised_on",
    "reconnected_on",
    "terms_since",
    "licence_expires_on",
)
_CHARGES = ("energy", "demand", "taxable", "vat", "rounding", "balance", "exceedance", "licence")
_MEASURES = ("calculated_demand_kw", "loss_factor")
_TRANSFORMER_ID = 1
_DAY_SECONDS, _MINUTE_SECONDS = 86_400, 60


def batch_of(subject: SubjectKind, given: Given) -> Batch:
    """The batch that a scenario describes.

    Raises:
        ValueError: a series or a day cannot be read, or its length does not fit.
    """
    scan_day = read_day(given.get("scan_day", SCAN_DAY), 0)
    scan_date = EPOCH + dt.timedelta(days=scan_day)
    last_month = month_number(scan_date)
    site = _site(_shipped_site(scan_date), given.get("step_tariff"))
    if subject == "transformer":
        return _transformer(given.get("transformer", {}), last_month, site)
    if subject == "reading_agent":
        return agents_of(given.get("agent", {}), site, scan_date)
    if subject == "customer":
        return _customer(given.get("government", {}), scan_day, site)
    return _point(given, scan_day, last_month, site)


@lru_cache(maxsize=64)
def _shipped_site(scan_date: dt.date) -> Site:
    # Almost all scenarios have one day; reading the file for each took four fifths of a run of all of them.
    return load_site(scan_date)


def _site(site: Site, step_tariff: Given | None) -> Site:
    if step_tariff is None:
        return site
    steps, rates = tuple(step_tariff["steps_kwh"]), tuple(step_tariff["rates_rial"])
    return replace(site, step_tariff=(StepTariff(0, steps, rates),))


def _point(given: Given, scan_day: int, last_month: int, site: Site) -> Batch:
    daily = read_series(given.get("daily_use", ""))
    months = max(PANEL_MONTHS, len(daily))
    daily = [math.nan] * (months - len(daily)) + daily
    if "bills" in given:
        bills = _listed_bills(given["bills"], scan_day)
    else:
        bills = _derived_bills(daily, last_month, 2 if given.get("billing") == "two_monthly" else 1)
        bills = _with_qualities(bills, given.get("reading_quality"))
        for name, field in (("kvarh", "reactive_kvarh"), ("demand_kw", "read_demand_kw")):
            bills = _with_values(bills, field, given.get(name), name)
    panel = daily if "bills" in given and "daily_use" in given else panel_of(bills, last_month, months)
    events = [
        (read_day(event["day"], scan_day), EVENT_KINDS.index(event["kind"]))
        for event in given.get("events", [])
    ]
    point = Point(
        daily_kwh=panel,
        bills=bills,
        events=events,
        visits=_visits(given.get("inspections", []), scan_day),
        exports=[
            (one.get("meter", 1), read_day(one["day"], scan_day), float(one["kwh"]))
            for one in given.get("exports", [])
        ],
        intervals=[one for values in given.get("intervals", []) for one in _intervals(values, scan_day)],
        transformer_id=_TRANSFORMER_ID if "transformer_loss" in given else -1,
        **_point_values(given.get("point", {}), scan_day),
    )
    debts = _debts(given.get("party_debts"), scan_day)
    batch = point_batch([point], last_month=last_month, as_of=scan_day, site=site, debts=debts)
    key, one = batch.peer_key, np.ones(1, np.int64)
    around: dict[str, Any] = {}
    if (peers := given.get("peers")) is not None:
        around["peers"] = PeerGroups(
            key=key,
            count=one * peers["count"],
            median=np.log(np.array([float(peers["median_kwh"])])),
            mad=np.array([float(peers["mad"])]),
        )
    for name, key_of in _PEER_QUANTILES.items():
        if (peers := given.get(name)) is not None:
            around[name] = PeerQuantiles(
                key_of(batch),
                one * peers["count"],
                np.array([float(peers["tenth"])]),
                np.array([float(peers["median"])]),
            )
    if (loss := given.get("transformer_loss")) is not None:
        around["losses"] = TransformerLosses(
            one * _TRANSFORMER_ID,
            np.array([_number(loss.get("percent"))]),
            np.array([_number(loss.get("kwh"))]),
            np.array([float(loss.get("explained_kwh", 0))]),
        )
    if "mapping_proposal" in given or "missing_energy" in given:
        around["signs"] = signs_of(given.get("mapping_proposal"), given.get("missing_energy"))
    return replace(batch, **around)


def _district_key(batch: PointBatch) -> NDArray[np.int64]:
    return batch.peer_key


_PEER_QUANTILES = {"hours_of_use_peers": contract_key, "summer_rise_peers": _district_key}


def _visits(given: list[Given], scan_day: int) -> list[Visit]:
    return [
        Visit(
            read_day(one["day"], scan_day),
            OUTCOMES.index(one["outcome"]),
            _number(one.get("kwh")),
            search_key(one.get("note", "")),
        )
        for one in given
    ]


def _intervals(given: Given, scan_day: int) -> list[Interval]:
    """The values over and over, so many days up to the scan or their end; the unknown ones were not delivered."""
    minutes = given.get("minutes", 60)
    values = read_series(given["values"])
    first = scan_day - given.get("ended_days_ago", 0) - given.get("days", 1)
    count = given.get("days", 1) * _DAY_SECONDS // (max(minutes, 1) * _MINUTE_SECONDS)
    return [
        Interval(
            QUANTITIES.index(given["quantity"]),
            given.get("phase", 0),
            first * _DAY_SECONDS + i * minutes * _MINUTE_SECONDS,
            minutes,
            value,
        )
        for i in range(count)
        if not math.isnan(value := values[i % len(values)])
    ]


def _point_values(given: Given, scan_day: int) -> dict[str, Any]:
    values = {_POINT_KEYS[name]: value for name, value in given.items() if name in _POINT_KEYS}
    values |= {name: read_day(given[name], scan_day) for name in _DAY_KEYS if name in given}
    if "tariff_class" in given:
        values["tariff_class"] = TARIFF_CLASSES.index(given["tariff_class"])
    if "vacant" in given:
        since, until = given["vacant"]
        values["vacant_from"] = read_day(since, scan_day)
        values["vacant_to"] = int(NO_DAY) if until is None else read_day(until, scan_day)
    if "unallocated" in given:
        values["unallocated_rial"] = given["unallocated"]["rial"]
        values["unallocated_since"] = read_day(given["unallocated"]["since"], scan_day)
    if "collection_step" in given:
        values["step_kind"] = COLLECTION_STEPS.index(given["collection_step"]["kind"])
        values["step_on"] = read_day(given["collection_step"]["day"], scan_day)
    if "instalments" in given:
        values["instalment_rial"] = given["instalments"]["unpaid_rial"]
        values["instalment_due_on"] = read_day(given["instalments"]["oldest_due"], scan_day)
    return values


def _debts(given: Given | None, scan_day: int) -> PartyDebts | None:
    """What the point's customer owes at all points, this one among them."""
    if given is None:
        return None
    return PartyDebts(
        party_id=np.array([1]),
        overdue_rial=np.array([given["overdue_rial"]]),
        points=np.array([given["points"]]),
        oldest_due=np.array([read_day(given["oldest_due"], scan_day)], np.int32),
    )


def _registers(names: list[str]) -> int:
    return sum(1 << SIBLING_REGISTERS.index(name) for name in names)


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


def _with_values(bills: list[Bill], field: str, text: str | None, name: str) -> list[Bill]:
    if text is None:
        return bills
    values = read_series(text)
    if len(values) != len(bills):
        raise ValueError(f"{name} has {len(values)} values for {len(bills)} bills")
    changes: list[dict[str, Any]] = [{field: value} for value in values]
    return [replace(bill, **change) for bill, change in zip(bills, changes, strict=True)]


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
        reactive_kvarh=_number(given.get("kvarh")),
        read_demand_kw=_number(given.get("demand_kw")),
        bill_id=-1 if bill_id is None else bill_id,
        payment_id=_payment_id(given, bill_id, payable),
        payable_rial=-1 if payable is None else payable,
        outstanding_rial=0 if payable is None else payable - given.get("paid_rial", payable),
        kind=INVOICE_KINDS.index(given.get("kind", "ordinary")),
        issued_on=read_day(given["issued"], scan_day) if "issued" in given else int(NO_DAY),
        paid_on=read_day(given["paid_on"], scan_day) if "paid_on" in given else int(NO_DAY),
        registers=_registers(given.get("registers", [])),
        **_numbers(given),
    )


def _numbers(given: Given) -> dict[str, Any]:
    """Measures and charges of a bill that it only has where they are said."""
    return {name: _number(given.get(name)) for name in (*_MEASURES, *(f"{name}_rial" for name in _CHARGES))}


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
    moved = read_series(given.get("moved_kwh", f"{len(billed)}x0" if billed else ""))
    if not len(delivered) == len(billed) == len(coverage) == len(moved):
        raise ValueError("delivered_kwh, billed_kwh, moved_kwh and coverage_percent are not of one length")
    return TransformerBatch(
        transformer_id=np.array([1]),
        code=["1"],
        district_id=np.array([1]),
        feeder_id=np.array([-1]),
        delivered_kwh=np.array([delivered]),
        billed_kwh=np.array([billed]),
        moved_kwh=np.array([moved]),
        ranked=["–"],
        coverage=np.array([coverage]) / 100.0,
        customers=np.array([given.get("customers", 50)]),
        last_month=last_month,
        site=site,
    )


def _customer(given: Given, scan_day: int, site: Site) -> CustomerBatch:
    overdue: int = given.get("overdue_rial", 0)
    whole: int = given.get("all_overdue_rial", overdue)
    oldest = read_day(given["oldest_due"], scan_day) if "oldest_due" in given else int(NO_DAY)
    return CustomerBatch(
        customer_id=np.array([1]),
        customer_no=["1"],
        district_id=np.array([1]),
        points=np.array([given.get("points", 1)]),
        outstanding_rial=np.array([given.get("outstanding_rial", overdue)]),
        overdue_rial=np.array([overdue]),
        oldest_due=np.array([oldest], np.int32),
        is_government=np.array([given.get("government", True)]),
        all_overdue_rial=whole,
        as_of=scan_day,
        site=site,
    )


def _quality(word: str) -> int:
    if word not in QUALITIES:
        raise ValueError(f"{word!r} is no reading quality; known: {', '.join(QUALITIES)}")
    return QUALITIES.index(word)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
