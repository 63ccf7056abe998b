"""`tarazu audit …`: read the audit log, and check that nobody changed it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from sqlalchemy import func, select

from tarazu.cli.context import Json, open_sessions, reporting, run, settings_with_database
from tarazu.cli.output import Steps, out, print_json, table
from tarazu.database import ReadSession
from tarazu.errors import InputError, NotFoundError
from tarazu.models import AuditEvent
from tarazu.security.audit_chain import ChainHead, Verification, read_head, verify_chain

T = TypeVar("T")

app = typer.Typer(help="The audit log: read it, check it, print its head.", no_args_is_help=True)


def _read(work: Callable[[ReadSession], Awaitable[T]]) -> T:
    settings = settings_with_database()

    async def inside() -> T:
        async with open_sessions(settings, "audit") as sessions, sessions.read() as session:
            return await work(session)

    return run(inside())


@app.command()
def verify(
    from_head: Annotated[
        Path | None,
        typer.Option("--from-head", help="A head that `tarazu audit head --json` printed before."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Walk the chain and name the first row that is not as it was written (exit code 1)."""
    with reporting(as_json=as_json):
        kept = None if from_head is None else _read_kept(from_head)

        async def work(session: ReadSession) -> Verification:
            total = await session.scalar(select(func.count()).select_from(AuditEvent)) or 0
            with Steps() as steps:
                return await verify_chain(
                    session, kept, progress=lambda rows: steps("audit events", rows, total)
                )

        found = _read(work)
        if as_json:
            fault = found.fault
            print_json(
                {
                    "ok": fault is None,
                    "rows": found.rows,
                    "head": None if found.head is None else _head_json(found.head),
                    "fault": fault and {"id": fault.id, "reason": fault.reason, "message": fault.sentence},
                }
            )
        elif found.fault is not None:
            out.print(f"The audit log was tampered with. {found.fault.sentence}", markup=False)
        else:
            out.print(f"{found.rows:,} audit events, all as they were written", markup=False)
        if found.fault is not None:
            raise typer.Exit(1)


@app.command()
def head(as_json: Json = False) -> None:
    """Print number and hash of the newest row: keep it elsewhere, it proves all rows up to it."""
    with reporting(as_json=as_json):
        found = _read(read_head)
        if found is None:
            raise NotFoundError("The audit log is empty.")
        if as_json:
            print_json(_head_json(found))
        else:
            out.print(f"{found.id} {found.hash.hex()}", markup=False)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest.")] = 50,
    action: Annotated[str | None, typer.Option(help="Only of this action, such as sensitive_read.")] = None,
    as_json: Json = False,
) -> None:
    """List the newest events."""
    with reporting(as_json=as_json):
        statement = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
        if action is not None:
            statement = statement.where(AuditEvent.action == action)

        async def work(session: ReadSession) -> list[AuditEvent]:
            return list(await session.scalars(statement))

        rows = _read(work)
        if as_json:
            print_json({"events": [_event_json(row) for row in rows]})
            return
        shown = table("Audit log", "id", "at (UTC)", "who", "action", "subject", "details")
        for row in rows:
            subject = f"{row.subject_type} {row.subject_id}" if row.subject_type else ""
            shown.add_row(
                str(row.id),
                f"{row.at:%Y-%m-%d %H:%M:%S}",
                row.principal_name or "",
                row.action,
                subject,
                orjson.dumps(row.details).decode() if row.details else "",
            )
        out.print(shown)


def _read_kept(path: Path) -> ChainHead:
    try:
        given = orjson.loads(path.read_bytes())
        kept = ChainHead(int(given["id"]), bytes.fromhex(given["hash"]))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(
            f"{path} holds no head.", mend="Give what `tarazu audit head --json` wrote."
        ) from None
    return kept


def _head_json(kept: ChainHead) -> dict[str, Any]:
    return {"id": kept.id, "hash": kept.hash.hex()}


def _event_json(row: AuditEvent) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at.isoformat(),
        "principal_id": row.principal_id,
        "principal_name": row.principal_name,
        "principal_role": row.principal_role,
        "action": row.action,
        "subject_type": row.subject_type,
        "subject_id": row.subject_id,
        "details": row.details,
        "request_id": row.request_id,
    }
