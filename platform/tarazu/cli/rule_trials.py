"""`tarazu rules simulate|preview`: what other values or another rule file would find, before anything is set."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import select

from tarazu.cli.context import Json, reporting, settings_with_database
from tarazu.cli.output import Steps, print_json
from tarazu.cli.rule_tables import print_simulation
from tarazu.cli.rule_work import (
    Assignments,
    Day,
    OfClass,
    OfDistrict,
    RuleId,
    assigned,
    day_of,
    known_rule,
    overlaid,
    shipped,
    work_as,
)
from tarazu.database import WriteSession
from tarazu.errors import NotFoundError
from tarazu.models import District
from tarazu.rule_parameters.outcomes import newest_outcomes
from tarazu.security.principal import Principal

if TYPE_CHECKING:
    from etl.scan.simulate import Simulation
    from rules.rule import Catalogue, Rule


def simulate(
    rule_id: RuleId,
    assignments: Assignments,
    tariff_class: OfClass = None,
    district: OfDistrict = None,
    as_of: Day = None,
    as_json: Json = False,
) -> None:
    """Say what other values would find on the lake, against those in force: findings, cases, districts, outcomes."""
    from etl.scan.in_force import catalogue_in_force
    from etl.scan.simulate import simulate as run_simulation
    from rules.parameter_settings import ParameterSetting

    with reporting(as_json=as_json):
        settings = settings_with_database()
        day = day_of(as_of, "--as-of") or _last_day()
        files = overlaid()[0]
        rule = known_rule(files, rule_id)

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[Catalogue, dict[str, int], dict[str, str]]:
            return (
                await catalogue_in_force(session, files, day),
                await _districts(session),
                await _outcomes(session, rule),
            )

        in_force, districts, outcomes = work_as(work)
        if district is not None and district not in districts:
            raise NotFoundError(f"There is no district {district}.", mend="Check the code.")
        tried = [
            ParameterSetting(
                rule_id, name, tariff_class, None if district is None else districts[district], value
            )
            for name, value in assigned(assignments)
        ]
        with Steps() as steps:
            found = run_simulation(settings, in_force, rule_id, tried, as_of=day, progress=steps)
        _tell(found, districts, outcomes, as_json=as_json)


def preview(
    file: Annotated[Path, typer.Argument(help="A rule file, changed or new, that is not in force.")],
    as_of: Day = None,
    as_json: Json = False,
) -> None:
    """Say what a rule file would find on the lake before it is in force, against the rule of its id if there is one."""
    from etl.scan.in_force import catalogue_in_force
    from etl.scan.simulate import preview as run_preview
    from rules.loader import load_rule

    with reporting(as_json=as_json):
        settings = settings_with_database()
        rule = load_rule(file)
        day = day_of(as_of, "--as-of") or _last_day()
        files, overlay = overlaid()
        with_file = overlay.over(replace(files, rules={**shipped().rules, rule.id: rule}))

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[Catalogue, Catalogue, dict[str, int], dict[str, str]]:
            return (
                await catalogue_in_force(session, files, day),
                # What is set here goes on to hold, so it has to be within the bounds of the new file.
                await catalogue_in_force(session, with_file, day),
                await _districts(session),
                await _outcomes(session, rule),
            )

        in_force, then, districts, outcomes = work_as(work)
        with Steps() as steps:
            found = run_preview(settings, in_force, then.rules[rule.id], as_of=day, progress=steps)
        _tell(found, districts, outcomes, as_json=as_json)


async def _districts(session: WriteSession) -> dict[str, int]:
    codes = await session.execute(select(District.code, District.id))
    return dict(codes.tuples())


async def _outcomes(session: WriteSession, rule: Rule) -> dict[str, str]:
    return await newest_outcomes(session) if rule.subject == "usage_point" else {}


def _last_day() -> dt.date:
    from etl.lake.manifest import require_manifest

    return dt.date.fromisoformat(require_manifest(settings_with_database().lake_directory).last_day)


def _tell(found: Simulation, districts: dict[str, int], outcomes: dict[str, str], *, as_json: bool) -> None:
    answer = found.to_json({number: code for code, number in districts.items()}, outcomes)
    if as_json:
        print_json(answer)
    else:
        print_simulation(answer)


COMMANDS: dict[str, Callable[..., None]] = {"simulate": simulate, "preview": preview}
