"""What the commands about rules share: options, the catalogue, and work in one transaction as whoever asks."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tarazu.cli.context import run, settings_with_database
from tarazu.database import Sessions, WriteSession, create_engine
from tarazu.errors import InputError, NotFoundError
from tarazu.models.enums import TariffClass
from tarazu.security.authentication import Authenticator
from tarazu.security.principal import Principal
from tarazu.security.principals import local_operator
from tarazu.settings import get_settings

if TYPE_CHECKING:
    from rules.overlay import Overlay
    from rules.rule import Catalogue, Rule

T = TypeVar("T")

Assignments = Annotated[list[str], typer.Argument(help="One or more of parameter=value.")]
OfClass = Annotated[TariffClass | None, typer.Option("--tariff-class", help="Only for this tariff class.")]
OfDistrict = Annotated[str | None, typer.Option("--district", help="Only for the district of this code.")]
Day = Annotated[str | None, typer.Option("--as-of", help="Day to judge as of, YYYY-MM-DD.")]
RuleId = Annotated[str, typer.Argument(help="The rule, such as T02.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept for ever.")]
ByToken = Annotated[
    bool,
    typer.Option(
        "--token",
        help="Act as whom a token belongs to, read from standard input, not as this machine's operator.",
    ),
]


def work_as(work: Callable[[WriteSession, Principal], Awaitable[T]], *, by_token: bool = False) -> T:
    """Run `work` in one transaction on the configured database, as whoever asks."""
    settings = settings_with_database()
    bearer = sys.stdin.readline().strip() if by_token else None

    async def inside() -> T:
        engine = create_engine(settings, application_name="tarazu rules", pool_size=2)
        try:
            sessions = Sessions(engine)
            principal = local_operator()
            if bearer is not None:
                principal = await Authenticator(sessions, settings).authenticate(f"Bearer {bearer}")
            async with sessions.write() as session:
                return await work(session, principal)
        finally:
            await engine.dispose()

    return run(inside())


def shipped() -> Catalogue:
    """The rule files as they are."""
    from rules.loader import load_catalogue

    return load_catalogue()


def overlaid() -> tuple[Catalogue, Overlay]:
    """The rule files with the company's overlay over them, and that overlay."""
    from rules.overlay import read_overlay

    files = shipped()
    overlay = read_overlay(get_settings().rules_overlay, files)
    return overlay.over(files), overlay


def here() -> Catalogue:
    """The rule files with the company's overlay over them: what holds where the database sets nothing."""
    return overlaid()[0]


def known_rule(catalogue: Catalogue, rule_id: str) -> Rule:
    """
    Raises:
        NotFoundError: the catalogue has no such rule.
    """
    if rule_id not in catalogue.rules:
        raise NotFoundError(f"There is no rule {rule_id}.", mend=f"Known: {', '.join(catalogue.rules)}.")
    return catalogue.rules[rule_id]


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def day_of(text: str | None, option: str) -> dt.date | None:
    """
    Raises:
        InputError: it is no day.
    """
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text!r} is no day.", mend="Write it as YYYY-MM-DD.") from None


def assigned(assignments: Sequence[str]) -> list[tuple[str, float]]:
    """
    Raises:
        InputError: a text is no `parameter=value`, or a parameter comes twice.
    """
    values: dict[str, float] = {}
    for text in assignments:
        name, sign, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            sign = ""
            value = 0.0
        if not sign or name in values:
            raise InputError(f"{text!r} is no new parameter=value.", mend="Write it as drop_percent=60.")
        values[name] = value
    return list(values.items())
