"""One small company in zones: what is added beyond the first zone must not change what somebody of that zone sees.

The zone `own` is of the district D-own and the private sector, `abroad` of another district, `state` of another sector. Each
has a row of every kind, and rows of the zones hang together wherever the database lets them. All texts of a zone begin with
its name, those of the others with CANARY besides.
"""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from tarazu import models
from tarazu.database import Sessions, create_engine
from tarazu.models import enums
from tarazu.settings import Settings

DAY = dt.date(2025, 3, 1)
ZONES = ("own", "abroad", "state")
CANARY = "CANARY"


def named(zone: str) -> str:
    return zone if zone == "own" else f"{CANARY}-{zone}"


@dataclass
class Zone:
    """The rows of a zone, by kind."""

    name: str
    rows: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, kind: str) -> Any:
        return self.rows[kind]


def _digits(zone: str, count: int) -> str:
    """A number of nobody, in no other zone."""
    return str(ZONES.index(zone) + 7) * count


def _network(zone: Zone, shared: Zone | None) -> list[models.Base]:
    name = named(zone.name)
    # A feeder crosses districts; a transformer supplies customers of all sectors.
    exchange = shared.exchange if shared else models.ExchangePoint(code="X", name="پست")
    feeder = shared.feeder if shared else models.Feeder(code="F", name="own feeder", exchange_point=exchange)
    if zone.name == "state":
        assert shared is not None
        district, transformer, energies = shared.district, shared.transformer, []
    else:
        district = models.District(code=f"D-{name}", name=f"{name} district")
        transformer = models.DistributionTransformer(
            code=f"T-{name}",
            name=f"{name} transformer",
            feeder=feeder,
            district=district,
            rated_power_kva=250.0,
        )
        energies = [
            models.TransformerEnergy(
                transformer=transformer,
                period_start=dt.date(2025, month, 1),
                period_end=dt.date(2025, month + 1, 1),
                delivered_kwh=5_000.0 + len(name),
            )
            for month in (1, 2, 3)
        ]
    zone.rows |= {"exchange": exchange, "feeder": feeder, "district": district, "transformer": transformer}
    return [exchange, feeder, district, transformer, *energies]


def _supply(zone: Zone, _shared: Zone | None) -> list[models.Base]:
    name = named(zone.name)
    customer = models.Customer(
        customer_no=f"C-{name}",
        kind=enums.CustomerKind.PERSON,
        sector=enums.Sector.GOVERNMENT if zone.name == "state" else enums.Sector.PRIVATE,
        name=f"{name} رضایی",
        name_search_key=f"{name} رضایی".casefold(),
        national_id=_digits(zone.name, 10),
        legal_entity_id=_digits(zone.name, 11),
        mobile=f"+989{_digits(zone.name, 9)}",
    )
    agreement = models.SupplyAgreement(agreement_no=f"A-{name}", customer=customer, signed_on=DAY)
    point = models.UsagePoint(
        subscription_no=f"S-{name}",
        bill_id=_digits(zone.name, 13),
        district=zone.district,
        transformer=zone.transformer,
        address=f"{name} street",
        latitude=34.0 + ZONES.index(zone.name),
        longitude=50.0 + ZONES.index(zone.name),
    )
    since = dt.date(2020, 1, 1)
    supply = models.AgreementUsagePoint(agreement=agreement, usage_point=point, valid_from=since)
    term = models.UsagePointTerm(
        usage_point=point, tariff_class=enums.TariffClass.PUBLIC, contracted_power_kw=30.0, valid_from=since
    )
    status = models.UsagePointStatus(
        usage_point=point, kind=enums.UsagePointStatusKind.SEASONAL, valid_from=since
    )
    meter = models.Meter(serial_no=f"M-{name}", register_digits=6, model=f"{name} model")
    installation = models.MeterInstallation(usage_point=point, meter=meter, valid_from=since)
    multiplier = models.MeterMultiplier(installation=installation, multiplier=1.0, valid_from=since)
    reading = models.MeterReading(
        installation=installation, read_on=DAY, index_value=100.0, reader_note_code=name
    )
    event = models.EndDeviceEvent(
        meter=meter,
        occurred_at=dt.datetime(2025, 3, 1, 4, tzinfo=dt.UTC),
        kind=enums.EndDeviceEventKind.MAGNETIC_FIELD,
        raw_code=name,
    )
    zone.rows |= {
        "customer": customer,
        "agreement": agreement,
        "point": point,
        "meter": meter,
        "installation": installation,
        "reading": reading,
        "event": event,
    }
    return [customer, agreement, point, supply, term, status, meter, installation, multiplier, reading, event]


