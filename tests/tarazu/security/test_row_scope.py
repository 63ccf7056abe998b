"""The row scope of every kind of row, in SQL, beside a plain computation over a random company."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import ARRAY, BigInteger, Text, bindparam, select

from tarazu import models
from tarazu.database import Sessions
from tarazu.models.enums import RuleFamily, Sector, Severity, SubjectKind
from tarazu.security import row_scope
from tarazu.security.row_scope import ScopeValues

TODAY = dt.datetime.now(tz=dt.UTC).date()
FAR = dt.timedelta(days=400)
# Past, in force with and without an end, not yet begun.
PERIODS = [
    (TODAY - 2 * FAR, TODAY - FAR),
    (TODAY - FAR, None),
    (TODAY - FAR / 2, TODAY + FAR),
    (TODAY + FAR, None),
]


@dataclass
class Company:
    """Rows by kind; ids are there once the session was flushed."""

    rows: dict[type[Any], list[Any]] = field(default_factory=dict)

    def add(self, row: Any) -> Any:
        self.rows.setdefault(type(row), []).append(row)
        return row


def company(chance: random.Random, scan: models.ScanRun) -> Company:
    made = Company({models.ScanRun: [scan]})
    districts = [made.add(models.District(code=f"D{n}")) for n in range(3)]
    exchanges = [made.add(models.ExchangePoint(code=f"E{n}")) for n in range(2)]
    feeders = [
        made.add(models.Feeder(code=f"F{n}", exchange_point=chance.choice([None, *exchanges])))
        for n in range(4)
    ]
    transformers = [
        made.add(
            models.DistributionTransformer(
                code=f"T{n}",
                feeder=chance.choice([None, *feeders]),
                district=chance.choice([None, *districts]),
            )
        )
        for n in range(6)
    ]
    agreements = []
    for n in range(8):
        owner = made.add(models.Customer(customer_no=f"C{n}", sector=chance.choice(list(Sector))))
        agreements.append(made.add(models.SupplyAgreement(agreement_no=f"A{n}", customer=owner)))
    points = [
        made.add(models.UsagePoint(subscription_no=f"P{n}", district=chance.choice(districts)))
        for n in range(10)
    ]
    for point in points:
        for start, end in chance.sample(PERIODS, chance.randrange(3)):
            made.add(
                models.AgreementUsagePoint(
                    usage_point=point, agreement=chance.choice(agreements), valid_from=start, valid_to=end
                )
            )
    meters = [made.add(models.Meter(serial_no=f"M{n}")) for n in range(8)]
    for meter, point in chance.sample(list(itertools.product(meters, points)), 10):
        installation = made.add(
            models.MeterInstallation(meter=meter, usage_point=point, valid_from=TODAY - FAR)
        )
        made.add(models.MeterReading(installation=installation, read_on=TODAY, index_value=1.0))
    for meter in meters:
        made.add(
            models.EndDeviceEvent(
                meter=meter, occurred_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC), kind="magnetic_field"
            )
        )
    invoices = [
        made.add(
            models.Invoice(
                usage_point=chance.choice(points),
                invoice_no=f"I{n}",
                period_start=TODAY - FAR,
                period_end=TODAY,
                consumption_kwh=1.0,
            )
        )
        for n in range(8)
    ]
    for n in range(6):
        payment = made.add(
            models.Payment(
                payment_no=f"Y{n}", usage_point=chance.choice([None, *points]), paid_on=TODAY, amount_rial=9
            )
        )
        for invoice in chance.sample(invoices, chance.randrange(3)):
            made.add(models.PaymentAllocation(payment=payment, invoice=invoice, amount_rial=1))
    rule = made.add(models.RuleVersion(rule_id="T02", version=1, content_hash="h", definition={}))
    subjects = [*points[:5], *made.rows[models.Customer][:5], *transformers]
    for n, subject in enumerate(subjects):
        kind = {
            models.UsagePoint: SubjectKind.USAGE_POINT,
            models.Customer: SubjectKind.CUSTOMER,
            models.DistributionTransformer: SubjectKind.TRANSFORMER,
        }[type(subject)]
        opened = made.add(
            models.Case(
                id=uuid.UUID(int=n + 1),
                family=RuleFamily.THEFT,
                subject_kind=kind,
                subject_key=f"K{n}",
                severity=Severity.LOW,
                confidence=0.5,
                energy_at_risk_kwh=0.0,
                money_at_risk_rial=0,
                priority=0.0,
                opened_on=TODAY,
                first_scan_run_id=scan.id,
                **{"usage_point": None, "customer": None, "transformer": None, kind.value: subject},
            )
        )
        made.add(
            models.Finding(
                id=uuid.UUID(int=n + 1),
                case=opened,
                rule=rule,
                severity=Severity.LOW,
                confidence=0.5,
                energy_at_risk_kwh=0.0,
                money_at_risk_rial=0,
                parameters={},
                evidence=[],
                sentence_fa="",
                sentence_en="",
                first_scan_run=scan,
            )
        )
    return made


class Plain:
    """The same rules over objects in memory."""

    def __init__(self, made: Company, districts: set[int] | None, sectors: set[Sector] | None) -> None:
        self.made = made
        self.districts = districts
        self.sectors = sectors

    def any_of(self, kind: type[Any], holds: Callable[[Any], bool]) -> bool:
        return any(holds(row) for row in self.made.rows.get(kind, ()))

    def in_districts(self, row: Any) -> bool:
        return self.districts is None or row.district_id in self.districts

    def in_sectors(self, row: Any) -> bool:
        return self.sectors is None or row.sector in self.sectors

    def district(self, row: Any) -> bool:
        return self.districts is None or row.id in self.districts

    distribution_transformer = in_districts

    def feeder(self, row: Any) -> bool:
        return self.districts is None or self.any_of(
            models.DistributionTransformer, lambda t: t.feeder is row and self.in_districts(t)
        )

    def exchange_point(self, row: Any) -> bool:
        return self.districts is None or self.any_of(
            models.Feeder, lambda f: f.exchange_point is row and self.feeder(f)
        )

    def usage_point(self, row: Any) -> bool:
        return self.in_districts(row) and (
            self.sectors is None
            or self.any_of(
                models.AgreementUsagePoint,
                lambda s: (
                    s.usage_point is row
                    and s.valid_from <= TODAY
                    and (s.valid_to is None or s.valid_to > TODAY)
                    and self.in_sectors(s.agreement.customer)
                ),
            )
        )

    def _at_point(self, row: Any) -> bool:
        return self.usage_point(row.usage_point)

    meter_installation = invoice = _at_point

    def agreement_usage_point(self, row: Any) -> bool:
        return self._at_point(row) and self.in_sectors(row.agreement.customer)

    def meter_reading(self, row: Any) -> bool:
        return self.usage_point(row.installation.usage_point)

    def meter(self, row: Any) -> bool:
        return (self.districts is None and self.sectors is None) or self.any_of(
            models.MeterInstallation, lambda i: i.meter is row and self.usage_point(i.usage_point)
        )

    def end_device_event(self, row: Any) -> bool:
        return self.meter(row.meter)

    def customer(self, row: Any) -> bool:
        return self.in_sectors(row) and (
            self.districts is None
            or self.any_of(
                models.AgreementUsagePoint,
                lambda s: s.agreement.customer is row and self.in_districts(s.usage_point),
            )
        )

    def supply_agreement(self, row: Any) -> bool:
        return self.customer(row.customer)

    def payment_allocation(self, row: Any) -> bool:
        return self.invoice(row.invoice)

    def payment(self, row: Any) -> bool:
        if self.districts is None and self.sectors is None:
            return True
        return (row.usage_point is not None and self.usage_point(row.usage_point)) or self.any_of(
            models.PaymentAllocation, lambda a: a.payment is row and self.invoice(a.invoice)
        )

    def case(self, row: Any) -> bool:
        if row.usage_point is not None:
            return self.usage_point(row.usage_point)
        if row.customer is not None:
            return self.customer(row.customer)
        return self.sectors is None and self.in_districts(row.transformer)

    def finding(self, row: Any) -> bool:
        return self.case(row.case)

    def scan_run(self, _row: Any) -> bool:
        return True


RULES: dict[type[Any], Any] = {
    models.District: row_scope.district,
    models.DistributionTransformer: row_scope.by_district,
    models.Feeder: row_scope.feeder,
    models.ExchangePoint: row_scope.exchange_point,
    models.UsagePoint: row_scope.usage_point,
    models.AgreementUsagePoint: row_scope.supply,
    models.MeterInstallation: row_scope.of_usage_point,
    models.MeterReading: row_scope.of_installation,
    models.Meter: row_scope.meter,
    models.EndDeviceEvent: row_scope.of_meter,
    models.Invoice: row_scope.of_usage_point,
    models.PaymentAllocation: row_scope.of_invoice,
    models.Payment: row_scope.payment,
    models.Customer: row_scope.customer,
    models.SupplyAgreement: row_scope.of_customer,
    models.Case: row_scope.case,
    models.Finding: row_scope.of_case,
    models.ScanRun: row_scope.everyone,
}
DISTRICTS: list[tuple[int, ...] | None] = [None, (), (0,), (1, 2)]
SECTORS: list[set[Sector] | None] = [None, set(), {Sector.GOVERNMENT}, {Sector.PRIVATE}]


def bound(districts: set[int] | None, sectors: set[Sector] | None) -> ScopeValues:
    return ScopeValues(
        None if districts is None else bindparam(None, sorted(districts), ARRAY(BigInteger), unique=True),
        None if sectors is None else bindparam(None, sorted(sectors), ARRAY(Text), unique=True),
    )


@pytest.mark.parametrize("seed", range(4))
async def test_rows_in_scope_are_those_of_a_plain_computation(sessions: Sessions, seed: int) -> None:
    async with sessions.write() as session:
        scan = models.ScanRun(as_of=TODAY, lake_generation="g", catalogue_hash="c")
        session.add(scan)
        await session.flush()
        made = company(random.Random(seed), scan)
        session.add_all([row for rows in made.rows.values() for row in rows])
        await session.flush()
    codes = [row.id for row in made.rows[models.District]]
    restricted = 0
    async with sessions.read() as session:
        for chosen, sectors in itertools.product(DISTRICTS, SECTORS):
            districts = None if chosen is None else {codes[place] for place in chosen}
            scope, plain = bound(districts, sectors), Plain(made, districts, sectors)
            for model, rule in RULES.items():
                table = model.__table__.alias()
                condition = rule(table.c, scope)
                statement = select(table.c.id) if condition is None else select(table.c.id).where(condition)
                found = {str(id_) for id_ in await session.scalars(statement)}
                rows = made.rows[model]
                expected = {str(row.id) for row in rows if getattr(plain, model.__tablename__)(row)}
                assert found == expected, (model.__name__, chosen, sectors)
                restricted += 0 < len(found) < len(rows)
    # Else nothing was told apart.
    assert restricted > 60


@pytest.mark.parametrize(("model", "rule"), RULES.items())
def test_who_sees_everything_leaves_no_trace_in_the_statement(model: type[Any], rule: Any) -> None:
    assert rule(model.__table__.c, row_scope.UNRESTRICTED) is None


@pytest.mark.parametrize("scope", [bound(set(), None), bound(None, set()), bound({1}, {Sector.PRIVATE})])
async def test_rows_that_cannot_be_told_apart_are_for_those_who_see_everything(
    sessions: Sessions, scope: ScopeValues
) -> None:
    table = models.QuarantinedRow.__table__
    condition = row_scope.unrestricted_only(table.c, scope)
    assert condition is not None
    async with sessions.read() as session:
        assert await session.scalar(select(condition)) is False
    assert row_scope.unrestricted_only(table.c, row_scope.UNRESTRICTED) is None
