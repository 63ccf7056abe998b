"""A small company to ask about, and a client that asks."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import itertools
import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import sqlalchemy.exc
from sqlalchemy import event, literal_column, select, text

from tarazu import models
from tarazu.app import create_app
from tarazu.database import ReadPool, Sessions, create_engine
from tarazu.database.faults import classify
from tarazu.errors import OperationalError
from tarazu.models.enums import (
    LIVE_CASE_STATES,
    CaseState,
    CustomerKind,
    EndDeviceEventKind,
    InspectionOutcome,
    RuleFamily,
    RunState,
    Sector,
    Severity,
    SubjectKind,
    TariffClass,
    UsagePointStatusKind,
)
from tarazu.security.authentication import Authenticator
from tarazu.security.bearer import BearerKind, new_bearer
from tarazu.security.permissions import Role
from tarazu.security.principals import local_operator
from tarazu.security.tokens import create_token
from tarazu.settings import Settings

AS_OF = dt.date(2025, 6, 1)
# Of nobody: valid check digits, values no other field of the world has.
NATIONAL_ID = "7731689951"
LEGAL_ENTITY_ID_OF_A_PERSON = "14007650912"
MOBILE = "+989387716534"
BILL_ID = "7748317142054"
RULE_DEFINITION = {
    "title": {"en": "Drop", "fa": "افت"},
    "family": "theft",
    "severity": "high",
    "parameters": {"drop_percent": {"default": 50, "unit": "%"}},
}
SECRETS = (NATIONAL_ID, LEGAL_ENTITY_ID_OF_A_PERSON, MOBILE, MOBILE[3:], BILL_ID)


@dataclass
class World:
    """Everything that was put into the database, by kind."""

    as_of: dt.date = AS_OF
    secrets: tuple[str, ...] = SECRETS
    rule_definition: dict[str, Any] = field(default_factory=lambda: RULE_DEFINITION)
    """Of the rule T02 in its only version; C01 in version 3 has an empty one."""
    districts: list[models.District] = field(default_factory=list)
    transformers: list[models.DistributionTransformer] = field(default_factory=list)
    customers: list[models.Customer] = field(default_factory=list)
    agreements: list[models.SupplyAgreement] = field(default_factory=list)
    usage_points: list[models.UsagePoint] = field(default_factory=list)
    terms: list[models.UsagePointTerm] = field(default_factory=list)
    invoices: list[models.Invoice] = field(default_factory=list)
    payments: list[models.Payment] = field(default_factory=list)
    allocations: list[models.PaymentAllocation] = field(default_factory=list)
    cases: list[models.Case] = field(default_factory=list)
    findings: list[models.Finding] = field(default_factory=list)
    others: list[models.Base] = field(default_factory=list)


def _network(chance: random.Random, world: World) -> list[models.Base]:
    point = models.ExchangePoint(code="X1", name="پست ۶۳ کیلوولت")
    feeders = [models.Feeder(code=f"F{n}", name=None, exchange_point=point) for n in range(2)]
    world.districts = [models.District(code=f"D{n}", name=f"امور {n}") for n in range(3)]
    world.transformers = [
        models.DistributionTransformer(
            code=f"T{n}", feeder=feeders[n % 2], district=world.districts[n % 3], rated_power_kva=250.0
        )
        for n in range(4)
    ]
    energies = [
        models.TransformerEnergy(
            transformer=transformer,
            period_start=dt.date(2025, month, 1),
            period_end=dt.date(2025, month + 1, 1),
            delivered_kwh=chance.uniform(1e4, 1e5),
        )
        for transformer in world.transformers
        for month in (1, 2, 3)
    ]
    return [point, *feeders, *world.districts, *world.transformers, *energies]


def _customers(chance: random.Random, world: World, count: int) -> list[models.Base]:
    names = ("علی رضایی", "زهرا کریمی", "شهرداری قم", "حسین محمدی", "Alpha Co")
    for n in range(count):
        name = names[n % len(names)]
        world.customers.append(
            models.Customer(
                customer_no=f"C{n:05d}",
                kind=CustomerKind.LEGAL_ENTITY if n % 5 == 2 else CustomerKind.PERSON,
                sector=Sector.GOVERNMENT if n % 5 == 2 else Sector.PRIVATE,
                name=f"{name} {n}",
                name_search_key=f"{name} {n}".casefold(),
                national_id=NATIONAL_ID if n == 0 else None,
                legal_entity_id="10380284790"
                if n % 5 == 2
                else LEGAL_ENTITY_ID_OF_A_PERSON
                if n == 0
                else None,
                mobile=MOBILE if n == 0 else None,
            )
        )
        world.agreements.append(
            models.SupplyAgreement(
                agreement_no=f"A{n:05d}", customer=world.customers[n], signed_on=dt.date(2020, 1, 1)
            )
        )
    return [*world.customers, *world.agreements]


def _points(chance: random.Random, world: World) -> list[models.Base]:
    rows: list[models.Base] = []
    for n, agreement in enumerate(world.agreements):
        for k in range(1 + (n % 7 == 2)):
            point = models.UsagePoint(
                subscription_no=f"S{n:05d}{k}",
                bill_id=BILL_ID if n == 0 else None,
                district=chance.choice(world.districts),
                transformer=chance.choice([*world.transformers, None]),
                phase_count=1,
                address="قم، خیابان صفا",
                latitude=34.64,
                longitude=50.88,
            )
            world.usage_points.append(point)
            # Some points changed hands at the start of 2025; the customer before is the world's first.
            moved = n % 4 == 1
            starts = dt.date(2025, 1, 1) if moved else dt.date(2020, 1, 1)
            rows.append(models.AgreementUsagePoint(agreement=agreement, usage_point=point, valid_from=starts))
            if moved:
                rows.append(
                    models.AgreementUsagePoint(
                        agreement=world.agreements[0],
                        usage_point=point,
                        valid_from=dt.date(2020, 1, 1),
                        valid_to=starts,
                    )
                )
            first, then = chance.choice(list(TariffClass)), chance.choice(list(TariffClass))
            changed = dt.date(2025, 2, 15)
            world.terms += [
                models.UsagePointTerm(
                    usage_point=point,
                    tariff_class=first,
                    contracted_power_kw=chance.choice([15.0, 30.0, 100.0]),
                    valid_from=dt.date(2020, 1, 1),
                    valid_to=changed,
                ),
                models.UsagePointTerm(usage_point=point, tariff_class=then, valid_from=changed),
            ]
            if n % 3 == 0:
                # Nothing in the database forbids that periods overlap.
                world.terms.append(
                    models.UsagePointTerm(
                        usage_point=point,
                        tariff_class=TariffClass.PUBLIC,
                        valid_from=dt.date(2024, 6, 1),
                        valid_to=dt.date(2025, 3, 20),
                    )
                )
            rows.append(
                models.UsagePointStatus(
                    usage_point=point, kind=UsagePointStatusKind.SEASONAL, valid_from=dt.date(2024, 1, 1)
                )
            )
            meter = models.Meter(serial_no=f"M{n:05d}{k}", register_digits=6, model="X100")
            installation = models.MeterInstallation(
                usage_point=point, meter=meter, valid_from=dt.date(2020, 1, 1)
            )
            rows += [meter, installation]
            rows.append(
                models.MeterMultiplier(
                    installation=installation, multiplier=1.0, valid_from=dt.date(2020, 1, 1)
                )
            )
            rows += [
                models.MeterReading(
                    installation=installation, read_on=dt.date(2025, month, 1), index_value=100.0 * month
                )
                for month in range(1, 5)
            ]
            rows.append(
                models.EndDeviceEvent(
                    meter=meter,
                    occurred_at=dt.datetime(2025, 3, 1, 4, tzinfo=dt.UTC),
                    kind=EndDeviceEventKind.MAGNETIC_FIELD,
                )
            )
    return [*world.usage_points, *world.terms, *rows]


def _bills(chance: random.Random, world: World) -> list[models.Base]:
    lines: list[models.Base] = []
    numbers = itertools.count(1)
    for point, month in itertools.product(world.usage_points, range(1, 6)):
        start, end = dt.date(2024 if month == 1 else 2025, (month - 2) % 12 + 1, 1), dt.date(2025, month, 1)
        invoice = models.Invoice(
            usage_point=point,
            invoice_no=f"I{month}",
            bill_id=point.bill_id,
            payment_id="1234560",
            period_start=start,
            period_end=end,
            issued_on=chance.choice([None, end + dt.timedelta(3)]),
            due_on=chance.choice(
                [None, end + dt.timedelta(14), dt.date(2023, 1, 1), AS_OF, AS_OF - dt.timedelta(30)]
            ),
            previous_index=0.0,
            current_index=1.0,
            consumption_kwh=chance.choice([0.0, 120.5, 300.0]),
            payable_rial=chance.choice([None, 0, 1_000, 250_000, 250_000, 9_000_000_000]),
        )
        if chance.random() < 0.3:
            invoice.agreement = chance.choice(world.agreements)
        world.invoices.append(invoice)
        lines.append(models.InvoiceLine(invoice=invoice, line_code="energy_charge", amount_rial=1_000))
        if invoice.payable_rial and chance.random() < 0.6:
            paid_on = chance.choice([end + dt.timedelta(7), AS_OF, AS_OF + dt.timedelta(1)])
            amount = chance.choice([invoice.payable_rial, 400, invoice.payable_rial + 5])
            payment = models.Payment(
                payment_no=f"P{next(numbers)}", usage_point=point, paid_on=paid_on, amount_rial=amount
            )
            world.payments.append(payment)
            world.allocations.append(
                models.PaymentAllocation(payment=payment, invoice=invoice, amount_rial=amount)
            )
    return [*world.invoices, *lines, *world.payments, *world.allocations]


def _cases(chance: random.Random, world: World, scan: models.ScanRun) -> list[models.Base]:
    rule = models.RuleVersion(
        rule_id="T02",
        version=1,
        content_hash="h",
        definition=RULE_DEFINITION,
    )
    other = models.RuleVersion(rule_id="C01", version=3, content_hash="i", definition={})
    rows: list[models.Base] = [rule, other]
    for n, point in enumerate(world.usage_points):
        state = chance.choice([state for state in CaseState if state is not CaseState.MERGED])
        about_customer = n % 6 == 5
        case = models.Case(
            id=uuid.UUID(int=chance.getrandbits(128)),
            family=chance.choice(list(RuleFamily)),
            subject_kind=SubjectKind.CUSTOMER if about_customer else SubjectKind.USAGE_POINT,
            subject_key=f"K{n}",
            usage_point=None if about_customer else point,
            customer=world.customers[n % len(world.customers)] if about_customer else None,
            district=None if about_customer else point.district,
            state=state,
            severity=chance.choice(list(Severity)),
            confidence=chance.choice([0.25, 0.5, 1.0]),
            energy_at_risk_kwh=chance.choice([0.0, 10.5]),
            money_at_risk_rial=chance.choice([0, 1_000_000, 5_000_000_000]),
            # Ties on purpose.
            priority=float(n % 3),
            opened_on=dt.date(2025, chance.choice([4, 5]), 1),
            closed_at=None if state in LIVE_CASE_STATES else dt.datetime(2025, 5, 2, tzinfo=dt.UTC),
            assignee=chance.choice([None, "رضا", "sara"]),
            first_scan_run_id=scan.id,
        )
        world.cases.append(case)
        world.findings += [
            models.Finding(
                id=uuid.UUID(int=chance.getrandbits(128)),
                case=case,
                rule=chosen,
                severity=case.severity,
                confidence=case.confidence,
                energy_at_risk_kwh=0.0,
                money_at_risk_rial=chance.choice([0, 7]),
                evidence_from=dt.date(2025, 1, 1),
                evidence_to=dt.date(2025, 3, 31),
                parameters={"drop_percent": 50},
                evidence=[
                    {"signal": "sustained_drop", "field": "percent", "value": 61.5, "unit": "%"},
                    {"signal": "sustained_drop", "field": "since", "value": "2025-01-01", "unit": ""},
                    {"signal": "tamper", "field": "near", "value": True, "unit": None},
                ],
                sentence_fa="افت مصرف",
                sentence_en=f"Use fell at {n}.",
                first_scan_run_id=scan.id,
            )
            for chosen in ([rule, other] if n % 2 else [rule])
        ]
        if not about_customer and n % 4 == 0:
            rows.append(
                models.Inspection(
                    inspection_no=f"N{n}", usage_point=point, case=case, outcome=InspectionOutcome.THEFT
                )
            )
    return [*rows, *world.cases, *world.findings]


async def _populate(sessions: Sessions, customers: int, seed: int) -> World:
    chance = random.Random(seed)
    world = World()
    async with sessions.write() as session:
        imported = models.ImportRun(
            mapping="billing_fa", sources=["a.csv"], state=RunState.SUCCEEDED, summary={}
        )
        scan = models.ScanRun(
            as_of=AS_OF,
            lake_generation="g",
            catalogue_hash="c",
            state=RunState.RUNNING,
            summary={"findings": 1},
        )
        refused = [
            models.QuarantinedRow(
                fingerprint=uuid.UUID(int=n),
                import_run=imported,
                mapping="billing_fa",
                file="a.csv",
                row_number=2**33 + n,
                entity="customer",
                column="national_id",
                reason="check_digit",
                value=NATIONAL_ID,
                raw={"کد ملی": NATIONAL_ID, "موبایل": MOBILE},
            )
            for n in range(5)
        ]
        session.add_all([imported, scan, *refused])
        await session.flush()
        session.add_all(_network(chance, world))
        session.add_all(_customers(chance, world, customers))
        session.add_all(_points(chance, world))
        session.add_all(_bills(chance, world))
        await session.flush()
        session.add_all(_cases(chance, world, scan))
        await session.flush()
        for case in world.cases:
            await session.refresh(case)
        world.others = [imported, scan, *refused]
    return world


@pytest.fixture(scope="session")
async def company(
    database_server: Any, template_database: str, settings_for: Callable[..., Settings]
) -> AsyncIterator[Settings]:
    """Settings of the database of `world`. Tests only read it, so all share one."""
    name = f"world_{uuid.uuid4().hex}"
    server = create_engine(settings_for("postgres", database_url=database_server.uri()))
    async with server.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template_database}"))
        yield settings_for(name)
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await server.dispose()


@pytest.fixture(scope="session")
async def world(company: Settings) -> World:
    """A company of 30 customers, the same in every run."""
    engine = create_engine(company)
    world = await _populate(Sessions(engine), customers=30, seed=7)
    await engine.dispose()
    return world


async def make_token(
    settings: Settings, role: Role, districts: Sequence[str] | None, sectors: Sequence[Sector] | None
) -> str:
    """A token in the settings' database; where that is away, one that nobody knows."""
    engine = create_engine(settings)
    try:
        async with Sessions(engine).write() as session:
            issued = await create_token(
                session,
                local_operator(),
                name=f"test {role.value}",
                role=role,
                districts=districts,
                sectors=sectors,
                lifetime=dt.timedelta(hours=1),
            )
    except Exception as error:
        if classify(error) is None:
            raise
        return new_bearer(BearerKind.APPLICATION).text
    finally:
        await engine.dispose()
    return issued.bearer.text