def _bills(zone: Zone, _shared: Zone | None) -> list[models.Base]:
    name = named(zone.name)
    rows: list[models.Base] = []
    for month in (1, 2):
        invoice = models.Invoice(
            usage_point=zone.point,
            agreement=zone.agreement,
            invoice_no=f"I-{name}-{month}",
            bill_id=_digits(zone.name, 13),
            payment_id="1234560",
            period_start=dt.date(2025, month, 1),
            period_end=dt.date(2025, month + 1, 1),
            issued_on=dt.date(2025, month + 1, 3),
            due_on=dt.date(2025, month + 1, 20),
            consumption_kwh=300.0,
            payable_rial=1_000_000,
        )
        rows += [
            invoice,
            models.InvoiceLine(invoice=invoice, line_code=f"{name}_energy", amount_rial=1_000_000),
        ]
    payment = models.Payment(
        payment_no=f"P-{name}", usage_point=zone.point, paid_on=DAY, amount_rial=900_000, channel=name
    )
    rows += [payment, models.PaymentAllocation(payment=payment, invoice=invoice, amount_rial=300_000)]
    zone.rows |= {"invoice": invoice, "payment": payment}
    return rows


def _case(zone: Zone, number: int, **others: Any) -> models.Case:
    name = named(zone.name)
    return models.Case(
        id=uuid.UUID(int=1_000 * (ZONES.index(zone.name) + 1) + number),
        **{
            "family": enums.RuleFamily.THEFT,
            "subject_kind": enums.SubjectKind.USAGE_POINT,
            "subject_key": f"S-{name}",
            "usage_point": zone.point,
            "district": zone.district,
            "severity": enums.Severity.HIGH,
            "confidence": 0.5,
            "energy_at_risk_kwh": 10.0,
            "money_at_risk_rial": 5_000_000,
            "priority": 2_500_000.0,
            "opened_on": DAY,
            "assignee": f"{name} assignee",
            "first_scan_run_id": zone.scan.id,
            **others,
        },
    )


def _work(zone: Zone, _shared: Zone | None) -> list[models.Base]:
    name = named(zone.name)
    about_customer = {
        "subject_kind": enums.SubjectKind.CUSTOMER,
        "subject_key": f"C-{name}",
        "usage_point": None,
        "district": None,
        "customer": zone.customer,
    }
    cases = [
        _case(zone, 0),
        _case(zone, 1, family=enums.RuleFamily.BILLING),
        _case(zone, 2, **about_customer),
    ]
    rows: list[models.Base] = list(cases)
    for number, case in enumerate(cases):
        rows.append(
            models.Finding(
                id=uuid.UUID(int=100_000 * (ZONES.index(zone.name) + 1) + number),
                case=case,
                rule=zone.rule,
                severity=case.severity,
                confidence=0.5,
                energy_at_risk_kwh=10.0,
                money_at_risk_rial=5_000_000,
                invoice=zone.invoice if number == 1 else None,
                parameters={},
                evidence=[{"signal": "drop", "field": "percent", "value": f"{name}", "unit": "%"}],
                sentence_fa=f"{name} افت",
                sentence_en=f"{name} fell.",
                first_scan_run_id=zone.scan.id,
            )
        )
    case = cases[0]
    inspection = models.Inspection(inspection_no=f"N-{name}", usage_point=zone.point, case=case, note=name)
    rows += [
        models.CaseComment(
            case=case, principal_id="x", principal_name=f"{name} author", text=f"{name} words"
        ),
        models.CaseLink(
            case=case,
            other_case=cases[1],
            kind=enums.CaseLinkKind.SAME_LOSS,
            principal_id="x",
            principal_name=name,
        ),
        models.CaseLink(
            case=cases[1],
            other_case=case,
            kind=enums.CaseLinkKind.SAME_LOSS,
            principal_id="x",
            principal_name=name,
        ),
        inspection,
        models.InspectionMeasurement(
            inspection=inspection, quantity=enums.MeasuredQuantity.POWER_FACTOR, phase=0, value=0.5
        ),
        models.InspectionSeal(inspection=inspection, seal_no=f"{name} seal"),
    ]
    tip_off = models.TipOff(
        id=uuid.UUID(int=ZONES.index(zone.name) + 1),
        received_on=DAY,
        usage_point=zone.point,
        text=f"{name} hook",
        channel=enums.TipOffChannel.LETTER,
        created_by=name,
    )
    zone.rows |= {
        "case": case,
        "other_case": cases[1],
        "inspection": inspection,
        "finding": rows[3],
        "tip_off": tip_off,
    }
    return [*rows, tip_off]


