"""The database of the settings as the URLs of our drivers: SQLAlchemy (asyncpg) and libpq (ADBC, psql).

They hold the password. Show `redacted()` instead.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode

from sqlalchemy.engine import URL, make_url

from tarazu.database.embedded import EmbeddedServer
from tarazu.database.embedded_cluster import DATABASE
from tarazu.settings import Settings

# Parameters of libpq that asyncpg would send to the server as settings, which refuses them.
# https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_LIBPQ_ONLY = frozenset(
    {
        "channel_binding",
        "connect_timeout",
        "fallback_application_name",
        "gssdelegation",
        "gssencmode",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "load_balance_hosts",
        "min_protocol_version",
        "max_protocol_version",
        "require_auth",
        "requirepeer",
        "sslcertmode",
        "sslcompression",
        "sslsni",
        "tcp_user_timeout",
    }
)


def libpq_uri(settings: Settings, *, database: str | None = None) -> str:
    """The URI for ADBC and the programs of PostgreSQL; `database` names another database of the same server.

    Raises DatabaseUnavailableError when the embedded database was never started.
    """
    if settings.database_url is None:
        return EmbeddedServer(settings).uri(database or DATABASE)
    _, _, rest = settings.database_url.get_secret_value().partition("://")
    if database is not None:
        before, question_mark, query = rest.partition("?")
        rest = f"{before.partition('/')[0]}/{quote(database, safe='')}{question_mark}{query}"
    return f"postgresql://{rest}"


def asyncpg_dsn(settings: Settings, *, database: str | None = None) -> str:
    """The same URI without the parameters that asyncpg does not know."""
    before, question_mark, query = libpq_uri(settings, database=database).partition("?")
    if not question_mark:
        return before
    known = [(key, value) for key, value in parse_qsl(query) if key not in _LIBPQ_ONLY]
    return f"{before}?{urlencode(known, quote_via=quote)}" if known else before


def sqlalchemy_url(settings: Settings, *, database: str | None = None) -> URL:
    """The URL for SQLAlchemy: driver, user, password, place, database and TLS mode. Printed, it masks the password.

    Other parameters (sslrootcert, …) do not fit into it; `create_engine` hands them to asyncpg.
    """
    url = make_url(libpq_uri(settings, database=database))
    # asyncpg calls the mode `ssl`. It must never get lost: without it a connection would not be verified.
    names = {"host": "host", "port": "port", "sslmode": "ssl"}
    query = {names[key]: value for key, value in url.query.items() if key in names}
    return url.set(drivername="postgresql+asyncpg", query=query)


def redacted(settings: Settings) -> str:
    """Where the database is, without the password and the parameters: for messages and logs."""
    if settings.database_url is None:
        return "the embedded database"
    url = sqlalchemy_url(settings)
    shown = URL.create("postgresql", url.username, host=url.host, port=url.port, database=url.database)
    return shown.render_as_string()
