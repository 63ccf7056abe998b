"""Looks at everything Tarazu stands on and says what is wrong and how to mend it. It changes and starts nothing."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import ipaddress
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tarazu.database.embedded import EmbeddedServer
from tarazu.database.embedded_layout import EmbeddedLayout, find_layout
from tarazu.database.engine import create_engine
from tarazu.database.faults import classify
from tarazu.database.urls import redacted
from tarazu.errors import TarazuError
from tarazu.folders import nearest_existing
from tarazu.security.encryption import load_cipher
from tarazu.security.oidc_settings import oidc_settings
from tarazu.settings import PREFIX, Settings, environment_name

# The oldest with MERGE and security_invoker views.
SERVER_VERSION_MIN: Final = 15
# The engine relies on private names of exactly this release.
DURABLE_RULES_VERSION: Final = "2.0.28"
PYTHON_MIN: Final = (3, 11)
PYTHON_END: Final = (3, 14)
# Defaults of ours, not measured: a new snapshot stands beside the old one until it is whole, and WAL takes up to 4 GB.
FREE_GIB_WARN: Final = 10.0
FREE_GIB_FAIL: Final = 1.0
_REACH_SECONDS: Final = 3.0
# A worker takes a job within seconds, and the longest evaluation is a scan of everything.
_ARRIVALS: Final = """
SELECT coalesce(max(attempts), 0) AS attempts, min(created) AS since,
    coalesce(min(created) FILTER (WHERE status = 'queued') < now() - interval '1 hour', false) AS overdue
