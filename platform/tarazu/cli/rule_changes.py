"""`tarazu rules status|except|exceptions`: how far a rule has come here, and of whom it is not to speak."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import select

from tarazu.cli.context import Json, reporting
from tarazu.cli.output import out, print_json, table
from tarazu.cli.rule_work import ByToken, Reason, RuleId, day_of, here, known_rule, today, work_as
from tarazu.database import WriteSession
from tarazu.errors import InputError
from tarazu.models import ScanRun
from tarazu.models.enums import RuleLifecycle, ScanKind
from tarazu.rule_changes.changes import (
    ExceptionChange,
    StatusChange,
    except_subject,
    set_status,
    status_to_roll_back_to,
)
from tarazu.rule_changes.repository import (
    ExceptionVersion,
    StatusVersion,
    exception_versions,
    newest_exceptions,
    statuses_in_force,
)
from tarazu.security.principal import Principal

if TYPE_CHECKING:
    from rules.rule import Rule


def status(
    rule_id: RuleId,
    status: Annotated[
        str, typer.Argument(help="draft, shadow, trial, stable, deprecated; file: as shipped.")
    ],
    reason: Reason,
    district: Annotated[
        str | None, typer.Option("--district", help="Of a trial: only in the district of this code.")
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", help="Of a trial: at most so many findings at a time.")
    ] = None,
    valid_from: Annotated[
        str | None, typer.Option("--from", help="First day it holds, YYYY-MM-DD; default: today.")
    ] = None,
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Set the status of a rule. What opens cases, or opens them no more, counts once another approves."""
    with reporting(as_json=as_json):
        rule = known_rule(here(), rule_id)
        if status != "file" and status not in list(RuleLifecycle):
            raise InputError(
                f"There is no status {status!r}.", mend=f"Known: {', '.join(RuleLifecycle)}, file."
            )
        wanted = None if status == "file" else RuleLifecycle(status)
        since = day_of(valid_from, "--from") or today()
        change = work_as(
            lambda session, by: _set(session, by, rule, wanted, reason, since, district, most),
            by_token=by_token,
        )
        tell_change(change, as_json=as_json)


def roll_status_back(rule: Rule, reason: str, *, by_token: bool, as_json: bool) -> None:
    """The status before the newest as a new version."""

    async def work(session: WriteSession, by: Principal) -> StatusVersion:
        before = await status_to_roll_back_to(session, rule.id)
        wanted = None if before is None else before.status
        district = None if before is None else before.district_code
        most = None if before is None else before.most_findings
        return await _set(session, by, rule, wanted, reason, today(), district, most)

    tell_change(work_as(work, by_token=by_token), as_json=as_json)


def except_(
    rule_id: RuleId,
    subject: Annotated[
        str,
        typer.Argument(
            help="point:…, customer:…, transformer:…, agent:…, class:…, district:… or class:…,district:…"
        ),
    ],
    reason: Reason,
    owner: Annotated[str, typer.Option("--owner", help="The office or person that answers for it.")],
    until: Annotated[
        str, typer.Option("--until", help="First day it holds no more, YYYY-MM-DD; `now` ends one.")
    ],
    by_token: ByToken = False,
    as_json: Json = False,
) -> None:
    """Except a subject, class or district from a rule until a day, a year at most. It counts once another approves."""
    with reporting(as_json=as_json):
        rule = known_rule(here(), rule_id)
        _check_subject(rule, subject, ending=until == "now")
        last = today() if until == "now" else day_of(until, "--until")
        assert last is not None
        if until != "now" and last <= today():
            raise InputError(
                "An exception that ends today or before hides nothing.", mend="To end one: --until now."
            )
        change = ExceptionChange(rule_id, subject, owner, today(), last, reason)
        tell_change(
            work_as(lambda session, by: except_subject(session, by, change), by_token=by_token),
            as_json=as_json,
        )


