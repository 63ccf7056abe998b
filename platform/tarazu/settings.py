"""What an operator may set: environment variables `TARAZU_…`, or the same names in `tarazu.env` in TARAZU_HOME.

The environment wins over the file, the file over the defaults.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tarazu.errors import InputError

PREFIX = "TARAZU_"
SETTINGS_FILE_NAME = "tarazu.env"
DATABASE_URL_SCHEMES = ("postgresql", "postgresql+asyncpg")

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def _default_home() -> Path:
    return Path(platformdirs.user_data_dir("tarazu"))


def _usable_processors() -> int:
    """Processors this process may use; fewer than the machine has under taskset or a container's cpuset."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """All settings, read once and frozen. Build it with `get_settings()` to get messages instead of tracebacks."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    home: Path = Field(
        default_factory=_default_home,
        description="Folder of everything Tarazu keeps on disk: the lake, runs, the embedded database.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description=(
            "PostgreSQL 15 or newer, as postgresql://user:password@host/database?sslmode=…; "
            "unset means the embedded PostgreSQL."
        ),
    )
    embedded_directory: Path | None = Field(
        default=None,
        description=(
            "Folder of the embedded PostgreSQL; unset means `postgres` in the home folder, or, for root with a "
            "home that the server's user cannot enter, a folder in /var/lib/tarazu."
        ),
    )
    dask_scheduler: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z+]*://\S+$",
        description=(
            "Address of a Dask scheduler, tls://host:port; unset means workers on this machine. Who reaches "
            "the scheduler can run code on its workers: use TLS or loopback."
        ),
    )
    dask_workers: int = Field(
        default_factory=_usable_processors,
        ge=1,
        le=1024,
        description="Workers of a scan on this machine; the default is the number of usable processors.",
    )
    lake_buckets: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Buckets of the lake, by hash of the usage point; a changed number needs a new snapshot.",
    )
    panel_months: int = Field(
        default=36, ge=12, le=240, description="Months of history in the panel that scans read."
    )
    company_code: str | None = Field(
        default=None,
        pattern=r"^[0-9]{3}$",
        description="Three digits of the company in its bill ids; unset means that they are not checked.",
    )
    site_file: Path | None = Field(
        default=None,
        description="The company's own site values (prices, technical losses), laid over the catalogue's defaults.",
    )
    api_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address the API listens on.",
    )
    api_port: int = Field(default=8000, ge=1, le=65535, description="Port the API listens on.")
    statement_timeout_ms: int = Field(
        default=5000,
        ge=100,
        le=600_000,
        description="Milliseconds after which PostgreSQL ends a read of the API.",
    )
    case_window_days: int = Field(
        default=180,
        ge=1,
        le=3650,
        description=(
            "Days after a person closed a case in which new evidence stays with it instead of opening another."
        ),
    )
    page_size_max: int = Field(
        default=100, ge=1, le=1000, description="Largest page of a list that the API serves."
    )
    subscriptions_per_connection: int = Field(
        default=10, ge=1, le=1000, description="Subscriptions that one WebSocket may hold at once."
    )
    subscription_connections_per_principal: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="WebSockets that one token or user may hold at once, in each process.",
    )
    subscription_connections_max: int = Field(
        default=500, ge=1, le=100_000, description="WebSockets that one process serves at once."
    )
    subscription_queue_events: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description=(
            "Events that wait in memory for one subscriber; what comes beyond them it reads from the database, at "
            "its own pace."
        ),
    )
    subscription_stall_seconds: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds that a subscriber may take over one event while others wait; then it has to resync.",
    )
    subscription_recheck_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description=(
            "Seconds after which the access of a connected WebSocket is looked up again: an expired or revoked token "
            "loses its connection within them."
        ),
    )
    case_event_retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="Days that events of cases are kept: for so long a subscriber may be away and miss nothing.",
    )
    log_level: Annotated[
        LogLevel, BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
    ] = Field(default="INFO", description="Least severe log record that is written.")

    @field_validator("home", "embedded_directory", "site_file")
    @classmethod
    def _make_absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else Path(os.path.abspath(value.expanduser()))  # noqa: PTH100  # keeps symlinks

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        # Messages never repeat the value: it holds a password.
        scheme, separator, _ = value.get_secret_value().partition("://")
        if not separator or scheme not in DATABASE_URL_SCHEMES:
            raise ValueError(
                f"must start with {' or '.join(f'{known}://' for known in DATABASE_URL_SCHEMES)}"
            )
        try:
            parts = urlsplit(value.get_secret_value())
            port = parts.port
        except ValueError:
            raise ValueError("is no URL; write special characters of the password as %XX") from None
        if port == 0 or not parts.path.strip("/"):
            raise ValueError("must name a database: postgresql://user:password@host/database")
        return value

    @property
    def lake_directory(self) -> Path:
        return self.home / "lake"

    @property
    def runs_directory(self) -> Path:
        return self.home / "runs"

    @property
    def settings_file(self) -> Path:
        return self.home / SETTINGS_FILE_NAME

    @property
    def uses_embedded_database(self) -> bool:
        return self.database_url is None


def environment_name(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def get_settings(**given: Any) -> Settings:
    """Read the environment and `tarazu.env`; `given` (fields by name) wins over both. Nothing is cached.

    Raises InputError that names each wrong variable and what it may be.
    """
    home = given.get("home") or os.environ.get(environment_name("home")) or _default_home()
    file = Path(home).expanduser() / SETTINGS_FILE_NAME
    try:
        settings = Settings(**{"_env_file": file, "_env_file_encoding": "utf-8", **given})
    except ValidationError as error:
        raise InputError(
            "\n".join(_explain(problem["loc"], problem["msg"]) for problem in error.errors())
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The settings file {file} cannot be read: {error}.",
            mend="Give it to the user of Tarazu, as UTF-8.",
        ) from error
    if settings.home != Path(os.path.abspath(Path(home).expanduser())):  # noqa: PTH100  # keeps symlinks
        raise InputError(
            f"{file} sets TARAZU_HOME, which decides where that file is looked for.",
            mend="Remove the line and set TARAZU_HOME in the environment.",
        )
    return settings


def _explain(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    field = Settings.model_fields.get(name)
    if field is None:
        variable = name.upper() if name.upper().startswith(PREFIX) else name
        return f"There is no setting {variable}. Remove it, or correct its name."
    reason = re.sub(r"^Value error, ", "", message)
    if pattern := re.search(r"pattern '(.*)'", reason):
        reason = f"must match {pattern[1]}"
    return f"{environment_name(name)}: {reason[:1].lower()}{reason[1:]}. It is: {field.description}"