def _between(own: Zone, zone: Zone) -> list[models.Base]:
    """Whatever the database lets rows of two zones have in common; of the own zone nothing changes."""
    name = named(zone.name)
    before = (dt.date(2015 + ZONES.index(zone.name), 1, 1), dt.date(2018, 1, 1))
    merged = _case(
        zone,
        10,
        family=enums.RuleFamily.READING,
        state=enums.CaseState.MERGED,
        merged_into=own.case,
        closed_at=dt.datetime(2025, 3, 2, tzinfo=dt.UTC),
    )
    link = {"kind": enums.CaseLinkKind.SAME_LOSS, "principal_id": "x", "principal_name": name}
    hung = models.MeterInstallation(
        usage_point=zone.point, meter=own.meter, valid_from=before[0], valid_to=before[1]
    )
    rows: list[models.Base] = [
        merged,
        models.CaseLink(case=own.case, other_case=zone.case, **link),
        models.CaseLink(case=zone.case, other_case=own.case, **link),
        models.PaymentAllocation(payment=own.payment, invoice=zone.invoice, amount_rial=200_000),
        hung,
        models.MeterReading(
            installation=hung, read_on=dt.date(2016, 1, 1), index_value=7.0, reader_note_code=name
        ),
        # Nobody's point.
        models.TipOff(
            id=uuid.UUID(int=50 + ZONES.index(zone.name)),
            received_on=DAY,
            text=f"{name} nowhere",
            channel=enums.TipOffChannel.WEB,
            created_by=name,
        ),
    ]
    # A customer is of every district that a point of theirs is or was in, and of one sector: so the own customer had a
    # point abroad, and somebody of another sector had the own point.
    agreement, point = (own.agreement, zone.point) if zone.name == "abroad" else (zone.agreement, own.point)
    rows.append(
        models.AgreementUsagePoint(
            agreement=agreement, usage_point=point, valid_from=before[0], valid_to=before[1]
        )
    )
    return rows


async def populate(settings: Settings, zones: tuple[str, ...]) -> dict[str, Zone]:
    """The zones in their order, so that what the first has looks the same whichever follow."""
    engine = create_engine(settings)
    try:
        return await _populate(Sessions(engine), zones)
    finally:
        await engine.dispose()


async def _populate(sessions: Sessions, zones: tuple[str, ...]) -> dict[str, Zone]:
    made: dict[str, Zone] = {}
    async with sessions.write() as session:
        scan = models.ScanRun(as_of=DAY, lake_generation="g", catalogue_hash="c")
        imported = models.ImportRun(
            mapping="m", sources=["a.csv"], state=enums.RunState.SUCCEEDED, summary={}
        )
        rule = models.RuleVersion(rule_id="T02", version=1, content_hash="h", definition={})
        refused = models.QuarantinedRow(
            fingerprint=uuid.UUID(int=1),
            import_run=imported,
            mapping="m",
            file=f"{CANARY}.csv",
            row_number=1,
            entity="customer",
            column="national_id",
            reason="check_digit",
            raw={},
        )
        session.add_all([scan, imported, rule, refused])
        await session.flush()
        for name in zones:
            zone = made[name] = Zone(
                name, {"scan": scan, "rule": rule, "refused": refused, "import": imported}
            )
            own = made["own"] if name != "own" else None
            for rows_of in (_network, _supply, _bills, _work):
                session.add_all(rows_of(zone, own))
                await session.flush()
            await session.refresh(zone.case)
            if own is not None:
                session.add_all(_between(own, zone))
                await session.flush()
        # The moments of making are none of a scope's.
        for table in ("case", "finding", "case_comment", "case_link", "usage_point", "customer", "scan_run"):
            columns = {"case": ("created_at", "updated_at"), "scan_run": ("started_at",)}.get(
                table, ("created_at",)
            )
            for column in columns:
                await session.execute(text(f"UPDATE \"{table}\" SET {column} = '2025-03-01'"))
        await session.execute(text("UPDATE import_run SET started_at = '2025-03-01'"))
        await session.execute(text("UPDATE rule_version SET created_at = '2025-03-01'"))
    return made


@pytest.fixture(scope="session")
async def company_of(
    database_server: Any, template_database: str, settings_for: Callable[..., Settings]
) -> AsyncIterator[Callable[..., Any]]:
    """Makes the database of some zones, once for a use: its settings and zones. Who writes names a use of its own."""
    server = create_engine(settings_for("postgres", database_url=database_server.uri()))
    made: dict[tuple[str, ...], tuple[Settings, dict[str, Zone]]] = {}
    numbers = itertools.count()
    async with server.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")

        async def make(*zones: str, use: str = "reads") -> tuple[Settings, dict[str, Zone]]:
            if (use, *zones) not in made:
                name = f"zones_{next(numbers)}_{uuid.uuid4().hex}"
                await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template_database}"))
                settings = settings_for(name)
                made[use, *zones] = settings, await populate(settings, zones)
            return made[use, *zones]

        yield make
        for settings, _ in made.values():
            database = settings.database_url.get_secret_value().rpartition("/")[2].partition("?")[0]
            await connection.execute(text(f"DROP DATABASE {database} WITH (FORCE)"))
    await server.dispose()