@dataclass
class Api:
    """Asks the application as a client would, without a network."""

    http: httpx.AsyncClient
    sessions: Sessions
    reads: ReadPool
    authenticator: Authenticator
    settings: Settings
    token: str

    async def as_(
        self, role: Role, *, districts: Sequence[str] | None = None, sectors: Sequence[Sector] | None = None
    ) -> Api:
        """The same API, asked with a token of another role and scope (district codes; None: all)."""
        token = await make_token(self.settings, role, districts, sectors)
        # Known to the API from here on, so that tests that count statements see their own only.
        # Where the database is away, the test is about that.
        with contextlib.suppress(OperationalError, OSError, sqlalchemy.exc.SQLAlchemyError):
            await self.authenticator.authenticate(f"Bearer {token}")
        return dataclasses.replace(self, token=token)

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        return await self.http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {self.token}"},
        )

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        response = await self.post(query, **variables)
        body = response.json()
        assert "errors" not in body, body["errors"]
        assert response.status_code == 200
        return body["data"]

    async def fail(self, query: str, **variables: Any) -> str:
        """The code of the one error of an answer."""
        body = (await self.post(query, **variables)).json()
        (error,) = body["errors"]
        return error["extensions"]["code"]

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The SQL statements that the API sends inside, compiled ones and those of resolvers, which ask for their time first."""
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if not statement.startswith("SET LOCAL statement_timeout"):
                statements.append(statement)

        fetch_text = self.reads.fetch_text

        async def noting(statement: str, *given: Any, **more: Any) -> Any:
            statements.append(statement)
            return await fetch_text(statement, *given, **more)

        engine = self.sessions.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        self.reads.fetch_text = noting  # type: ignore[method-assign]  # for the time of the test
        try:
            yield statements
        finally:
            self.reads.fetch_text = fetch_text  # type: ignore[method-assign]
            event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="session")
def api_of() -> Callable[[Settings], AbstractAsyncContextManager[Api]]:
    """An API on the database of any settings."""

    @asynccontextmanager
    async def start(settings: Settings) -> AsyncIterator[Api]:
        # The longest there is: a test is over before a principal is looked up again. And most tests are about what is
        # refused and why, not about how often.
        often = (
            {"api_refusals_per_minute": 100_000}
            if "api_refusals_per_minute" not in settings.model_fields_set
            else {}
        )
        settings = settings.model_copy(update={"principal_cache_seconds": 60.0, **often})
        app = create_app(settings)
        async with app.router.lifespan_context(app) as state:

            async def with_state(scope: Any, receive: Any, send: Any) -> None:
                # httpx's transport runs no lifespan, so it cannot hand over what that made.
                scope["state"] = dict(state)
                await app(scope, receive, send)

            transport = httpx.ASGITransport(with_state)
            async with httpx.AsyncClient(transport=transport, base_url="http://tarazu") as http:
                stranger = Api(
                    http, state["sessions"], state["reads"], state["authenticator"], settings, token=""
                )
                analyst = await stranger.as_(Role.ANALYST)
                http.headers["authorization"] = f"Bearer {analyst.token}"
                yield analyst

    return start


@pytest.fixture
async def api(company: Settings, world: World, api_of: Any) -> AsyncIterator[Api]:
    """The API on the world's database."""
    async with api_of(company) as started:
        yield started


