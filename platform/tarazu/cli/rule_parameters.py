"""`tarazu rules list|show|set|approve|reject|rollback|diff|stats`: rules as this company runs them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tarazu.cli import rule_changes, rule_trials
from tarazu.cli.context import Json, reporting
from tarazu.cli.output import out, print_json, table
from tarazu.cli.rule_changes import (
    print_changes,
    roll_status_back,
    status_json,
    status_words,
    tell_change,
)
from tarazu.cli.rule_tables import (
    difference_json,
    parameter_json,
    print_overlay,
    print_statistics,
    print_versions,
    scope_words,
    tell_versions,
    value_of,
    version_json,
)
from tarazu.cli.rule_work import (
    Assignments,
    ByToken,
    OfClass,
    OfDistrict,
    Reason,
    RuleId,
    assigned,
    day_of,
    here,
    known_rule,
    overlaid,
    shipped,
    today,
    work_as,
)
from tarazu.database import WriteSession
from tarazu.errors import InputError
from tarazu.models.enums import Decision, TariffClass
from tarazu.rule_changes.changes import decide_change
from tarazu.rule_changes.repository import (
    ExceptionVersion,
    StatusVersion,
    exception_versions,
    status_versions,
    statuses_in_force,
)
from tarazu.rule_parameters.changes import Change, decide, set_parameter, value_to_roll_back_to
from tarazu.rule_parameters.repository import ParameterVersion, parameter_versions, parameters_in_force
from tarazu.rule_parameters.statistics import rule_statistics
from tarazu.security.principal import Principal

if TYPE_CHECKING:
    from rules.rule import Catalogue, Rule

VersionId = Annotated[str, typer.Argument(help="Id as `tarazu rules diff` shows it: 17, S3 or E5.")]


def catalogue_on(day: dt.date) -> Catalogue:
    """The catalogue with the values in force on that day."""
    from etl.scan.in_force import catalogue_in_force

    catalogue = here()
    return work_as(lambda session, _: catalogue_in_force(session, catalogue, day))


def list_(as_json: Json = False) -> None:
    """List the rules: status, version, and how many of their parameters this company has set."""
    with reporting(as_json=as_json):
        catalogue = here()

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[Sequence[ParameterVersion], dict[str, StatusVersion]]:
            return (
                await parameters_in_force(session, today()),
                await statuses_in_force(session, today()),
            )

        versions, statuses = work_as(work)
        rows = [
            {
                "id": rule.id,
                "title": {"en": rule.title.en, "fa": rule.title.fa},
                "family": rule.family,
                "subject": rule.subject,
                **status_json(rule, statuses.get(rule.id)),
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
                rule.id,
                rule.title.en,
                str(row["status"]),
                rule.severity,
                str(rule.version),
                str(row["set"] or ""),
            )
        out.print(shown)


def show(rule_id: RuleId, as_json: Json = False) -> None:
    """Show a rule with its parameters in force by class and district, and every version that was ever set."""
    with reporting(as_json=as_json):
        file = known_rule(shipped(), rule_id)
        catalogue, overlay = overlaid()
        rule = catalogue.rules[rule_id]

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[
            Sequence[ParameterVersion], Sequence[ParameterVersion], list[StatusVersion], StatusVersion | None
        ]:
            return (
                await parameters_in_force(session, today()),
                await parameter_versions(session, rule_id),
                [version for version in await status_versions(session) if version.rule_id == rule_id],
                (await statuses_in_force(session, today())).get(rule_id),
            )

        in_force, versions, statuses, status = work_as(work)
        in_force = [version for version in in_force if version.rule_id == rule_id]
        if as_json:
            print_json(
                {
                    "id": rule.id,
                    "version": rule.version,
                    **status_json(rule, status),
                    "definition": rule.definition,
                    "parameters": [
                        parameter_json(parameter, rule.parameters[name], in_force)
                        for name, parameter in file.parameters.items()
                    ],
                    "disabled_by_overlay": overlay.disabled.get(rule_id),
                    "exceptable_by": rule.exceptable_by,
                    "versions": [version_json(version) for version in versions],
                    "statuses": [version.to_json() for version in statuses],
                }
            )
            return
        out.print(
            f"{rule.id} {rule.title.en}: {status_words(rule, status)}, version {rule.version}",
            markup=False,
            soft_wrap=True,
        )
        if rule_id in overlay.disabled:
            out.print(
                f"disabled by the overlay {overlay.path} ({overlay.disabled[rule_id]}), {file.status} in the rule file",
                markup=False,
                soft_wrap=True,
            )
        out.print(rule.source, markup=False, soft_wrap=True)
        out.print(f"may be excepted by: {', '.join(rule.exceptable_by) or 'nothing'}", markup=False)
        shown = table("Parameters in force", "parameter", "for", "value", "origin", "file", "bounds", "unit")
        for parameter in rule.parameters.values():
            bounds = f"{parameter.least:g} … {parameter.most:g}"
            everywhere = value_of(in_force, parameter.name, None, None)
            value = parameter.default if everywhere is None else everywhere
            in_file = file.parameters[parameter.name]
            origin = "overlay" if None in parameter.overlaid else "file"
            shown.add_row(
                parameter.name,
                "all",
                f"{value:g}",
                origin if everywhere is None else "set",
                f"{in_file.default:g}",
                bounds,
                parameter.unit,
            )
            for tariff_class, number in parameter.by_tariff_class.items():
                if value_of(in_force, parameter.name, tariff_class, None) is None:
                    origin = "overlay" if tariff_class in parameter.overlaid else "file"
                    shown.add_row(
                        "", tariff_class, f"{number:g}", origin, f"{in_file.value(tariff_class):g}", "", ""
                    )
            for version in in_force:
                if version.parameter == parameter.name and (version.tariff_class or version.district_code):
                    says = in_file.value(version.tariff_class)
                    shown.add_row("", scope_words(version), f"{version.value:g}", "set", f"{says:g}", "", "")
        out.print(shown)
        print_versions("Versions", versions)
        print_changes("Statuses", statuses)


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
        rule = known_rule(catalogue_on(today()), rule_id)
        since = day_of(valid_from, "--from") or today()
        until = day_of(valid_to, "--until")
        changes = [
            _change(rule, name, value, since, until, reason, tariff_class, district)
            for name, value in assigned(assignments)
        ]

        async def work(session: WriteSession, by: Principal) -> list[ParameterVersion]:
            return [await set_parameter(session, by, change) for change in changes]

        tell_versions(work_as(work, by_token=by_token), as_json=as_json)


def approve(
    version_id: VersionId,
    reason: Reason,
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Approve a parameter, status or exception that another person has set; from then on it counts."""
    _decide(version_id, Decision.APPROVED, reason, by_token=by_token, as_json=as_json)


