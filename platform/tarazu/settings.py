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
from tarazu.security.permissions import Role

PREFIX = "TARAZU_"
SETTINGS_FILE_NAME = "tarazu.env"
DATABASE_URL_SCHEMES = ("postgresql", "postgresql+asyncpg")

# A person reads some screens a minute, of at most 200,000 each; an application works through lists.
COST_PER_MINUTE = 3_000_000
COST_PER_MINUTE_OF_APPLICATIONS = 30_000_000

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
    evaluate_arrivals: bool = Field(
        default=True,
        description=(
            "Whether imports and other changes ask `tarazu worker` for an evaluation; off, findings wait for the next scan."
        ),
    )
    arrival_delay_seconds: float = Field(
        default=5.0,
        ge=0.0,
        le=3600.0,
        description="Seconds that the worker waits after a change, so that changes that follow are evaluated with it.",
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
    rules_overlay: Path | None = Field(
        default=None,
        description=(
            "The company's own file over the rule catalogue: rules that judge nobody here, other values of parameters."
        ),
    )
    api_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address the API listens on.",
    )
    api_port: int = Field(default=8000, ge=1, le=65535, description="Port the API listens on.")
    statement_timeout_ms: int = Field(
        default=10_000,
        ge=100,
        le=600_000,
        description="Milliseconds after which PostgreSQL ends any statement of the API; roles may have fewer.",
    )
    case_window_days: int = Field(
        default=180,
        ge=1,
        le=3650,
        description=(
            "Days after a person closed a case in which new evidence stays with it instead of opening another."
        ),
    )
    ranking_least_outcomes: int = Field(
        default=50,
        ge=10,
        le=1_000_000,
        description=(
            "Losses, and as many clean points, that inspections must have found before a model ranks; with fewer the "
            "rules' priority does. Engineering default."
        ),
    )
    ranking_uninspected: Literal["ignore", "clean"] = Field(
        default="ignore",
        description=(
            "What a point without an inspection counts as in training: nothing, or clean (where the source names "
            "only those that were found out)."
        ),
    )
    ranking_random_share: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="Share of the visits that are drawn by chance, so that what is learnt stays unbiased.",
    )
    ranking_recent_years: int = Field(
        default=7,
        ge=1,
        le=50,
        description="Calendar years back from the last bills in which a change of meter counts as recent.",
    )
    idempotency_keep_days: int = Field(
        default=30,
        ge=30,
        le=3650,
        description="Days for which a change that is sent again under the same key gets the answer it got first.",
    )
    page_size_max: int = Field(
        default=100, ge=1, le=1000, description="Largest page of a list that the API serves."
    )
    api_compiler: bool = Field(
        default=True,
        description="Whether reads are answered by compiled statements; off, resolvers answer them, 20 times slower.",
    )
    api_development: bool = Field(
        default=False,
        description=(
            "Whether the API tells of its own schema (introspection, suggestions in messages), as developers need "
            "and strangers should not."
        ),
    )
    api_cost_max: int = Field(
        default=200_000,
        ge=100,
        le=10**12,
        description="What one GraphQL operation may cost at most; an object of an answer costs about 1.",
    )
    api_cost_per_minute: dict[Role, int] = Field(
        default_factory=dict,
        description=(
            'What principals of a role may cost in a minute, as JSON `{"application": 60000000}`; roles that are '
            "not named keep 3,000,000, applications 30,000,000."
        ),
    )
    api_rate_storage: str = Field(
        default="async+memory://",
        min_length=1,
        description=(
            "Where costs of the last minute are counted; several processes share them through "
            "async+redis://host:port/0."
        ),
    )
    api_failed_attempts_per_minute: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="How often one address may fail to authenticate in a minute before it has to wait.",
    )
    api_refusals_per_minute: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description=(
            "How many requests of one principal may be refused in a minute before those that were not met before are "
            "refused unread. Development mode knows no such limit."
        ),
    )
    api_operations: str = Field(
        default="",
        pattern=r"^([_A-Za-z][_0-9A-Za-z]*( *, *[_A-Za-z][_0-9A-Za-z]*)*)?$",
        description=(
            "Names of operations that metrics and the log show, separated by commas, besides those of trusted "
            "documents; all others are `other`."
        ),
    )
    trusted_documents: Path | None = Field(
        default=None,
        description="Manifest of the only GraphQL documents that run (`tarazu api trust`); unset means that all run.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description=(
            "Token that /metrics wants as `Authorization: Bearer …`; unset means that only this machine may read it."
        ),
    )
    tracing_exporter: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]*$",
        description=(
            "Exporter of OpenTelemetry spans by its name (`console`, or `otlp_proto_http` where that is installed); "
            "unset means no tracing. Needs the extra `tracing`."
        ),
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="Form of the log: one JSON object a line, or text; auto is text on a terminal and JSON elsewhere.",
    )
    login_session_hours: int = Field(
        default=8, ge=1, le=72, description="Hours that a log-in with a password lasts."
    )
    login_attempts_max: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Wrong passwords in a row after which a user is locked out for a while.",
    )
    login_lockout_minutes: int = Field(
        default=15, ge=1, le=1440, description="Minutes that a user stays locked out."
    )
    principal_cache_seconds: float = Field(
        default=5.0,
        ge=0.0,
        le=60.0,
        description=(
            "Seconds for which a credential that was checked is not checked again; a revoked token or a disabled "
            "user is refused after this time at the latest."
        ),
    )
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description=(
            "Issuer of OpenID Connect access tokens, exactly as their `iss` claim has it; unset means that there "
            "is no identity provider."
        ),
    )
    oidc_audience: str | None = Field(
        default=None,
        min_length=1,
        description="The audience (`aud` claim) that access tokens for Tarazu carry; needed with an issuer.",
    )
    oidc_algorithms: str = Field(
        default="RS256",
        pattern=r"^(RS|PS|ES)(256|384|512)(,(RS|PS|ES)(256|384|512))*$",
        description="Signature algorithms that access tokens may have, joined by commas.",
    )
    oidc_jwks_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Where the provider's public keys are; unset means that its discovery document says it.",
    )
    oidc_role_claim: str = Field(
        default="groups",
        min_length=1,
        description="The claim with the groups (or roles) of whoever the access token is of.",
    )
    oidc_groups_file: Path | None = Field(
        default=None,
        description=(
            "YAML file that gives groups of the provider a role and a scope; unset means that the claim holds "
            "the names of our roles."
        ),
    )
    oidc_district_claim: str | None = Field(
        default=None,
        min_length=1,
        description="The claim with the codes of the districts that may be seen (`*`: all); unset: groups decide.",
    )
    oidc_sector_claim: str | None = Field(
        default=None,
        min_length=1,
        description="The claim with the sectors that may be seen (`*`: all); unset: groups decide.",
    )
    oidc_leeway_seconds: int = Field(
        default=30,
        ge=0,
        le=300,
        description="Seconds by which the provider's clock may differ from ours.",
    )
    encryption_key: SecretStr | None = Field(
        default=None,
        description=(
            "Key for what is encrypted in the database (who reported a tip-off): base64 of 32 bytes; older keys "
            "follow after commas. Unset means the file `encryption.key` in the home folder."
        ),
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

    @field_validator("api_cost_per_minute")
    @classmethod
    def _fill_budgets(cls, value: dict[Role, int]) -> dict[Role, int]:
        if any(budget < 1 for budget in value.values()):
            raise ValueError("must be numbers from 1")
        standard = dict.fromkeys(Role, COST_PER_MINUTE)
        return {**standard, Role.APPLICATION: COST_PER_MINUTE_OF_APPLICATIONS, **value}

    @field_validator(
        "home", "embedded_directory", "site_file", "rules_overlay", "trusted_documents", "oidc_groups_file"
    )
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
    def api_operation_names(self) -> frozenset[str]:
        return frozenset(name.strip() for name in self.api_operations.split(",")) - {""}

    def statement_timeout_of(self, of_role_ms: int | None) -> int:
        """Milliseconds that a statement of a principal may take: its role's, and never more than the setting's."""
        return min(of_role_ms or self.statement_timeout_ms, self.statement_timeout_ms)

    @property
    def lake_directory(self) -> Path:
        return self.home / "lake"

    @property
    def standing_directory(self) -> Path:
        """What the last scan or evaluation came to (see `etl.scan.standing`)."""
        return self.home / "standing"

    @property
    def runs_directory(self) -> Path:
        return self.home / "runs"

    @property
    def encryption_key_file(self) -> Path:
        return self.home / "encryption.key"

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