FROM arrivals.pgqueuer
"""


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    status: Status
    detail: str
    mend: str | None = None
    """What to do; None when there is nothing to do."""
    is_default: bool = False
    """A setting that nobody set: for machines, and not for people to read past."""


async def diagnose(settings: Settings, *, expected_revision: str | None = None) -> list[Check]:
    """All checks, in the order in which one would mend them.

    `expected_revision` is the newest migration; None leaves out the comparison with the database's.
    """
    return [
        _check_python(),
        *_check_settings(settings),
        _check_settings_file(settings),
        _check_home(settings.home),
        _check_disk(settings.home),
        _check_encryption_key(settings),
        *_check_access(settings),
        *_check_embedded_files(settings),
        *await _check_database(settings, expected_revision),
        _check_durable_rules(),
        *await _check_dask_scheduler(settings),
    ]


def _check_python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if PYTHON_MIN <= sys.version_info[:2] < PYTHON_END:
        return Check("python", Status.OK, version)
    return Check("python", Status.FAIL, version, "Use Python 3.11, 3.12 or 3.13.")


def _check_settings(settings: Settings) -> Iterator[Check]:
    in_environment = {name.upper() for name, value in os.environ.items() if value}
    for field in Settings.model_fields:
        value = getattr(settings, field)
        if field == "database_url":
            shown = redacted(settings)
        else:
            shown = "********" if isinstance(value, SecretStr) else "unset" if value is None else str(value)
        if field not in settings.model_fields_set:
            origin = "default"
        else:
            origin = "environment" if environment_name(field) in in_environment else "file or argument"
        name = f"setting {environment_name(field)}"
        yield Check(name, Status.OK, f"{shown} ({origin})", is_default=origin == "default")
    known = {environment_name(field) for field in Settings.model_fields}
    for name in sorted(in_environment - known):
        if name.startswith(PREFIX):
            yield Check(
                f"setting {name}",
                Status.WARN,
                "There is no such setting; it has no effect.",
                "Remove it from the environment, or correct its name.",
            )


def _check_settings_file(settings: Settings) -> Check:
    file = settings.settings_file
    name = "settings file"
    if not file.exists():
        return Check(name, Status.OK, f"{file} is not there; it is optional")
    if settings.database_url is not None and file.stat().st_mode & 0o077:
        return Check(
            name, Status.WARN, f"{file} may hold a password and others may read it", f"Run: chmod 600 {file}"
        )
    return Check(name, Status.OK, str(file))


def _check_home(home: Path) -> Check:
    nearest = nearest_existing(home)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Check(
            "home",
            Status.FAIL,
            f"{home} cannot be written by this user",
            "Give the folder to the user of Tarazu, or set TARAZU_HOME to a folder of theirs.",
        )
    if nearest != home:
        return Check("home", Status.OK, f"{home} (is created when it is needed)")
    if home.stat().st_mode & (stat.S_IWOTH | stat.S_IROTH):
        return Check(
            "home",
            Status.WARN,
            f"{home} tells of customers and every user may read it",
            f"Run: chmod o-rw {home}",
        )
    return Check("home", Status.OK, str(home))


def _check_disk(home: Path) -> Check:
    free_gib = shutil.disk_usage(nearest_existing(home)).free / 2**30
    detail = f"{free_gib:.1f} GiB free at {home}"
    if free_gib >= FREE_GIB_WARN:
        return Check("disk space", Status.OK, detail)
    status = Status.WARN if free_gib >= FREE_GIB_FAIL else Status.FAIL
    return Check("disk space", status, detail, "Make room, or move TARAZU_HOME to a larger disk.")


def _check_encryption_key(settings: Settings) -> Check:
    """Which key seals, by its name; never the key."""
    name = "encryption key"
    origin = (
        str(settings.encryption_key_file)
        if settings.encryption_key is None
        else environment_name("encryption_key")
    )
    try:
        cipher = load_cipher(settings, create=False)
    except TarazuError as error:
        return Check(name, Status.FAIL, error.message, error.mend or "Correct the key.")
    if cipher is None:
        return Check(name, Status.OK, f"{origin} is made when something is to be encrypted")
    return Check(name, Status.OK, f"{cipher.key_id} of {origin}")


def _check_access(settings: Settings) -> Iterator[Check]:
    try:
        provider = oidc_settings(settings)
        detail = "not set; people log in with passwords" if provider is None else provider.issuer
        yield Check("identity provider", Status.OK, detail)
    except TarazuError as error:
        yield Check("identity provider", Status.FAIL, error.message, error.mend or "Correct the setting.")


def _check_embedded_files(settings: Settings) -> Iterator[Check]:
    if not settings.uses_embedded_database:
        return
    try:
        layout = find_layout(settings)
    except TarazuError as error:
        yield Check("embedded database folder", Status.FAIL, error.message, error.mend)
        return
    if layout is None or not layout.is_initialised:
        yield Check("embedded database folder", Status.OK, "not made yet; the first start makes it")
        return
    detail = str(layout.root)
    if layout.relocated:
        detail += f" (not in {settings.home}: the server's user {layout.account.name} cannot enter that)"
    yield Check("embedded database folder", Status.OK, detail)
    yield from _check_embedded_permissions(layout)


def _check_embedded_permissions(layout: EmbeddedLayout) -> Iterator[Check]:
    for name, path, owner in (
        ("embedded password file", layout.password_file, os.geteuid()),
        ("embedded superuser password file", layout.superuser_password_file, os.geteuid()),
        ("embedded socket folder", layout.socket, layout.account.uid),
        ("embedded data folder", layout.data, layout.account.uid),
    ):
        try:
            state = path.lstat()
        except OSError as error:
            yield Check(
                name,
                Status.FAIL,
                f"{path}: {error.strerror}",
                "Run Tarazu as the user who made the embedded database; a missing file comes back from a backup.",
            )
            continue
        mode = f"{stat.S_IMODE(state.st_mode):04o}"
        if state.st_uid != owner:
            yield Check(
                name,
                Status.FAIL,
                f"{path} belongs to user id {state.st_uid}, not {owner}",
                f"Run: chown {owner} {path}",
            )
        elif state.st_mode & 0o077:
            yield Check(
                name, Status.FAIL, f"{path} is open to others (mode {mode})", f"Run: chmod go-rwx {path}"
            )
        else:
            yield Check(name, Status.OK, f"{path} (mode {mode})")


async def _check_database(settings: Settings, expected_revision: str | None) -> list[Check]:
    place = redacted(settings)
    if settings.uses_embedded_database:
        try:
            running = EmbeddedServer(settings).is_running()
        except TarazuError as error:
            return [Check("database", Status.FAIL, error.message, error.mend)]
        if not running:
            return [Check("database", Status.WARN, f"{place} does not run", "Run: tarazu db start")]
    engine = create_engine(settings, statement_timeout_ms=5000, pool_size=1, application_name="tarazu doctor")
    try:
        return await _ask_database(engine, place, expected_revision)
    except Exception as error:
        known = classify(error)
        if known is None:
            raise
        return [Check("database", Status.FAIL, f"{place}: {known.message}", known.mend)]
    finally:
        await engine.dispose()


async def _ask_database(engine: AsyncEngine, place: str, expected_revision: str | None) -> list[Check]:
    async with engine.connect() as connection:
        number = int(await connection.scalar(text("SHOW server_version_num")))
        checks = [Check("database", Status.OK, f"{place} answers")]
        version = f"PostgreSQL {number // 10000}.{number % 10000}"
        if number // 10000 >= SERVER_VERSION_MIN:
            checks.append(Check("database version", Status.OK, version))
        else:
            checks.append(
                Check(
                    "database version",
                    Status.FAIL,
                    version,
                    f"Upgrade the server to PostgreSQL {SERVER_VERSION_MIN} or newer.",
                )
            )
        if expected_revision is not None:
            checks.append(await _check_revision(connection, expected_revision))
        checks += await _check_arrivals(connection)
    return checks


async def _check_arrivals(connection: AsyncConnection) -> list[Check]:
    """Whether what arrived is evaluated; nothing is said before the queue's migration."""
    if await connection.scalar(text("SELECT to_regclass('arrivals.pgqueuer')")) is None:
        return []
    row = (await connection.execute(text(_ARRIVALS))).one()
    name = "evaluation on arrival"
    if row.attempts:
        return [
            Check(
                name,
                Status.WARN,
                f"failed {row.attempts} times and is tried again",
                "Run: tarazu worker --status",
            )
        ]
    if row.overdue:
        return [
            Check(
                name,
                Status.WARN,
                f"changes wait since {row.since:%Y-%m-%d %H:%M} UTC",
                "Run `tarazu worker` as a service, or set TARAZU_EVALUATE_ARRIVALS=false where scans are enough.",
            )
        ]
    return [Check(name, Status.OK, "nothing waits" if row.since is None else "a job waits or runs")]


