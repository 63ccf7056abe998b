"""`tarazu rules list|show|set|approve|reject|rollback|diff|simulate|stats`: rules as this company runs them."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from sqlalchemy import select

from tarazu.cli.context import Json, reporting, run, settings_with_database
from tarazu.cli.output import Steps, out, print_json, table
from tarazu.cli.rule_tables import (
    parameter_json,
    print_simulation,
    print_statistics,
    print_versions,
    scope_words,
    tell_versions,
    value_of,
    version_json,
)
from tarazu.database import Sessions, WriteSession, create_engine
from tarazu.errors import InputError, NotFoundError
from tarazu.models import District
from tarazu.models.enums import Decision, TariffClass
from tarazu.rule_parameters.changes import Change, decide, set_parameter, value_to_roll_back_to
from tarazu.rule_parameters.outcomes import newest_outcomes
from tarazu.rule_parameters.repository import ParameterVersion, parameter_versions, parameters_in_force
from tarazu.rule_parameters.statistics import rule_statistics
from tarazu.security.authentication import Authenticator
from tarazu.security.principal import Principal
from tarazu.security.principals import local_operator

if TYPE_CHECKING:
    from rules.rule import Catalogue, Rule

T = TypeVar("T")

RuleId = Annotated[str, typer.Argument(help="The rule, such as T02.")]
Assignments = Annotated[list[str], typer.Argument(help="One or more of parameter=value.")]
OfClass = Annotated[TariffClass | None, typer.Option("--tariff-class", help="Only for this tariff class.")]
OfDistrict = Annotated[str | None, typer.Option("--district", help="Only for the district of this code.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept for ever.")]
ByToken = Annotated[
    bool,
    typer.Option(
        "--token",
        help="Act as whom a token belongs to, read from standard input, not as this machine's operator.",
    ),
]
Day = Annotated[str | None, typer.Option("--as-of", help="Day to judge as of, YYYY-MM-DD.")]


def _work(work: Callable[[WriteSession, Principal], Awaitable[T]], *, by_token: bool = False) -> T:
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


def catalogue_on(day: dt.date) -> Catalogue:
    """The catalogue with the values in force on that day."""
    from etl.scan.in_force import catalogue_in_force

    shipped = _catalogue()
    return _work(lambda session, _: catalogue_in_force(session, shipped, day))


def list_(as_json: Json = False) -> None:
    """List the rules: status, version, and how many of their parameters this company has set."""
    with reporting(as_json=as_json):
        catalogue = _catalogue()
        versions = _work(lambda session, _: parameters_in_force(session, _today()))
        rows = [
            {
                "id": rule.id,
                "title": {"en": rule.title.en, "fa": rule.title.fa},
                "family": rule.family,
                "subject": rule.subject,
                "status": rule.status,
                "severity": rule.severity,
                "version": rule.version,
                "parameters": len(rule.parameters),
                "set": sum(version.rule_id == rule.id for version in versions),
            }
            for rule in catalogue.rules.values()
        ]
        if as_json:
            print_json({"rules": rows})
            return
        shown = table("Rules", "rule", "title", "status", "severity", "version", "set")
        for rule, row in zip(catalogue.rules.values(), rows, strict=True):
            shown.add_row(
                rule.id, rule.title.en, rule.status, rule.severity, str(rule.version), str(row["set"] or "")
            )
        out.print(shown)


def show(rule_id: RuleId, as_json: Json = False) -> None:
    """Show a rule with its parameters in force by class and district, and every version that was ever set."""
    with reporting(as_json=as_json):
        rule = _rule(_catalogue(), rule_id)

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[Sequence[ParameterVersion], Sequence[ParameterVersion]]:
            return (
                await parameters_in_force(session, _today()),
                await parameter_versions(session, rule_id),
            )

        in_force, versions = _work(work)
        in_force = [version for version in in_force if version.rule_id == rule_id]
        if as_json:
            print_json(
                {
                    "id": rule.id,
                    "version": rule.version,
                    "status": rule.status,
                    "definition": rule.definition,
                    "parameters": [
                        parameter_json(parameter, in_force) for parameter in rule.parameters.values()
                    ],
                    "versions": [version_json(version) for version in versions],
                }
            )
            return
        out.print(f"{rule.id} {rule.title.en}: {rule.status}, version {rule.version}", markup=False)
        out.print(rule.source, markup=False, soft_wrap=True)
        shown = table("Parameters in force", "parameter", "for", "value", "file", "bounds", "unit")
        for parameter in rule.parameters.values():
            bounds = f"{parameter.least:g} … {parameter.most:g}"
            everywhere = value_of(in_force, parameter.name, None, None)
            value = parameter.default if everywhere is None else everywhere
            shown.add_row(
                parameter.name, "all", f"{value:g}", f"{parameter.default:g}", bounds, parameter.unit
            )
            for tariff_class, number in parameter.by_tariff_class.items():
                if value_of(in_force, parameter.name, tariff_class, None) is None:
                    shown.add_row("", tariff_class, f"{number:g}", f"{number:g}", "", "")
            for version in in_force:
                if version.parameter == parameter.name and (version.tariff_class or version.district_code):
                    file = parameter.value(version.tariff_class)
                    shown.add_row("", scope_words(version), f"{version.value:g}", f"{file:g}", "", "")
        out.print(shown)
        print_versions("Versions", versions)


def set_(
    rule_id: RuleId,
    assignments: Assignments,
    reason: Reason,
    tariff_class: OfClass = None,
    district: OfDistrict = None,
    valid_from: Annotated[
        str | None, typer.Option("--from", help="First day it holds, YYYY-MM-DD; default: today.")
    ] = None,
    valid_to: Annotated[
        str | None, typer.Option("--until", help="First day it holds no more, YYYY-MM-DD.")
    ] = None,
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Set parameters of a rule, for all or for a class or district. Of a stable rule it counts once another approves."""
    with reporting(as_json=as_json):
        rule = _rule(_catalogue(), rule_id)
        since = _day(valid_from, "--from") or _today()
        until = _day(valid_to, "--until")
        changes = [
            _change(rule, name, value, since, until, reason, tariff_class, district)
            for name, value in _assigned(assignments)
        ]

        async def work(session: WriteSession, by: Principal) -> list[ParameterVersion]:
            return [await set_parameter(session, by, change) for change in changes]

        tell_versions(_work(work, by_token=by_token), as_json=as_json)


