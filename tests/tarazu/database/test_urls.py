from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarazu.database.urls import asyncpg_dsn, libpq_uri, redacted, sqlalchemy_url
from tarazu.errors import DatabaseUnavailableError
from tarazu.settings import Settings


def settings(url: str) -> Settings:
    return Settings(home="/nowhere", database_url=url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"])
def test_each_driver_gets_its_own_scheme(scheme):
    given_settings = settings(f"{scheme}://u:p@h:5433/d")
    assert libpq_uri(given_settings) == "postgresql://u:p@h:5433/d"
    url = sqlalchemy_url(given_settings)
    assert url.drivername == "postgresql+asyncpg"
    assert (url.username, url.password, url.host, url.port, url.database) == ("u", "p", "h", 5433, "d")


@given(
    password=st.text(min_size=1, max_size=20), name=st.from_regex(r"[a-z][a-z0-9_ ]{0,20}", fullmatch=True)
)
def test_any_password_arrives_unchanged_and_is_not_printed(password, name):
    url = sqlalchemy_url(settings(f"postgresql://u:{quote(password, safe='')}@h/d"), database=name)
    assert url.password == password
    assert url.database == name
    assert str(url) == str(url.set(password="another"))


def test_another_database_of_the_same_server():
    given_settings = settings("postgresql://u:p@h/first?sslmode=require")
    assert libpq_uri(given_settings, database="a b") == "postgresql://u:p@h/a%20b?sslmode=require"


def test_a_socket_folder_goes_to_every_driver():
    given_settings = settings("postgresql://u:p@/d?host=%2Frun%2Fpg&port=5433")
    assert sqlalchemy_url(given_settings).query == {"host": "/run/pg", "port": "5433"}
    assert libpq_uri(given_settings, database="e") == "postgresql://u:p@/e?host=%2Frun%2Fpg&port=5433"


def test_the_tls_mode_is_never_lost():
    given_settings = settings("postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=%2Fca.crt")
    assert sqlalchemy_url(given_settings).query == {"ssl": "verify-full"}
    assert asyncpg_dsn(given_settings) == "postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=%2Fca.crt"


def test_what_only_libpq_knows_does_not_reach_asyncpg():
    given_settings = settings("postgresql://u:p@h/d?connect_timeout=3&sslmode=require&keepalives=1")
    assert asyncpg_dsn(given_settings) == "postgresql://u:p@h/d?sslmode=require"
    assert asyncpg_dsn(settings("postgresql://u:p@h/d?connect_timeout=3")) == "postgresql://u:p@h/d"
    assert "connect_timeout=3" in libpq_uri(given_settings)


def test_for_messages_the_place_is_shown_without_password_and_parameters():
    assert (
        redacted(settings("postgresql://u:sekret@h:5433/d?sslpassword=sekret")) == "postgresql://u@h:5433/d"
    )
    assert redacted(Settings(home="/nowhere")) == "the embedded database"


def test_an_embedded_database_that_was_never_started_is_unavailable(tmp_path):
    with pytest.raises(DatabaseUnavailableError, match="tarazu db start"):
        libpq_uri(Settings(home=tmp_path))
