"""Factories for the tests of rules: rules, catalogues in a folder of their own, and batches drawn by hypothesis."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import math
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rules.batch import (
    NO_DAY,
    PartyDebts,
    PeerQuantiles,
    PointBatch,
    TransformerLosses,
    day_number,
    month_number,
    month_starts,
)
from rules.conditions import Condition
from rules.loader import CATALOGUE_DIRECTORY
from rules.rule import AtRisk, Parameter, Rule, Text
from rules.signals import all_signals
from rules.signals.contract_use import contract_key
from rules.site import ElectricalLimits, NoteWord, Site, StepTariff
from rules.testing.points import Bill, Interval, Point, Visit, point_batch
from tarazu.identifiers.bill import BillId, PaymentId, make_bill_id, make_payment_id

AS_OF = dt.date(2025, 12, 20)
LAST_MONTH = month_number(AS_OF)
COMPANY = 1
SITE = Site(
    energy_price_rial_per_kwh=(3000.0, 4500.0, 1500.0, 6000.0, 8000.0),
    technical_loss_percent=5.0,
    balance_coverage_percent=95.0,
    service_type=2,
    company_code=COMPANY,
    ordinary_power_factor=0.8,
    note_words=(
        NoteWord("پلمپ ندارد"),
        NoteWord("شنت"),
        NoteWord("دستکاری", ("دستکاری نشده",)),
    ),
    electrical=ElectricalLimits(
        nominal_voltage_v=230.0,
        lost_voltage_percent=50.0,
        reference_current_a=5.0,
        load_current_percent=5.0,
        unbalance_load_percent=10.0,
        unbalance_percent=20.0,
        neutral_ratio=1.1,
    ),
    closed_irrigation_months=(11, 12, 1, 2),
    vat_percent=((0, 10.0), (day_number(dt.date(2025, 6, 1)), 9.0)),
    step_tariff=(
        StepTariff(0, (100.0, 200.0), (300.0, 350.0, 750.0)),
        StepTariff(day_number(dt.date(2025, 3, 21)), (), ()),
        StepTariff(day_number(dt.date(2025, 9, 1)), (300.0,), (1000.0, 8000.0)),
    ),
)


@pytest.fixture(scope="session")
def site() -> Site:
    return SITE


# --- Rules ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def make_rule() -> Callable[..., Rule]:
    """A rule of given conditions; parameters are (unit, default, least, most) by name."""

    def make(
        rule_id: str,
        when: Iterable[Condition],
        unless: Iterable[Condition] = (),
        parameters: dict[str, Parameter] | None = None,
        **others: Any,
    ) -> Rule:
        text = Text("a text", "یک متن")
        when = tuple(when)
        values: dict[str, Any] = {
            "id": rule_id,
            "family": "billing",
            "subject": "usage_point",
            "status": "stable",
            "title": text,
            "narrative": text,
            "action": text,
            "innocent_causes": (text,),
            "source": "a test",
            "parameters": parameters or {},
            "when": when,
            "unless": tuple(unless),
            "severity": "low",
            "confidence": 0.5,
            "at_risk": AtRisk("energy_kwh", when[0].signal, "x"),
            "version": 1,
            "content_hash": "",
            "definition": {},
        }
        return Rule(**values | others)

    return make


# --- Catalogues -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CatalogueFolder:
    """A copy of some rules of the catalogue, with their tests and the lock, to be spoilt."""

    path: Path

    def edit(self, name: str, old: str, new: str) -> Path:
        file = self.path / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        file.write_text(text.replace(old, new), encoding="utf-8")
        return file

    def line(self, name: str, text: str) -> int:
        lines = (self.path / name).read_text(encoding="utf-8").splitlines()
        (number,) = (i for i, line in enumerate(lines, 1) if text in line)
        return number


@pytest.fixture
def catalogue_of(tmp_path: Path) -> Callable[..., CatalogueFolder]:
    def copy(*ids: str) -> CatalogueFolder:
        shutil.copy(CATALOGUE_DIRECTORY / "rules.lock", tmp_path)
        for rule_id in ids:
            for name in (f"{rule_id}.yaml", f"{rule_id}.test.yaml"):
                shutil.copy(CATALOGUE_DIRECTORY / name, tmp_path)
        return CatalogueFolder(tmp_path)

    return copy


# --- Batches --------------------------------------------------------------------------------------------------

_BILL_ID = int(make_bill_id(BillId(12345, COMPANY)))
_ELSEWHERE = int(make_bill_id(BillId(12345, COMPANY + 1)))
_GAS = int(make_bill_id(BillId(12345, COMPANY, 3)))
_PAYMENT_ID = int(make_payment_id(_BILL_ID, PaymentId(900, 4, 1)))

_use = st.one_of(
    st.just(0.0), st.sampled_from([0.5, 4.0, 10.0, 12.5, 40.0]), st.floats(0.015625, 512.0, width=32)
)
_use_or_no_bill = st.one_of(st.just(math.nan), _use)


@st.composite
def _panels(draw: st.DrawFn, months: int) -> list[float]:
    """Runs of one value and single months, so that zero runs, gaps and steady times all come up."""
    panel: list[float] = []
    values = draw(st.sampled_from([_use, _use, _use_or_no_bill]))
    while len(panel) < months:
        panel += [draw(values)] * draw(st.sampled_from([1, 1, 3, 12]))
    # A point whose newest bills are still to come, up to one that has become too old to judge.
    trailing = min(draw(st.sampled_from([0, 0, 0, 1, 3, 4])), months)
    return panel[: months - trailing] + [math.nan] * trailing


_CHARGES = (math.nan, 0.0, 90_000.0, 1_250_000.0)


@st.composite
def _picks(draw: st.DrawFn) -> Callable[..., Any]:
    """A function that picks one of its arguments; one draw for all of them, or a bill would take forty."""
    codes = iter(draw(st.binary(min_size=24, max_size=24)))
    return lambda *options: options[next(codes) % len(options)]


@st.composite
def _bills(draw: st.DrawFn, months: int) -> Bill:
    first = int(month_starts(LAST_MONTH, months)[0])
    start = draw(st.integers(first - 90, day_number(AS_OF)))
    previous = draw(st.sampled_from([math.nan, 0.0, 100.0, 9_950.0, 99_990.0]))
    payable = draw(st.sampled_from([-1, 0, 900_000, 901_000]))
    pick = draw(_picks())
    return Bill(
        period_start=start,
        period_end=start + draw(st.sampled_from([1, 28, 30, 61])),
        consumption_kwh=draw(st.sampled_from([0.0, 1.0, 50.0, 300.5, 12_000.0])),
        installation_id=draw(st.integers(1, 2)),
        due_on=draw(st.sampled_from([int(NO_DAY), day_number(AS_OF) - 91, day_number(AS_OF), start + 60])),
        quality=draw(st.integers(0, 3)),
        previous_index=previous,
        current_index=draw(st.sampled_from([math.nan, 50.0, previous, previous + 50.0])),
        multiplier=draw(st.sampled_from([1.0, 20.0])),
        installed_multiplier=draw(st.sampled_from([math.nan, 1.0, 40.0])),
        register_digits=draw(st.sampled_from([0, 4, 5])),
        bands_kwh=draw(st.sampled_from([math.nan, 50.0, 300.5])),
        bill_id=draw(st.sampled_from([-1, _BILL_ID, _BILL_ID + 1, _ELSEWHERE, _GAS])),
        payment_id=draw(st.sampled_from([-1, _PAYMENT_ID, _PAYMENT_ID + 1])),
        payable_rial=payable,
        outstanding_rial=draw(st.sampled_from([0, max(payable, 0), max(payable, 0) // 2])),
        kind=pick(0, 0, 2, 3),
        issued_on=pick(int(NO_DAY), start + 20, start + 70),
        paid_on=pick(int(NO_DAY), start + 40, day_number(AS_OF)),
        is_start_derived=pick(False, False, False, True),
        registers=pick(*range(16)),
        reactive_kvarh=pick(math.nan, 0.0, 30.0, 300.5, 400.0, 9_000.0),
        read_demand_kw=pick(math.nan, 0.0, 4.0, 31.0, 180.0, 420.0),
        calculated_demand_kw=pick(math.nan, 0.0, 27.0, 420.0),
        loss_factor=pick(math.nan, 0.0, 0.5),
        energy_rial=pick(*_CHARGES),
        demand_rial=pick(*_CHARGES),
        taxable_rial=pick(*_CHARGES),
        vat_rial=pick(*_CHARGES),
        rounding_rial=pick(math.nan, -23.0, 999.0, -1500.0),
        balance_rial=pick(math.nan, 0.0, -5000.0, 450_000.0, 900_000.0),
        exceedance_rial=pick(*_CHARGES),
        licence_rial=pick(*_CHARGES),
    )


_NOTES = ("", "پلمپ ندارد", "پلمپ دارد", "دستکاری نشده", "شنت و دستکاری")


@st.composite
def _visits(draw: st.DrawFn, days: st.SearchStrategy[int]) -> Visit:
    return Visit(
        draw(days),
        draw(st.integers(0, 4)),
        draw(st.sampled_from([math.nan, 0.0, 1_200.0])),
        draw(st.sampled_from(_NOTES)),
    )


@st.composite
def _intervals(draw: st.DrawFn) -> list[Interval]:
    """A few quarter hours of one quantity and phase, with a gap at times, at two meters' lengths."""
    quantity, phase = draw(st.sampled_from([(0, 0), (4, 1), (5, 1), (5, 2), (5, 3), (5, 4)]))
    minutes = draw(st.sampled_from([15, 30, 60]))
    start = (day_number(AS_OF) - draw(st.integers(1, 3))) * 86_400
    values = draw(
        st.lists(st.sampled_from([math.nan, 0.0, 0.5, 1.0, 8.0, 60.0, 110.0, 230.0]), min_size=1, max_size=14)
    )
    times = draw(st.sampled_from([1, 1, 4, 8]))
    return [
        Interval(quantity, phase, start + i * minutes * 60, minutes, value)
        for i, value in enumerate(values * times)
        if not math.isnan(value)
    ]


