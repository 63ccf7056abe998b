"""The only way to PostgreSQL: where it is, how to connect, how its faults are named."""

from __future__ import annotations

from tarazu.database.embedded import EmbeddedServer, start_embedded_server
from tarazu.database.engine import ReadSession, Sessions, WriteSession, create_engine
from tarazu.database.faults import database_faults
from tarazu.database.locks import advisory_lock
from tarazu.database.read_pool import ReadPool
from tarazu.database.urls import libpq_uri, sqlalchemy_url

__all__ = [
    "EmbeddedServer",
    "ReadPool",
    "ReadSession",
    "Sessions",
    "WriteSession",
    "advisory_lock",
    "create_engine",
    "database_faults",
    "libpq_uri",
    "sqlalchemy_url",
    "start_embedded_server",
]
