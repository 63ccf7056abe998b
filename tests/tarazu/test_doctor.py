from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from tarazu.database import EmbeddedServer
from tarazu.doctor import Check, Status, diagnose
from tarazu.settings import Settings


async def checks_of(settings: Settings, **arguments) -> dict[str, Check]:
    checks = await diagnose(settings, **arguments)
    named = {check.name: check for check in checks}
    assert len(named) == len(checks)
    assert all(check.mend for check in checks if check.status is not Status.OK)
    return named


async def test_a_healthy_installation_has_nothing_to_mend(database, engine):
    async with engine.begin() as connection:
        revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    checks = await checks_of(database, expected_revision=revision)
    checks.pop("disk space")  # of the machine, not of the installation
    assert {check.status for check in checks.values()} == {Status.OK}
    assert checks["database version"].detail.startswith("PostgreSQL 18")
    assert checks["database schema"].detail == revision


async def test_secrets_are_masked_and_origins_shown(database, monkeypatch):
    monkeypatch.setenv("TARAZU_API_PORT", "8123")
    settings = Settings(home=database.home, database_url=database.database_url)
    checks = await checks_of(settings)
    password = settings.database_url.get_secret_value().split(":")[2].partition("@")[0]
    assert password not in repr(checks)
    assert checks["setting TARAZU_API_PORT"].detail == "8123 (environment)"
    assert checks["setting TARAZU_PAGE_SIZE_MAX"].detail == "100 (default)"


async def test_a_misspelt_variable_is_named(database, monkeypatch):
    monkeypatch.setenv("TARAZU_API_PROT", "8123")
    checks = await checks_of(database)
    assert checks["setting TARAZU_API_PROT"].status is Status.WARN


async def test_a_database_of_another_revision_is_to_be_migrated(database):
    checks = await checks_of(database, expected_revision="9999_later")
    assert checks["database schema"].status is Status.FAIL
    assert "9999_later" in checks["database schema"].detail
    assert "tarazu db upgrade" in checks["database schema"].mend


async def test_an_empty_database_is_to_be_migrated(database, engine):
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    checks = await checks_of(database, expected_revision="0001")
    assert checks["database schema"].detail == "the database is empty"


async def test_an_unreachable_database_fails_and_leaves_out_what_follows(tmp_path):
    checks = await checks_of(Settings(home=tmp_path, database_url=f"postgresql://u:p@/d?host={tmp_path}"))
    assert checks["database"].status is Status.FAIL
    assert "database version" not in checks


async def test_the_embedded_database_is_looked_at_but_not_started(tmp_path):
    settings = Settings(home=tmp_path / "home", embedded_directory=tmp_path / "postgres")
    checks = await checks_of(settings)
    assert checks["database"].status in {Status.WARN, Status.FAIL}
    assert list(tmp_path.iterdir()) == []


async def test_a_running_embedded_database_is_private(database_server, run_directory):
    settings = Settings(home=run_directory / "home", embedded_directory=run_directory / "postgres")
    checks = await checks_of(settings)
    assert checks["database"].status is Status.OK
    for name in ("password file", "superuser password file", "socket folder", "data folder"):
        assert checks[f"embedded {name}"].status is Status.OK


async def test_a_password_file_that_others_may_read_fails(database_server: EmbeddedServer, run_directory):
    settings = Settings(home=run_directory / "home", embedded_directory=run_directory / "postgres")
    file = database_server.layout.superuser_password_file
    file.chmod(0o640)
    try:
        checks = await checks_of(settings)
    finally:
        file.chmod(0o600)
    assert checks["embedded superuser password file"].status is Status.FAIL
    assert str(file) in checks["embedded superuser password file"].mend


async def test_a_home_that_is_a_file_fails(database, tmp_path):
    (tmp_path / "home").write_text("")
    settings = database.model_copy(update={"home": tmp_path / "home"})
    assert (await checks_of(settings))["home"].status is Status.FAIL


async def test_a_home_that_everybody_may_read_is_warned_of(database, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    settings = database.model_copy(update={"home": tmp_path / "home"})
    assert (await checks_of(settings))["home"].status is Status.WARN


async def test_a_settings_file_that_others_may_read_is_warned_of(database):
    database.home.mkdir(parents=True)
    database.settings_file.write_text("")
    database.settings_file.chmod(0o644)
    assert (await checks_of(database))["settings file"].status is Status.WARN
    database.settings_file.chmod(0o600)
    assert (await checks_of(database))["settings file"].status is Status.OK


@pytest.mark.parametrize(("free_gib", "status"), [(0.5, Status.FAIL), (5, Status.WARN), (50, Status.OK)])
async def test_free_space_is_judged(database, monkeypatch, free_gib, status):
    usage = SimpleNamespace(free=int(free_gib * 2**30))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert (await checks_of(database))["disk space"].status is status


async def test_an_older_python_fails(database, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    assert (await checks_of(database))["python"].status is Status.FAIL


async def test_a_missing_rule_engine_is_warned_of(database, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "durable" else find(name))
    assert (await checks_of(database))["durable_rules"].status is Status.WARN


async def test_a_dask_scheduler_that_answers_on_loopback_is_well(database):
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = database.model_copy(update={"dask_scheduler": f"tcp://127.0.0.1:{port}"})
    async with server:
        checks = await checks_of(settings)
    assert checks["dask scheduler"].status is Status.OK
    assert "dask scheduler security" not in checks


async def test_a_dask_scheduler_that_does_not_answer_fails(database, unused_tcp_port):
    settings = database.model_copy(update={"dask_scheduler": f"tcp://127.0.0.1:{unused_tcp_port}"})
    assert (await checks_of(settings))["dask scheduler"].status is Status.FAIL


@pytest.mark.parametrize(
    ("address", "warned"), [("tcp://10.1.2.3:8786", True), ("tls://10.1.2.3:8786", False)]
)
async def test_a_scheduler_without_tls_beyond_loopback_is_warned_of(database, monkeypatch, address, warned):
    async def refuse(*_arguments):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(asyncio, "open_connection", refuse)
    checks = await checks_of(database.model_copy(update={"dask_scheduler": address}))
    assert ("dask scheduler security" in checks) is warned


async def test_a_scheduler_address_without_a_port_fails(database):
    checks = await checks_of(database.model_copy(update={"dask_scheduler": "tls://scheduler"}))
    assert checks["dask scheduler"].status is Status.FAIL