@st.composite
def _points(draw: st.DrawFn, months: int) -> Point:
    bills = draw(st.lists(_bills(months), max_size=5))
    today = day_number(AS_OF)
    # Anywhere in two years, lately, or on a day that decides: the start of a bill or of a month.
    deciding = [bill.period_start for bill in bills] + month_starts(LAST_MONTH, 5).tolist()
    days = st.one_of(
        st.integers(today - 800, today), st.integers(today - 150, today), st.sampled_from(deciding)
    )
    no_or_day = st.one_of(st.just(int(NO_DAY)), days)
    vacant_from = draw(no_or_day)
    pick = draw(_picks())
    some_days = [draw(days), draw(days)]
    return Point(
        daily_kwh=draw(_panels(months)),
        bills=bills,
        events=draw(st.lists(st.tuples(days, st.integers(0, 11)), max_size=3)),
        visits=draw(st.lists(_visits(days), max_size=2)),
        exports=draw(
            st.lists(st.tuples(st.integers(1, 2), days, st.sampled_from([0.0, 5.0, 80.0])), max_size=4)
        ),
        intervals=_one_time_each(draw(st.lists(_intervals(), max_size=4))),
        transformer_id=draw(st.sampled_from([-1, 1, 2, 3])),
        phase_count=draw(st.sampled_from([0, 1, 3])),
        licence_expires_on=draw(no_or_day),
        tariff_class=draw(st.integers(0, 4)),
        contracted_power_kw=draw(st.sampled_from([math.nan, 5.0, 5.5, 30.0, 400.0, 5000.0])),
        district_id=draw(st.integers(1, 2)),
        is_government=draw(st.booleans()),
        disconnected_on=draw(no_or_day),
        vacant_from=vacant_from,
        vacant_to=int(NO_DAY) if vacant_from == NO_DAY else draw(no_or_day),
        is_seasonal=draw(st.booleans()),
        has_generation=draw(st.booleans()),
        meter_since=draw(no_or_day),
        energised_on=pick(0, *some_days),
        reconnected_on=pick(int(NO_DAY), *some_days),
        terms_since=pick(0, 0, *some_days),
        unallocated_rial=pick(0, 5000),
        unallocated_since=pick(*some_days),
        step_kind=pick(-1, 0, 1, 2),
        step_on=pick(int(NO_DAY), *some_days),
        instalment_due_on=pick(int(NO_DAY), today + 30, *some_days),
        instalment_rial=pick(0, 70_000),
    )


