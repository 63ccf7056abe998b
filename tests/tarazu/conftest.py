"""A small company made at random, with everything that a source may leave out left out somewhere."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import BigInteger, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY

from tarazu import models
from tarazu.database import Sessions
from tarazu.models.enums import Commodity, Sector, TariffClass
from tarazu.security.row_scope import ScopeValues

FIRST_DAY = dt.date(2025, 1, 1)


@dataclass
class Company:
    districts: list[models.District] = field(default_factory=list)
    feeders: list[models.Feeder] = field(default_factory=list)
    transformers: list[models.DistributionTransformer] = field(default_factory=list)
    energies: list[models.TransformerEnergy] = field(default_factory=list)
    customers: list[models.Customer] = field(default_factory=list)
    agreements: list[models.SupplyAgreement] = field(default_factory=list)
    points: list[models.UsagePoint] = field(default_factory=list)
    supplies: list[models.AgreementUsagePoint] = field(default_factory=list)
    terms: list[models.UsagePointTerm] = field(default_factory=list)
    invoices: list[models.Invoice] = field(default_factory=list)
    payments: list[models.Payment] = field(default_factory=list)
    allocations: list[models.PaymentAllocation] = field(default_factory=list)

    def supply_of(self, point_id: int | None, day: dt.date) -> models.AgreementUsagePoint | None:
        return _in_force(self.supplies, point_id, day)

    def term_of(self, point_id: int | None, day: dt.date) -> models.UsagePointTerm | None:
        return _in_force(self.terms, point_id, day)

    def customer_of(self, agreement_id: int | None) -> models.Customer | None:
        by_id = {agreement.id: agreement.customer for agreement in self.agreements}
        return by_id.get(agreement_id) if agreement_id else None

    def paid(self, invoice: models.Invoice, until: dt.date = dt.date.max) -> int:
        return sum(
            allocation.amount_rial
            for allocation in self.allocations
            if allocation.invoice is invoice and allocation.payment.paid_on <= until
        )

    def sees(self, scope: Scope, point_id: int | None) -> bool:
        """Whether a usage point is in scope: by its district, and the sector of whom it supplies now."""
        point = next((point for point in self.points if point.id == point_id), None)
        if scope == Scope():
            return True
        if point is None or (scope.districts is not None and point.district_id not in scope.districts):
            return False
        if scope.sectors is None:
            return True
        open_ones = [s for s in self.supplies if s.usage_point_id == point_id and s.valid_to is None]
        return any(self.customer_of(s.agreement_id).sector in scope.sectors for s in open_ones)


@dataclass(frozen=True)
class Scope:
    districts: tuple[int, ...] | None = None
    sectors: tuple[Sector, ...] | None = None

    def values(self) -> ScopeValues:
        return ScopeValues(
            None
            if self.districts is None
            else bindparam("districts", list(self.districts), ARRAY(BigInteger)),
            None
            if self.sectors is None
            else bindparam("sectors", [sector.value for sector in self.sectors], ARRAY(Text)),
        )


def _in_force(periods: list[Any], point_id: int | None, day: dt.date) -> Any:
    valid = [
        period
        for period in periods
        if period.usage_point_id == point_id
        and period.valid_from <= day
        and (period.valid_to is None or period.valid_to > day)
    ]
    return max(valid, key=lambda period: period.valid_from, default=None)


def _network(chance: random.Random, made: Company) -> None:
    made.districts = [models.District(code=f"D{n}") for n in range(3)]
    made.feeders = [models.Feeder(code=f"F{n}") for n in range(2)]
    made.transformers = [
        models.DistributionTransformer(
            code=f"T{n}",
            feeder=chance.choice([*made.feeders, None]),
            district=chance.choice([*made.districts, None]),
        )
        for n in range(5)
    ]
    for transformer in made.transformers[1:]:
        for start in chance.sample(range(0, 120, 10), 4):
            first = FIRST_DAY + dt.timedelta(start)
            made.energies.append(
                models.TransformerEnergy(
                    transformer=transformer,
                    period_start=first,
                    period_end=first + dt.timedelta(chance.randint(1, 40)),
                    delivered_kwh=chance.choice([0.0, chance.uniform(0, 5_000)]),
                )
            )


def _parties(chance: random.Random, made: Company) -> None:
    for n in range(8):
        customer = models.Customer(customer_no=f"C{n}", sector=chance.choice(list(Sector)))
        made.customers.append(customer)
        made.agreements.append(models.SupplyAgreement(agreement_no=f"A{n}", customer=customer))


def _periods(chance: random.Random) -> list[tuple[dt.date, dt.date | None]]:
    """Periods with gaps and overlaps, the last one often open; sometimes none."""
    starts = sorted(chance.sample(range(-400, 150), chance.randint(0, 3)))
    return [
        (
            FIRST_DAY + dt.timedelta(start),
            None if chance.random() < 0.4 else FIRST_DAY + dt.timedelta(start + chance.randint(1, 300)),
        )
        for start in starts
    ]


def _points(chance: random.Random, made: Company) -> None:
    for n in range(12):
        point = models.UsagePoint(
            subscription_no=f"S{n}",
            district=chance.choice(made.districts),
            transformer=chance.choice([*made.transformers, None]),
            commodity=Commodity.GAS if n == 11 else Commodity.ELECTRICITY,
        )
        made.points.append(point)
        for valid_from, valid_to in _periods(chance):
            made.supplies.append(
                models.AgreementUsagePoint(
                    agreement=chance.choice(made.agreements),
                    usage_point=point,
                    valid_from=valid_from,
                    valid_to=valid_to,
                )
            )
        for valid_from, valid_to in _periods(chance):
            made.terms.append(
                models.UsagePointTerm(
                    usage_point=point,
                    tariff_class=chance.choice(list(TariffClass)),
                    contracted_power_kw=chance.choice([None, 15.0, 30.0, 100.0]),
                    valid_from=valid_from,
                    valid_to=valid_to,
                )
            )


def _bills(chance: random.Random, made: Company) -> None:
    for n in range(60):
        start = FIRST_DAY + dt.timedelta(chance.randint(-60, 120))
        end = start + dt.timedelta(chance.randint(1, 62))
        made.invoices.append(
            models.Invoice(
                usage_point=chance.choice(made.points),
                agreement=chance.choice([*made.agreements[:4], None, None]),
                invoice_no=f"I{n}",
                period_start=start,
                period_end=end,
                issued_on=chance.choice([None, end + dt.timedelta(chance.randint(-3, 9))]),
                due_on=chance.choice([None, end + dt.timedelta(chance.randint(-400, 40))]),
                consumption_kwh=chance.choice([0.0, chance.uniform(0, 900)]),
                payable_rial=chance.choice([None, 0, 1_000, 250_000, 9_000_000_000]),
            )
        )
    for n in range(50):
        payment = models.Payment(
            payment_no=f"P{n}",
            usage_point=chance.choice([*made.points, None]),
            paid_on=FIRST_DAY + dt.timedelta(chance.randint(-30, 180)),
            amount_rial=chance.randint(1, 10_000_000),
        )
        made.payments.append(payment)
        for invoice in chance.sample(made.invoices, chance.randint(0, 3)):
            amount = chance.choice([400, invoice.payable_rial or 7, (invoice.payable_rial or 0) + 5])
            made.allocations.append(
                models.PaymentAllocation(payment=payment, invoice=invoice, amount_rial=amount)
            )


@pytest.fixture
def company_of(sessions: Sessions) -> Callable[[int], Awaitable[Company]]:
    """Writes the company of a seed into the test's database."""

    async def make(seed: int) -> Company:
        chance = random.Random(seed)
        made = Company()
        for fill in (_network, _parties, _points, _bills):
            fill(chance, made)
        async with sessions.write() as session:
            for rows in vars(made).values():
                session.add_all(rows)
        return made

    return make


@pytest.fixture
def scopes() -> Callable[[Company], list[Scope]]:
    """Scopes to try on a company: everything, districts, sectors, both, and nothing."""

    def of(made: Company) -> list[Scope]:
        first, second, _ = (district.id for district in made.districts)
        return [
            Scope(),
            Scope(districts=(first,)),
            Scope(sectors=(Sector.GOVERNMENT,)),
            Scope(districts=(first, second), sectors=(Sector.PRIVATE,)),
            Scope(districts=()),
        ]

    return of
