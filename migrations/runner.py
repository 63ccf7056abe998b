"""Bring a database to this version's schema, by one process at a time and without waiting for ever on locks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from tarazu.database import create_engine

if TYPE_CHECKING:
    from tarazu.settings import Settings

# Any number will do as long as nothing else uses it: the bytes of "tarazu".
_MIGRATION_LOCK = 0x746172617A75


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def head_revision() -> str:
    """The revision that this version of the code expects."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def upgrade(settings: Settings, revision: str = "head") -> None:
    """Migrate up to `revision`; waits its turn where another process migrates."""
    await _run(settings, lambda config: command.upgrade(config, revision))


async def downgrade(settings: Settings, revision: str) -> None:
    await _run(settings, lambda config: command.downgrade(config, revision))


async def check(settings: Settings) -> None:
    """Raise alembic's CommandError where the models and the migrated schema differ."""
    await _run(settings, command.check)


async def current_revision(settings: Settings) -> str | None:
    engine = create_engine(settings, application_name="tarazu migrate", pool_size=1)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())
    finally:
        await engine.dispose()


async def _run(settings: Settings, action: Callable[[Config], object]) -> None:
    engine = create_engine(settings, application_name="tarazu migrate", pool_size=1)

    def work(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        try:
            connection.execute(text("SET lock_timeout = '5s'"))
            connection.execute(text("SET statement_timeout = '10min'"))
            connection.commit()
            config = _config()
            config.attributes["connection"] = connection
            action(config)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()

    try:
        async with engine.connect() as connection:
            await connection.run_sync(work)
    finally:
        await engine.dispose()


__all__ = ["check", "current_revision", "downgrade", "head_revision", "upgrade"]