@pytest.fixture(params=["statements", "resolvers"])
async def api_both(
    request: pytest.FixtureRequest, company: Settings, world: World, api_of: Any
) -> AsyncIterator[Api]:
    """The API, answering reads by compiled statements, and by resolvers."""
    compiles = request.param == "statements"
    async with api_of(company.model_copy(update={"api_compiler": compiles})) as started:
        yield started


@pytest.fixture
def summary_is(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes `caseSummary` count by an SQL expression of the test's own."""

    def put(expression: str) -> None:
        statement = select(literal_column(expression).label("case_count"))
        monkeypatch.setattr("graphql_api.cases.readers.case_summary_statement", lambda *_, **__: statement)

    return put


@pytest.fixture
def walk(api: Api) -> Callable[..., Any]:
    """Reads a list to its end, page by page: the nodes, and how many pages it took."""

    async def run(root: str, selection: str, arguments: str = "", first: int = 4) -> tuple[list[Any], int]:
        nodes: list[Any] = []
        after = None
        for pages in range(1, 1_000):  # a list that never ends would be a fault of the cursors
            given = ", ".join(
                filter(None, [arguments, f"first: {first}", f'after: "{after}"' if after else ""])
            )
            answer = await api.ask(
                f"{{ {root}({given}) {{ edges {{ cursor node {{ {selection} }} }} "
                "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
            )
            page = answer[root]
            nodes += [edge["node"] for edge in page["edges"]]
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            if page["edges"]:
                assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
                assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return nodes, pages
            after = page["pageInfo"]["endCursor"]
        raise AssertionError("the list does not end")

    return run
