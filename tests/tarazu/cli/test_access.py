"""`tarazu token`, `tarazu user` and `tarazu audit` as a shell sees them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from tarazu.cli.main import app
from tarazu.database import Sessions, create_engine
from tarazu.models import District
from tarazu.security.authentication import Authenticator
from tarazu.security.permissions import Role

PASSWORD = "چهار شنبه و آچار"


@pytest.fixture
def tarazu(database, tmp_path, monkeypatch):
    """Run a command on a fresh migrated database: (exit code, standard output, standard error)."""
    monkeypatch.setenv("TARAZU_HOME", str(tmp_path))
    monkeypatch.setenv("TARAZU_DATABASE_URL", database.database_url.get_secret_value())

    def run(*arguments, stdin=""):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


# Not a coroutine: the commands bring an event loop of their own.
@pytest.fixture
def in_database(database):
    def run(work):
        import asyncio

        async def inside():
            engine = create_engine(database)
            try:
                return await work(Sessions(engine))
            finally:
                await engine.dispose()

        return asyncio.run(inside())

    return run


def test_a_token_is_made_listed_and_revoked(tarazu, in_database, database):
    async def add_district(sessions):
        async with sessions.write() as session:
            session.add(District(code="21"))

    in_database(add_district)
    code, out, _ = tarazu(
        "token",
        "create",
        "billing",
        "--role",
        "application",
        "--district",
        "21",
        "--sector",
        "private",
        "--json",
    )
    made = json.loads(out)
    assert code == 0

    async def authenticate(sessions):
        return await Authenticator(sessions, database).authenticate(f"Bearer {made['token']}")

    principal = in_database(authenticate)
    assert (principal.name, principal.role) == ("billing", Role.APPLICATION)
    assert len(principal.scope.district_ids) == 1

    code, out, _ = tarazu("token", "list", "--json")
    (listed,) = json.loads(out)["tokens"]
    assert made["token"].split("_")[2] not in out
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert (listed["districts"], listed["sectors"]) == (["21"], ["private"])

    assert tarazu("token", "revoke", made["prefix"])[0] == 0
    assert "revoked" in tarazu("token", "list")[1]
    with pytest.raises(Exception, match="token is needed"):
        in_database(authenticate)


def test_wrong_input_has_its_exit_code_and_says_what_to_do(tarazu):
    code, _, err = tarazu("token", "create", "x", "--role", "application", "--district", "99")
    assert (code, "99" in err) == (2, True)
    assert tarazu("token", "revoke", "nothing")[0] == 2
    assert tarazu("user", "disable", "nobody")[0] == 2
    assert tarazu("audit", "head")[0] == 2
    code, out, err = tarazu("user", "add", "sara", "--role", "analyst", stdin="short\n")
    assert (code, "12" in err) == (2, True)
    assert "short" not in out + err


def test_a_user_is_made_disabled_enabled_and_given_another_password(tarazu):
    code, out, err = tarazu("user", "add", "sara", "--role", "analyst", stdin=f"{PASSWORD}\n")
    assert code == 0, err
    assert PASSWORD not in out + err
    for command, state in (("disable", "disabled"), ("enable", "active")):
        code, out, _ = tarazu("user", command, "sara", "--json")
        assert (code, json.loads(out)["state"]) == (0, state)
    assert tarazu("user", "password", "sara", stdin=f"{PASSWORD}!\n")[0] == 0
    assert "sara" in tarazu("user", "list")[1]
    code, out, _ = tarazu("audit", "list", "--json")
    assert [event["action"] for event in json.loads(out)["events"]] == [
        "authn_password_change",
        "user_updated",
        "user_updated",
        "user_created",
    ]


def test_the_audit_log_is_verified_against_a_head_kept_elsewhere(tarazu, tmp_path, database_server, database):
    for number in range(3):
        assert tarazu("token", "create", f"app {number}", "--role", "application")[0] == 0
    head = tmp_path / "head.json"
    head.write_text(tarazu("audit", "head", "--json")[1])
    assert json.loads(head.read_text())["id"] == 3
    code, out, _ = tarazu("audit", "verify", "--from-head", head, "--json")
    assert (code, json.loads(out)["ok"], json.loads(out)["rows"]) == (0, True, 3)

    name = database.database_url.get_secret_value().rsplit("/", 1)[1].partition("?")[0]
    engine_settings = database.model_copy(
        update={"database_url": type(database.database_url)(database_server.superuser_uri(name))}
    )

    async def cut(sessions):
        async with sessions.write() as session:
            await session.execute(text("ALTER TABLE audit_event DISABLE TRIGGER ALL"))
            await session.execute(text("DELETE FROM audit_event WHERE id = 3"))

    import asyncio

    async def as_superuser():
        engine = create_engine(engine_settings)
        try:
            await cut(Sessions(engine))
        finally:
            await engine.dispose()

    asyncio.run(as_superuser())
    assert tarazu("audit", "verify")[0] == 0
    code, out, _ = tarazu("audit", "verify", "--from-head", head)
    assert code == 1
    assert "Row 3" in out
    (tmp_path / "no.json").write_text("{}")
    assert tarazu("audit", "verify", "--from-head", tmp_path / "no.json")[0] == 2