@st.composite
def _debts(draw: st.DrawFn) -> PartyDebts:
    parties = sorted(draw(st.sets(st.integers(1, 5), max_size=4)))
    return PartyDebts(
        party_id=np.array(parties, np.int64),
        overdue_rial=np.array([draw(st.integers(0, 3_000_000)) for _ in parties], np.int64),
        points=np.array([draw(st.integers(1, 3)) for _ in parties], np.int64),
        oldest_due=np.array([day_number(AS_OF) - draw(st.integers(1, 400)) for _ in parties], np.int32),
    )


def _one_time_each(parts: list[list[Interval]]) -> list[Interval]:
    """The database keeps one value a quantity, phase and time."""
    kept = {(one.quantity, one.phase, one.second): one for part in parts for one in part}
    return list(kept.values())


@st.composite
def _surroundings(draw: st.DrawFn, batch: PointBatch) -> PointBatch:
    """The batch among peers, of whom some points have none, and with balances of two of the three transformers."""

    def quantiles(scale: float, key: Any) -> PeerQuantiles | None:
        keys = np.unique(key)[draw(st.integers(0, 1)) :]
        if draw(st.integers(0, 4)) == 0:
            return None
        tenth = np.array([draw(st.sampled_from([0.2, 0.5])) * scale for _ in keys])
        counts = np.array([draw(st.integers(1, 90)) for _ in keys], np.int64)
        return PeerQuantiles(keys, counts, tenth, tenth * 3)

    losses = TransformerLosses(
        np.array([1, 2]),
        np.array([draw(st.sampled_from([math.nan, -2.0, 12.0])), 30.0]),
        np.array([draw(st.sampled_from([math.nan, 0.0, 900.0])), 400.0]),
        np.array([draw(st.sampled_from([0.0, 450.0])), 100.0]),
    )
    return replace(
        batch,
        hours_of_use_peers=quantiles(1000.0, contract_key(batch)),
        summer_rise_peers=quantiles(2.0, batch.peer_key),
        losses=draw(st.sampled_from([None, losses, losses])),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """Points and the batch made of them."""

    points: list[Point]
    batch: PointBatch


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    months = draw(st.sampled_from([1, 2, 3, 12, 13, 20, 21, 24, 24, 25, 36]))
    points = draw(st.lists(_points(months), min_size=1, max_size=4))
    number = itertools.count(101)
    points = [
        replace(point, bills=[replace(bill, invoice_id=next(number)) for bill in point.bills])
        for point in points
    ]
    debts = draw(st.one_of(st.none(), _debts()))
    batch = point_batch(points, last_month=LAST_MONTH, as_of=day_number(AS_OF), site=SITE, debts=debts)
    return Case(points, draw(_surroundings(batch)))


@pytest.fixture(scope="session")
def cases() -> st.SearchStrategy[Case]:
    return _cases()


_DRAWING = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@functools.cache
def _drawn() -> tuple[Case, ...]:
    """Cases that all definitions share: drawing 70 for each of a hundred signals took seven minutes of a processor."""
    drawn: list[Case] = []

    @settings(_DRAWING, max_examples=200, phases=[Phase.generate])
    @given(_cases())
    def draw(case: Case) -> None:
        drawn.append(case)

    draw()
    return tuple(drawn)


# What a definition says of one point: the values of its fields, or None where the signal is absent.
Definition = Callable[[Point, PointBatch], dict[str, float] | None]


@pytest.fixture(scope="session")
def agrees() -> Callable[..., None]:
    """Checks a kernel against a definition written for one point at a time."""

    def check(name: str, definition: Definition, *, examples: int = 70) -> None:
        declared = all_signals()[name]

        def hold(case: Case) -> None:
            values = declared.kernel(case.batch)
            for row, point in enumerate(case.points):
                expected = definition(point, case.batch)
                assert bool(values.present[row]) == (expected is not None), f"presence for {point}"
                if expected is None:
                    continue
                assert set(expected) - {"invoice_id"} == set(declared.fields)
                for field, value in expected.items():
                    if field == "invoice_id":
                        assert values.invoice_id is not None
                        assert int(values.invoice_id[row]) == value
                        continue
                    found = float(values.fields[field][row])
                    assert math.isfinite(found), f"{field} of {point}"
                    # NaN: the definition leaves the value open.
                    assert math.isnan(value) or math.isclose(found, value, rel_tol=1e-6, abs_tol=1e-6), (
                        f"{field}: kernel {found}, definition {value}, {point}"
                    )

        try:
            for case in _drawn():
                hold(case)
        except AssertionError:
            # Where one fails, hypothesis looks for the smallest that does.
            settings(_DRAWING, max_examples=examples)(given(_cases())(hold))()
            raise

    return check


@dataclass(frozen=True, slots=True)
class Months:
    """The panel of one point in plain Python, as the definitions use it."""

    daily: list[float]
    starts: list[int]

    @property
    def last(self) -> int:
        """Column of the last month with a bill, -1 for none."""
        return max((i for i, value in enumerate(self.daily) if not math.isnan(value)), default=-1)

    @property
    def current(self) -> bool:
        return self.last >= 0 and self.last >= len(self.daily) - 4

    def back(self, k: int) -> float:
        """The k-th month back from the last known one (1 is that month itself)."""
        column = self.last + 1 - k
        return self.daily[column] if column >= 0 else math.nan

    def window(self, oldest: int, newest: int) -> list[float]:
        """Months from `oldest` back to `newest` back, both counted as in `back`."""
        return [self.back(k) for k in range(oldest, newest - 1, -1)]


@pytest.fixture(scope="session")
def months_of() -> Callable[[Point, PointBatch], Months]:
    def make(point: Point, batch: PointBatch) -> Months:
        return Months(list(point.daily_kwh), month_starts(batch.last_month, batch.months).tolist())

    return make


@pytest.fixture(scope="session")
def ordered() -> Callable[[Point], list[Bill]]:
    """The bills of a point in the order of a batch."""
    return lambda point: sorted(point.bills, key=lambda bill: (bill.installation_id, bill.period_start))


@pytest.fixture(scope="session")
def key_of() -> Callable[[Point], int]:
    """The peer group of a point: district, tariff class and band of contracted power, as `PointBatch.peer_key` says."""

    def key(point: Point) -> int:
        power = 0.0 if math.isnan(point.contracted_power_kw) else point.contracted_power_kw
        band = sum(power > bound for bound in (5, 10, 30, 100, 1000))
        return (point.district_id * 8 + point.tariff_class) * 8 + band

    return key
