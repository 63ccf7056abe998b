"""What all tests share: one embedded PostgreSQL for the run, and a fresh migrated database for each test.

The server starts when the first test asks for it, and stops with the run; the processes of pytest-xdist share it.
"""

from __future__ import annotations

import fcntl
import importlib.resources
import importlib.util
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import ClassVar

import adbc_driver_postgresql.dbapi as adbc
import psutil
import pytest
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from tarazu import models
from tarazu.database import EmbeddedServer, Sessions, create_engine
from tarazu.models.enums import RuleFamily, Sector, Severity, SubjectKind
from tarazu.security.permissions import Permission, Role
from tarazu.security.principal import EVERYTHING, Principal, PrincipalKind, RowScope
from tarazu.settings import PREFIX, Settings

# Workers of pytest-xdist inherit it from the process that made the folder.
RUN_DIRECTORY_VARIABLE = "PYTEST_RUN_DIRECTORY"
RUN_DIRECTORY_PREFIX = "tarazu-tests-"
TEMPLATE = "tarazu_template"


def fastest_place() -> Path:
    """In memory where that is large enough: copying the template takes 0.06 s there and 0.4 s on a disk."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30:
        return memory
    return Path(tempfile.gettempdir())


def embedded_settings(directory: Path) -> Settings:
    return Settings(home=directory / "home", embedded_directory=directory / "postgres")


def remove_run_directory(directory: Path) -> None:
    if (directory / "postgres").exists():
        EmbeddedServer(embedded_settings(directory)).stop()
    shutil.rmtree(directory)


def pytest_configure(config: pytest.Config) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]  # the settings of whoever runs the tests are no part of them
    if hasattr(config, "workerinput"):
        return
    for left_behind in fastest_place().glob(f"{RUN_DIRECTORY_PREFIX}*"):
        owner = left_behind.name.removeprefix(RUN_DIRECTORY_PREFIX).partition("-")[0]
        if (
            left_behind.stat().st_uid == os.geteuid()
            and owner.isdigit()
            and not psutil.pid_exists(int(owner))
        ):
            remove_run_directory(left_behind)  # of a run that was killed
    directory = Path(tempfile.mkdtemp(prefix=f"{RUN_DIRECTORY_PREFIX}{os.getpid()}-", dir=fastest_place()))
    if os.geteuid() == 0:
        directory.chmod(0o711)  # the server runs as another user and has to pass through
    os.environ[RUN_DIRECTORY_VARIABLE] = str(directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and (directory := os.environ.pop(RUN_DIRECTORY_VARIABLE, None)):
        remove_run_directory(Path(directory))


def run_sql(uri: str, *statements: str) -> None:
    with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(scope="session")
def run_directory() -> Path:
    return Path(os.environ[RUN_DIRECTORY_VARIABLE])


@pytest.fixture(scope="session")
def database_server(run_directory: Path) -> EmbeddedServer:
    """The running server. Its data is thrown away, so it need not survive a loss of power."""
    server = EmbeddedServer(embedded_settings(run_directory)).start()
    run_sql(
        server.superuser_uri(),
        "ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM SET full_page_writes = off",
        "ALTER SYSTEM SET synchronous_commit = off",
        "SELECT pg_reload_conf()",
    )
    return server


@pytest.fixture(scope="session")
def settings_for(database_server: EmbeddedServer, run_directory: Path) -> Callable[..., Settings]:
    """Makes settings for a database of the server by its name, as an operator would name it by URL."""

    def make(database: str, **others: object) -> Settings:
        return Settings(
            **{
                "home": run_directory / "homes" / database,
                "database_url": database_server.uri(database),
                **others,
            }
        )

    return make


@pytest.fixture(scope="session")
async def template_database(
    database_server: EmbeddedServer, run_directory: Path, settings_for: Callable[..., Settings]
) -> str:
    """The name of a migrated database to copy; the first process of the run makes it."""
    done = run_directory / "template-is-ready"
    with (run_directory / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            run_sql(
                database_server.uri(), f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}"
            )
            if importlib.util.find_spec("migrations.runner") is not None:
                from migrations.runner import upgrade

                await upgrade(settings_for(TEMPLATE))
            done.touch()
    return TEMPLATE


@pytest.fixture
def database(
    database_server: EmbeddedServer, template_database: str, settings_for: Callable[..., Settings]
) -> Iterator[Settings]:
    """Settings for a fresh migrated database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    run_sql(database_server.uri(), f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy")
    settings = settings_for(name)
    yield settings
    # The owner may not end an autovacuum of the database, which would fail the test now and then.
    run_sql(database_server.superuser_uri(), f"DROP DATABASE {name} WITH (FORCE)")
    shutil.rmtree(settings.home, ignore_errors=True)


@pytest.fixture
async def engine(database: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
def sessions(engine: AsyncEngine) -> Sessions:
    return Sessions(engine)


@dataclass
class Office:
    """Cases to work on: one of each point, one of a customer, one of a transformer, each with a finding."""

    sessions: Sessions
    districts: list[models.District] = field(default_factory=list)
    points: list[models.UsagePoint] = field(default_factory=list)
    cases: list[models.Case] = field(default_factory=list)
    """Of the points, in their order; all but the last `FOREIGN` are of the first district and the private sector."""
    case_of_customer: models.Case = field(init=False)
    case_of_transformer: models.Case = field(init=False)
    scan: models.ScanRun = field(init=False)

    FOREIGN: ClassVar[int] = 4

    @property
    def foreign(self) -> list[models.Case]:
        return self.cases[-self.FOREIGN :]

    async def case(self, case: models.Case) -> models.Case:
        """The case as it is now."""
        async with self.sessions.read() as session:
            found = await session.get(models.Case, case.id)
        assert found is not None
        return found

    def new_case(
        self, subject: models.Base, number: int, family: RuleFamily = RuleFamily.THEFT
    ) -> models.Case:
        """A case about a row that the database has; it is not added."""
        about: dict[str, object]
        match subject:
            case models.UsagePoint():
                about = {
                    "subject_kind": SubjectKind.USAGE_POINT,
                    "subject_key": subject.subscription_no,
                    "usage_point_id": subject.id,
                    "district_id": subject.district_id,
                }
            case models.Customer():
                about = {
                    "subject_kind": SubjectKind.CUSTOMER,
                    "subject_key": subject.customer_no,
                    "customer_id": subject.id,
                }
            case models.DistributionTransformer():
                about = {
                    "subject_kind": SubjectKind.TRANSFORMER,
                    "subject_key": subject.code,
                    "transformer_id": subject.id,
                }
        return models.Case(
            id=uuid.UUID(int=number),
            family=family,
            severity=Severity.HIGH,
            confidence=0.5,
            energy_at_risk_kwh=10.0,
            money_at_risk_rial=1_000_000,
            priority=500_000.0,
            opened_on=date(2025, 6, 1),
            first_scan_run_id=self.scan.id,
            **about,
        )


@pytest.fixture
async def office(sessions: Sessions) -> Office:
    """60 cases of the first district, 4 of the second, all open."""
    made = Office(sessions)
    async with sessions.write() as session:
        made.scan = models.ScanRun(as_of=date(2025, 6, 1), lake_generation="g", catalogue_hash="c")
        rule = models.RuleVersion(rule_id="T02", version=1, content_hash="h", definition={})
        made.districts = [models.District(code="D0"), models.District(code="D1")]
        feeder = models.Feeder(code="F", exchange_point=models.ExchangePoint(code="X"))
        transformers = [
            models.DistributionTransformer(code=f"T{n}", feeder=feeder, district=district)
            for n, district in enumerate(made.districts)
        ]
        session.add_all([made.scan, rule, *transformers])
        customers = []
        for n in range(60 + Office.FOREIGN):
            home = int(n >= 60)
            customer = models.Customer(
                customer_no=f"C{n}", sector=Sector.GOVERNMENT if home else Sector.PRIVATE
            )
            agreement = models.SupplyAgreement(agreement_no=f"A{n}", customer=customer)
            point = models.UsagePoint(
                subscription_no=f"S{n}", district=made.districts[home], transformer=transformers[home]
            )
            session.add(
                models.AgreementUsagePoint(
                    agreement=agreement, usage_point=point, valid_from=date(2020, 1, 1)
                )
            )
            customers.append(customer)
            made.points.append(point)
        await session.flush()
        made.cases = [made.new_case(point, 1 + n) for n, point in enumerate(made.points)]
        made.case_of_customer = made.new_case(customers[0], 1000)
        made.case_of_transformer = made.new_case(transformers[0], 1001)
        everything = [*made.cases, made.case_of_customer, made.case_of_transformer]
        session.add_all(everything)
        session.add_all(
            models.Finding(
                id=uuid.UUID(int=5000 + n),
                case=case,
                rule=rule,
                severity=case.severity,
                confidence=case.confidence,
                energy_at_risk_kwh=case.energy_at_risk_kwh,
                money_at_risk_rial=case.money_at_risk_rial,
                parameters={},
                evidence=[],
                sentence_fa="افت مصرف",
                sentence_en="Use fell.",
                first_scan_run_id=made.scan.id,
            )
            for n, case in enumerate(everything)
        )
    return made


@pytest.fixture(scope="session")
def principal_of() -> Callable[..., Principal]:
    """Makes a principal of a role, as `roles.yaml` has it."""
    file = importlib.resources.files("tarazu.security") / "roles.yaml"
    roles = yaml.safe_load(file.read_text("utf-8"))

    def make(
        role: Role = Role.OFFICE_MANAGER, scope: RowScope = EVERYTHING, name: str = "کارشناس"
    ) -> Principal:
        permissions = frozenset(map(Permission, roles[role.value]["permissions"]))
        return Principal(f"test:{role.value}", PrincipalKind.LOCAL, name, role, permissions, scope)

    return make