async def _check_revision(connection: AsyncConnection, expected: str) -> Check:
    name = "database schema"
    # alembic_version is missing before the first migration; asking the catalogue does not raise for that.
    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return Check(name, Status.FAIL, "the database is empty", "Run: tarazu db upgrade")
    found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found == expected:
        return Check(name, Status.OK, expected)
    return Check(
        name,
        Status.FAIL,
        f"the database is at {found or 'no revision'}, this version of Tarazu expects {expected}",
        "Run: tarazu db upgrade. If the database is newer than Tarazu, upgrade Tarazu.",
    )


def _check_durable_rules() -> Check:
    name = "durable_rules"
    missing = [
        module for module in ("durable", "durable_rules_engine") if importlib.util.find_spec(module) is None
    ]
    if missing:
        return Check(
            name,
            Status.WARN,
            f"{', '.join(missing)} cannot be imported; the slower reference evaluator is used",
            f"Install durable-rules=={DURABLE_RULES_VERSION} (it needs a C compiler).",
        )
    version = importlib.metadata.version("durable-rules")
    if version != DURABLE_RULES_VERSION:
        return Check(name, Status.FAIL, version, f"Install durable-rules=={DURABLE_RULES_VERSION}.")
    return Check(name, Status.OK, version)


async def _check_dask_scheduler(settings: Settings) -> list[Check]:
    address = settings.dask_scheduler
    if address is None:
        return [Check("dask scheduler", Status.OK, f"on this machine, {settings.dask_workers} workers")]
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        return [
            Check(
                "dask scheduler",
                Status.FAIL,
                f"{address} names no host and port",
                "Write it as tls://host:8786.",
            )
        ]
    checks = []
    if parts.scheme != "tls" and not _is_loopback(host):
        checks.append(
            Check(
                "dask scheduler security",
                Status.WARN,
                f"{address} is open: whoever reaches it runs code on its workers and reads the customers' data",
                "Start the scheduler with TLS and set tls://…, or let it listen on loopback only.",
            )
        )
    try:
        async with asyncio.timeout(_REACH_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:  # a timeout is one
        reason = error.strerror or "no answer"
        checks.append(
            Check(
                "dask scheduler",
                Status.FAIL,
                f"{address} cannot be reached: {reason}",
                "Start the scheduler, or unset TARAZU_DASK_SCHEDULER to scan on this machine.",
            )
        )
        return checks
    writer.close()
    checks.append(Check("dask scheduler", Status.OK, f"{address} answers"))
    return checks


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