def reject(
    version_id: VersionId,
    reason: Reason,
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Reject a parameter, status or exception that another person has set; it never counts."""
    _decide(version_id, Decision.REJECTED, reason, by_token=by_token, as_json=as_json)


def rollback(
    rule_id: RuleId,
    parameter: Annotated[str, typer.Argument(help="The parameter, or `status`.")],
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
        rule = known_rule(here(), rule_id)
        if parameter == "status":
            roll_status_back(rule, reason, by_token=by_token, as_json=as_json)
            return

        async def work(session: WriteSession, by: Principal) -> list[ParameterVersion]:
            value = await value_to_roll_back_to(
                session, rule_id, parameter, tariff_class=tariff_class, district_code=district, version=to
            )
            change = _change(rule, parameter, value, today(), None, reason, tariff_class, district)
            return [await set_parameter(session, by, change)]

        tell_versions(work_as(work, by_token=by_token), as_json=as_json)


def diff(as_json: Json = False) -> None:
    """Show what differs from the rule files: values in force, the overlay's, those to come, and those that wait."""
    with reporting(as_json=as_json):
        from rules.overlay import differences

        catalogue = shipped()
        overlay = overlaid()[1]
        in_overlay = differences(overlay, catalogue)

        async def work(
            session: WriteSession, _: Principal
        ) -> tuple[
            Sequence[ParameterVersion], Sequence[ParameterVersion], list[StatusVersion | ExceptionVersion]
        ]:
            return (
                await parameters_in_force(session, today()),
                await parameter_versions(session),
                [*await status_versions(session), *await exception_versions(session)],
            )

        in_force, versions, others = work_as(work)
        others = [version for version in others if version.state == "pending"]
        differing = [
            (version, file)
            for version in in_force
            if version.value != (file := _file_value(catalogue, version)) or file is None
        ]
        waiting = [version for version in versions if version.state == "pending"]
        coming = [
            version for version in versions if version.state == "counting" and version.valid_from > today()
        ]
        if as_json:
            print_json(
                {
                    "in_force": [{**version_json(version), "file": file} for version, file in differing],
                    "pending": [version_json(version) for version in waiting],
                    "coming": [version_json(version) for version in coming],
                    "pending_changes": [version.to_json() for version in others],
                    "overlay": [difference_json(one) for one in in_overlay],
                    "disabled_by_overlay": overlay.disabled,
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
        print_overlay(overlay, in_overlay)
        print_versions("Waiting for a second person", waiting)
        print_versions("To come", coming)
        print_changes("Statuses and exceptions that wait for a second person", others)


def stats(
    rule_id: Annotated[str | None, typer.Argument(help="Only this rule.")] = None, as_json: Json = False
) -> None:
    """What became of the rules' findings, by rule and district: cases, visits, outcomes, precision with its interval."""
    with reporting(as_json=as_json):
        rows = work_as(lambda session, _: rule_statistics(session, rule_id))
        if as_json:
            print_json({"rules": [row.to_json() for row in rows]})
            return
        print_statistics(rows)


def _decide(version_id: str, decision: Decision, reason: str, *, by_token: bool, as_json: bool) -> None:
    with reporting(as_json=as_json):
        if version_id[:1] in ("S", "E"):
            change = work_as(
                lambda session, by: decide_change(session, by, version_id, decision, reason),
                by_token=by_token,
            )
            tell_change(change, as_json=as_json)
            return
        if not version_id.isdecimal():
            raise InputError(f"{version_id!r} is no id.", mend="Write it as 17, S3 or E5.")
        version = work_as(
            lambda session, by: decide(session, by, int(version_id), decision, reason), by_token=by_token
        )
        tell_versions([version], as_json=as_json)


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
    "stats": stats,
    **rule_changes.COMMANDS,
    **rule_trials.COMMANDS,
}
