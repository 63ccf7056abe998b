"""The database of the GraphQL benchmarks: 100,000 customers, each supplied at one point with one meter and 12 invoices.

Kept between runs in a folder of its own, and made anew where it is missing or of another version.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg
import platformdirs
from pydantic import SecretStr

from migrations.runner import head_revision, upgrade
from tarazu.database import Sessions, create_engine
from tarazu.database.embedded import EmbeddedServer
from tarazu.database.urls import asyncpg_dsn
from tarazu.security.permissions import Role
from tarazu.security.principals import local_operator
from tarazu.security.tokens import create_token
from tarazu.settings import Settings

CUSTOMERS: Final = int(os.environ.get("CUSTOMERS", "100000"))
INVOICES_EACH: Final = 12
_DATABASE: Final = "benchmark_graphql"

# Loaded the way a company loads them, month by month: the invoices of one point lie on 12 pages far from each other.
_ROWS: Final = """
INSERT INTO district (id, code, name) SELECT n, 'D' || n, 'ناحیه ' || n FROM generate_series(1, 12) n;
INSERT INTO feeder (id, code, name) SELECT n, 'F' || n, 'فیدر ' || n FROM generate_series(1, 60) n;
INSERT INTO distribution_transformer (id, code, name, feeder_id, district_id, rated_power_kva)
SELECT n, 'T' || n, 'پست ' || n, 1 + n % 60, 1 + n % 12, 250 FROM generate_series(1, 1200) n;

INSERT INTO customer (id, customer_no, kind, sector, name, name_search_key, national_id)
SELECT n, lpad(n::text, 9, '0'), CASE WHEN n % 20 = 0 THEN 'legal_entity' ELSE 'person' END,
       CASE WHEN n % 40 = 0 THEN 'government' ELSE 'private' END,
       'مشترک شماره ' || n, 'مشترک شماره ' || n, CASE WHEN n % 20 = 0 THEN NULL ELSE lpad(n::text, 10, '0') END
FROM generate_series(1, {customers}) n;

INSERT INTO supply_agreement (id, agreement_no, customer_id, signed_on)
SELECT n, 'A' || n, n, date '2010-01-01' + (n % 4000)::int FROM generate_series(1, {customers}) n;

INSERT INTO usage_point (id, subscription_no, bill_id, district_id, transformer_id, phase_count, activity_code, address)
SELECT n, lpad(n::text, 10, '0'), lpad(n::text, 13, '0'), 1 + n % 12, 1 + n % 1200,
       CASE WHEN n % 5 = 0 THEN 3 ELSE 1 END, '9999', 'خیابان آزادی، پلاک ' || n
FROM generate_series(1, {customers}) n;

INSERT INTO agreement_usage_point (id, agreement_id, usage_point_id, valid_from)
SELECT n, n, n, date '2010-01-01' + (n % 4000)::int FROM generate_series(1, {customers}) n;

INSERT INTO meter (id, serial_no, manufacturer, model, register_digits, is_smart)
SELECT n, 'S' || lpad(n::text, 9, '0'), 'Maker ' || n % 7, 'M' || n % 30, 6, n % 10 = 0
FROM generate_series(1, {customers}) n;

INSERT INTO meter_installation (id, usage_point_id, meter_id, valid_from)
SELECT n, n, n, date '2010-01-01' + (n % 4000)::int FROM generate_series(1, {customers}) n;

INSERT INTO invoice (id, usage_point_id, agreement_id, installation_id, invoice_no, billing_year, billing_period,
                     bill_id, payment_id, period_start, period_end, issued_on, due_on, previous_index, current_index,
                     consumption_kwh, payable_rial)
SELECT (month - 1) * {customers} + n, n, n, n, 'I' || month || '-' || n, 1402, month, lpad(n::text, 13, '0'), '123456',
       first_day, (first_day + interval '1 month')::date, (first_day + interval '35 days')::date,
       (first_day + interval '50 days')::date, month * 1000, month * 1000 + use_kwh, use_kwh, use_kwh * 5000
FROM generate_series(1, {invoices_each}) month
CROSS JOIN LATERAL (SELECT (date '2024-01-01' + make_interval(months => month - 1))::date) first (first_day)
CROSS JOIN generate_series(1, {customers}) n
CROSS JOIN LATERAL (SELECT 50 + (n * 7919 + month * 104729) % 900 / 4.0) used (use_kwh)
ORDER BY month, n;
"""
_SEQUENCES: Final = (
    "district",
    "feeder",
    "distribution_transformer",
    "customer",
    "supply_agreement",
    "usage_point",
    "agreement_usage_point",
    "meter",
    "meter_installation",
    "invoice",
)


def home() -> Path:
    """The folder that benchmarks keep between runs; BENCHMARK_HOME sets another."""
    given = os.environ.get("BENCHMARK_HOME")
    return Path(given) if given else Path(platformdirs.user_cache_dir("tarazu-benchmarks"))


@contextmanager
def prepared() -> Iterator[tuple[EmbeddedServer, Settings]]:
    """The server, running until the block ends, and the settings of its filled database.

    A minute the first time, two seconds later.
    """
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    server = EmbeddedServer(Settings(home=folder)).start()
    try:
        name = f"{_DATABASE}_{_version()}"
        server.ensure_database(name)
        settings = Settings(home=folder, database_url=SecretStr(server.uri(name)))
        asyncio.run(_fill(settings))
        yield server, settings
    finally:
        server.stop()


def _version() -> str:
    made_of = (_ROWS, CUSTOMERS, head_revision())
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:8]


async def _fill(settings: Settings) -> None:
    await upgrade(settings)
    connection = await asyncpg.connect(asyncpg_dsn(settings))
    try:
        # The rows come in one transaction: there are all or none.
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM invoice)"):
            async with connection.transaction():
                await connection.execute(_ROWS.format(customers=CUSTOMERS, invoices_each=INVOICES_EACH))
                for table in _SEQUENCES:
                    await connection.execute(
                        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                    )
        if not await connection.fetchval(
            "SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'invoice'"
        ):
            # A page read for the first time would be written back too; and index-only scans need the map.
            await connection.execute("VACUUM (FREEZE, ANALYZE)")
    finally:
        await connection.close()


def headers(settings: Settings, name: str = "benchmark") -> dict[str, str]:
    """What requests to the API carry: a token of a day, of an application of that name."""
    return {"authorization": f"Bearer {asyncio.run(_token(settings, name))}"}


async def _token(settings: Settings, name: str) -> str:
    engine = create_engine(settings, application_name="tarazu benchmark", pool_size=1)
    try:
        async with Sessions(engine).write() as session:
            issued = await create_token(
                session,
                local_operator(),
                name=name,
                role=Role.APPLICATION,
                lifetime=dt.timedelta(days=1),
            )
        return issued.bearer.text
    finally:
        await engine.dispose()