def approve(
    version_id: Annotated[int, typer.Argument(help="Id of the version, as `tarazu rules diff` shows it.")],
    reason: Reason,
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Approve a parameter that another person has set for a stable rule; from then on it counts."""
    _decide(version_id, Decision.APPROVED, reason, by_token=by_token, as_json=as_json)


def reject(
    version_id: Annotated[int, typer.Argument(help="Id of the version, as `tarazu rules diff` shows it.")],
    reason: Reason,
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Reject a parameter that another person has set; it never counts."""
    _decide(version_id, Decision.REJECTED, reason, by_token=by_token, as_json=as_json)


def rollback(
    rule_id: RuleId,
    parameter: Annotated[str, typer.Argument(help="The parameter.")],
    reason: Reason,
    tariff_class: OfClass = None,
    district: OfDistrict = None,
    to: Annotated[
        int | None, typer.Option("--to", min=0, help="Version to go back to; 0: what the rule file says.")
    ] = None,
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Write an earlier value as a new version; by default the one before the newest that counts."""
    with reporting(as_json=as_json):
        rule = _rule(_catalogue(), rule_id)

        async def work(session: WriteSession, by: Principal) -> list[ParameterVersion]:
            value = await value_to_roll_back_to(
                session, rule_id, parameter, tariff_class=tariff_class, district_code=district, version=to
            )
            change = _change(rule, parameter, value, _today(), None, reason, tariff_class, district)
            return [await set_parameter(session, by, change)]

        tell_versions(_work(work, by_token=by_token), as_json=as_json)


def diff(as_json: Json = False) -> None:
    """Show what differs from the rule files: values in force, those to come, and those that wait for approval."""
    with reporting(as_json=as_json):
        catalogue = _catalogue()

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[Sequence[ParameterVersion], Sequence[ParameterVersion]]:
            return await parameters_in_force(session, _today()), await parameter_versions(session)

        in_force, versions = _work(work)
        differing = [
            (version, file)
            for version in in_force
            if version.value != (file := _file_value(catalogue, version)) or file is None
        ]
        waiting = [version for version in versions if version.state == "pending"]
        coming = [
            version for version in versions if version.state == "counting" and version.valid_from > _today()
        ]
        if as_json:
            print_json(
                {
                    "in_force": [{**version_json(version), "file": file} for version, file in differing],
                    "pending": [version_json(version) for version in waiting],
                    "coming": [version_json(version) for version in coming],
                }
            )
            return
        shown = table(
            "In force, and not as in the rule files", "rule", "parameter", "for", "file", "value", "why"
        )
        for version, file in differing:
            was = "no such parameter" if file is None else f"{file:g}"
            shown.add_row(
                version.rule_id,
                version.parameter,
                scope_words(version),
                was,
                f"{version.value:g}",
                f"{version.reason} ({version.set_by}, {version.set_at:%Y-%m-%d})",
            )
        out.print(shown)
        print_versions("Waiting for a second person", waiting)
        print_versions("To come", coming)


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
        day = _day(as_of, "--as-of") or _last_day()
        shipped = _catalogue()
        rule = _rule(shipped, rule_id)

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[Catalogue, dict[str, int], dict[str, str]]:
            codes = await session.execute(select(District.code, District.id))
            return (
                await catalogue_in_force(session, shipped, day),
                dict(codes.tuples()),
                await newest_outcomes(session) if rule.subject == "usage_point" else {},
            )

        in_force, districts, outcomes = _work(work)
        if district is not None and district not in districts:
            raise NotFoundError(f"There is no district {district}.", mend="Check the code.")
        tried = [
            ParameterSetting(
                rule_id, name, tariff_class, None if district is None else districts[district], value
            )
            for name, value in _assigned(assignments)
        ]
        with Steps() as steps:
            found = run_simulation(settings, in_force, rule_id, tried, as_of=day, progress=steps)
        answer = found.to_json({number: code for code, number in districts.items()}, outcomes)
        if as_json:
            print_json(answer)
        else:
            print_simulation(answer)


def stats(
    rule_id: Annotated[str | None, typer.Argument(help="Only this rule.")] = None, as_json: Json = False
) -> None:
    """What became of the rules' findings, by rule and district: cases, visits, outcomes, precision with its interval."""
    with reporting(as_json=as_json):
        rows = _work(lambda session, _: rule_statistics(session, rule_id))
        if as_json:
            print_json({"rules": [row.to_json() for row in rows]})
            return
        print_statistics(rows)


def _decide(version_id: int, decision: Decision, reason: str, *, by_token: bool, as_json: bool) -> None:
    with reporting(as_json=as_json):
        version = _work(
            lambda session, by: decide(session, by, version_id, decision, reason), by_token=by_token
        )
        tell_versions([version], as_json=as_json)


def _catalogue() -> Catalogue:
    from rules.loader import load_catalogue

    return load_catalogue()


def _rule(catalogue: Catalogue, rule_id: str) -> Rule:
    if rule_id not in catalogue.rules:
        raise NotFoundError(f"There is no rule {rule_id}.", mend=f"Known: {', '.join(catalogue.rules)}.")
    return catalogue.rules[rule_id]


def _change(
    rule: Rule,
    name: str,
    value: float | None,
    since: dt.date,
    until: dt.date | None,
    reason: str,
    tariff_class: TariffClass | None,
    district: str | None,
) -> Change:
    from rules.parameter_settings import check_bounds, parameter_of

    parameter = parameter_of(rule, name)
    if value is not None:
        check_bounds(rule, parameter, value)
    if tariff_class is not None and rule.subject != "usage_point":
        raise InputError(f"{rule.id} judges a {rule.subject}, which has no tariff class.")
    return Change(
        rule_id=rule.id,
        parameter=name,
        value=value,
        least=parameter.least,
        most=parameter.most,
        valid_from=since,
        valid_to=until,
        reason=reason,
        needs_approval=rule.status == "stable",
        tariff_class=tariff_class,
        district_code=district,
    )


def _assigned(assignments: Sequence[str]) -> list[tuple[str, float]]:
    assigned: dict[str, float] = {}
    for text in assignments:
        name, sign, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            sign = ""
            value = 0.0
        if not sign or name in assigned:
            raise InputError(f"{text!r} is no new parameter=value.", mend="Write it as drop_percent=60.")
        assigned[name] = value
    return list(assigned.items())


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _day(text: str | None, option: str) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text!r} is no day.", mend="Write it as YYYY-MM-DD.") from None


def _last_day() -> dt.date:
    from etl.lake.manifest import require_manifest

    return dt.date.fromisoformat(require_manifest(settings_with_database().lake_directory).last_day)


def _file_value(catalogue: Catalogue, version: ParameterVersion) -> float | None:
    rule = catalogue.rules.get(version.rule_id)
    parameter = None if rule is None else rule.parameters.get(version.parameter)
    return None if parameter is None else parameter.value(version.tariff_class)


COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_,
    "show": show,
    "set": set_,
    "approve": approve,
    "reject": reject,
    "rollback": rollback,
    "diff": diff,
    "simulate": simulate,
    "stats": stats,
}
