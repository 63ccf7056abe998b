"""`tarazu token …` and `tarazu user …`: who may come in."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from tarazu.cli.context import Json, open_sessions, reporting, run, settings_with_database
from tarazu.cli.output import out, print_json, table
from tarazu.database import WriteSession
from tarazu.models import ApiToken, UserAccount
from tarazu.models.enums import Sector
from tarazu.security.passwords import Passwords
from tarazu.security.permissions import Role
from tarazu.security.principals import local_operator
from tarazu.security.tokens import LIFETIME_DAYS_MAX, create_token, list_tokens, revoke_token
from tarazu.security.users import add_user, disable_user, enable_user, list_users, set_password

T = TypeVar("T")

tokens = typer.Typer(help="Tokens of applications: make, list, revoke.", no_args_is_help=True)
users = typer.Typer(help="People who log in with a password.", no_args_is_help=True)

RoleOption = Annotated[Role, typer.Option("--role", help="What it may do.")]
Districts = Annotated[
    list[str] | None, typer.Option("--district", help="Code of a district it may see; again for more.")
]
Sectors = Annotated[list[Sector] | None, typer.Option("--sector", help="Sector it may see; again for more.")]
Username = Annotated[str, typer.Argument(help="The user's name.")]


def write(work: Callable[[WriteSession], Awaitable[T]]) -> T:
    """Run `work` in one transaction on the configured database."""
    settings = settings_with_database()

    async def inside() -> T:
        async with open_sessions(settings, "access") as sessions, sessions.write() as session:
            return await work(session)

    return run(inside())


@tokens.command()
def create(
    name: Annotated[str, typer.Argument(help="What the token is for, such as the application's name.")],
    role: RoleOption,
    district: Districts = None,
    sector: Sectors = None,
    days: Annotated[int, typer.Option(min=1, max=LIFETIME_DAYS_MAX, help="Days until it expires.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a token. It is printed once: keep it in the application's secrets."""
    with reporting(as_json=as_json):
        issued = write(
            lambda session: create_token(
                session,
                local_operator(),
                name=name,
                role=role,
                districts=district or None,
                sectors=sector or None,
                lifetime=dt.timedelta(days=days),
            )
        )
        if as_json:
            print_json({**_token_json(issued.row), "token": issued.bearer.text})
            return
        out.print(issued.bearer.text, markup=False, soft_wrap=True)
        out.print(
            f"{role.value}, {_scope(issued.row)}, until {issued.row.expires_at:%Y-%m-%d %H:%M} UTC. "
            "It is not shown again.",
            markup=False,
            soft_wrap=True,
        )


@tokens.command("list")
def list_(as_json: Json = False) -> None:
    """List all tokens by their prefix; the secrets are not kept."""
    with reporting(as_json=as_json):
        rows = write(list_tokens)
        if as_json:
            print_json({"tokens": [_token_json(row) for row in rows]})
            return
        shown = table("Tokens", "prefix", "name", "role", "scope", "expires", "state")
        now = dt.datetime.now(dt.UTC)
        for row in rows:
            state = "revoked" if row.revoked_at else "expired" if row.expires_at <= now else "valid"
            shown.add_row(
                row.prefix, row.name, row.role.value, _scope(row), f"{row.expires_at:%Y-%m-%d}", state
            )
        out.print(shown)


@tokens.command()
def revoke(
    prefix: Annotated[str, typer.Argument(help="The part between the underscores.")], as_json: Json = False
) -> None:
    """End a token; a running API refuses it within TARAZU_PRINCIPAL_CACHE_SECONDS."""
    with reporting(as_json=as_json):
        row = write(lambda session: revoke_token(session, local_operator(), prefix))
        if as_json:
            print_json(_token_json(row))
        else:
            out.print(f"{row.prefix} ({row.name}) is revoked", markup=False)


@users.command()
def add(
    username: Username,
    role: RoleOption,
    district: Districts = None,
    sector: Sectors = None,
    as_json: Json = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    with reporting(as_json=as_json):
        password = _ask_password()
        user = write(
            lambda session: add_user(
                session,
                local_operator(),
                Passwords(),
                username=username,
                password=password,
                role=role,
                districts=district or None,
                sectors=sector or None,
            )
        )
        _tell(user, "is made", as_json=as_json)


@users.command()
def password(username: Username, as_json: Json = False) -> None:
    """Give a user another password; ends the lock-out and the user's log-ins."""
    with reporting(as_json=as_json):
        given = _ask_password()
        user = write(lambda session: set_password(session, local_operator(), Passwords(), username, given))
        _tell(user, "has another password", as_json=as_json)


@users.command()
def disable(username: Username, as_json: Json = False) -> None:
    """Refuse a user from now on."""
    with reporting(as_json=as_json):
        user = write(lambda session: disable_user(session, local_operator(), username))
        _tell(user, "is disabled", as_json=as_json)


@users.command()
def enable(username: Username, as_json: Json = False) -> None:
    """Let a disabled or locked-out user in again."""
    with reporting(as_json=as_json):
        user = write(lambda session: enable_user(session, local_operator(), username))
        _tell(user, "is enabled", as_json=as_json)


@users.command("list")
def list_users_(as_json: Json = False) -> None:
    """List all users."""
    with reporting(as_json=as_json):
        rows = write(list_users)
        if as_json:
            print_json({"users": [_user_json(row) for row in rows]})
            return
        shown = table("Users", "user", "role", "scope", "state")
        for row in rows:
            shown.add_row(row.username, row.role.value, _scope(row), _state(row))
        out.print(shown)


def _ask_password() -> str:
    """From a terminal twice and unseen, else the first line of standard input: never from the arguments."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _tell(user: UserAccount, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_user_json(user))
    else:
        out.print(f"{user.username} ({user.role.value}, {_scope(user)}) {what}", markup=False)


def _scope(row: ApiToken | UserAccount) -> str:
    return f"{_named('districts', row.district_codes)}, {_named('sectors', row.sectors)}"


def _named(what: str, values: Sequence[str] | None) -> str:
    return f"all {what}" if values is None else f"{what} {' '.join(values) or 'none'}"


def _state(user: UserAccount) -> str:
    if user.disabled_at is not None:
        return "disabled"
    is_locked = user.locked_until is not None and user.locked_until > dt.datetime.now(dt.UTC)
    return "locked out" if is_locked else "active"


def _token_json(row: ApiToken) -> dict[str, Any]:
    return {
        "prefix": row.prefix,
        "name": row.name,
        "role": row.role.value,
        "districts": row.district_codes,
        "sectors": row.sectors,
        "expires_at": row.expires_at.isoformat(),
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        "created_by": row.created_by,
    }


def _user_json(row: UserAccount) -> dict[str, Any]:
    return {
        "username": row.username,
        "role": row.role.value,
        "districts": row.district_codes,
        "sectors": row.sectors,
        "state": _state(row),
    }