def exceptions(as_json: Json = False) -> None:
    """List exceptions: owner, reason, until when, what each hid in the last scan; those that wait or have expired."""
    with reporting(as_json=as_json):

        async def work(session: WriteSession, _: Principal) -> tuple[list[ExceptionVersion], dict[str, Any]]:
            # An evaluation on arrival counts only what it judged again.
            newest = (
                select(ScanRun.summary)
                .where(ScanRun.summary.is_not(None), ScanRun.kind == ScanKind.SCAN)
                .order_by(ScanRun.id.desc())
            )
            summary = await session.scalar(newest.limit(1))
            return await exception_versions(session), (summary or {}).get("excepted", {})

        versions, hidden = work_as(work)
        day = today()
        shown = [
            (version, "in force" if version.holds_on(day) else "expired")
            for version in newest_exceptions(versions, day)
        ] + [(version, "pending") for version in versions if version.state == "pending"]
        if as_json:
            print_json(
                {
                    "exceptions": [
                        {**version.to_json(), "state": state, "hidden": hidden.get(version.id, 0)}
                        for version, state in shown
                    ]
                }
            )
            return
        rows = table(
            "Exceptions", "id", "rule", "subject", "owner", "until", "state", "hid", "why", numbers=("hid",)
        )
        for version, state in shown:
            rows.add_row(
                version.id,
                version.rule_id,
                version.subject,
                version.owner,
                version.valid_to.isoformat(),
                state,
                f"{hidden.get(version.id, 0):,}",
                f"{version.reason} ({version.set_by})",
            )
        out.print(rows)


def status_json(rule: Rule, in_force: StatusVersion | None) -> dict[str, Any]:
    """The status in force, the rule file's, and since when, why and by whom it is another."""
    if in_force is None:
        return {"status": rule.status, "file_status": rule.status, "status_set": None}
    return {"status": in_force.status, "file_status": rule.status, "status_set": in_force.to_json()}


def status_words(rule: Rule, in_force: StatusVersion | None) -> str:
    if in_force is None:
        return f"{rule.status} (rule file)"
    limits = f" in district {in_force.district_code}" if in_force.district_code else ""
    limits += f" of {in_force.most_findings} findings at most" if in_force.most_findings else ""
    return (
        f"{in_force.status}{limits} since {in_force.valid_from} ({in_force.reason}; {in_force.set_by}), "
        f"{rule.status} in the rule file"
    )


def tell_change(change: StatusVersion | ExceptionVersion, *, as_json: bool) -> None:
    if as_json:
        print_json({"change": change.to_json()})
        return
    state = (
        f"waits for another person: tarazu rules approve {change.id}"
        if change.state == "pending"
        else change.state
    )
    out.print(f"{change.rule_id} {_words(change)}: {state} (id {change.id})", markup=False, soft_wrap=True)


def print_changes(title: str, changes: Sequence[StatusVersion | ExceptionVersion]) -> None:
    if not changes:
        return
    shown = table(title, "id", "rule", "change", "from", "state", "why")
    for change in changes:
        why = f"{change.reason} ({change.set_by}, {change.set_at:%Y-%m-%d})"
        shown.add_row(
            change.id, change.rule_id, _words(change), change.valid_from.isoformat(), change.state, why
        )
    out.print(shown)


def _words(change: StatusVersion | ExceptionVersion) -> str:
    if isinstance(change, StatusVersion):
        return f"status {change.status or 'of the rule file'}"
    return f"exception of {change.subject} until {change.valid_to} ({change.owner})"


async def _set(
    session: WriteSession,
    by: Principal,
    rule: Rule,
    wanted: RuleLifecycle | None,
    reason: str,
    since: dt.date,
    district: str | None,
    most: int | None,
) -> StatusVersion:
    file = RuleLifecycle(rule.status)
    in_force = (await statuses_in_force(session, since)).get(rule.id)
    present = file if in_force is None or in_force.status is None else in_force.status
    change = StatusChange(rule.id, present, wanted, file, since, reason, district, most)
    return await set_status(session, by, change)


def _check_subject(rule: Rule, subject: str, *, ending: bool) -> None:
    """Whether the author lets the rule be excepted so; what was allowed once can always be ended."""
    from rules.rule import EXCEPTABLE_BY

    allowed = EXCEPTABLE_BY[rule.subject] if ending else rule.exceptable_by
    parts = [part.partition(":")[0].strip() for part in subject.split(",")]
    kind = "+".join(sorted(parts))
    if kind not in allowed:
        possible = ", ".join(allowed)
        raise InputError(
            f"{rule.id} judges a {rule.subject} and cannot be excepted by {subject!r}.",
            mend=f"Possible: {possible}." if possible else "The rule file lets nobody be excepted.",
        )


COMMANDS: dict[str, Callable[..., None]] = {
    "status": status,
    "except": except_,
    "exceptions": exceptions,
}
