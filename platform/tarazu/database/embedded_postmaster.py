"""What the file postmaster.pid says, and whether it is true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from tarazu.database.embedded_layout import PORT, EmbeddedLayout
from tarazu.errors import StorageError

# Backends end by themselves when their postmaster is gone, as soon as they wait for something.
_ORPHANS_LEAVE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The first lines of postmaster.pid (src/include/utils/pidfile.h of PostgreSQL)."""

    process_id: int
    socket_directory: str
    status: str
    """`ready` when it takes connections, else `starting`, `stopping` or `standby`."""


def read_postmaster(layout: EmbeddedLayout) -> Postmaster | None:
    """What postmaster.pid says; None when there is none. A broken file gives the process id 0."""
    try:
        lines = (layout.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(
            f"{layout.data / 'postmaster.pid'} cannot be read: {error.strerror}.",
            mend="Run Tarazu as the user who created the embedded database.",
        ) from error
    lines += [""] * (8 - len(lines))
    return Postmaster(
        process_id=int(lines[0]) if lines[0].strip().isdigit() else 0,
        socket_directory=lines[4],
        status=lines[7].strip() or "starting",
    )


def is_alive(postmaster: Postmaster, layout: EmbeddedLayout) -> bool:
    """Whether that process runs and is the postmaster of this cluster.

    A zombie is not alive: where process 1 does not reap, a killed postmaster keeps its id for ever, and
    PostgreSQL itself takes it for a live one. Nor is a process that got the id later.
    """
    if postmaster.process_id <= 0:
        return False
    try:
        process = psutil.Process(postmaster.process_id)
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return False
        if process.uids().effective != layout.account.uid:
            return False
        command = process.cmdline()
    except psutil.Error:
        return False
    if not command or Path(command[0]).name != "postgres":
        return False
    if "-D" not in command[:-1]:
        return True  # started by hand with PGDATA: better to take it for ours than to remove its lock
    folder = Path(command[command.index("-D") + 1])
    return folder.resolve() == layout.data


def clear_after_crash(layout: EmbeddedLayout) -> None:
    """Make a start possible after the postmaster died without cleaning up. The caller holds the lock.

    First its orphans must be gone: a new postmaster beside old backends would ruin the cluster.
    """
    orphans = [process for process in psutil.process_iter() if _is_backend(process, layout)]
    _, left = psutil.wait_procs(orphans, timeout=_ORPHANS_LEAVE_SECONDS)
    for process in left:
        process.kill()
    _, left = psutil.wait_procs(left, timeout=_ORPHANS_LEAVE_SECONDS)
    left = [process for process in left if _is_backend(process, layout)]
    if left:
        raise StorageError(
            f"Processes of a crashed embedded database are still there: {[process.pid for process in left]}.",
            mend="End them, then start again.",
        )
    # The socket has a lock file of its own, with the same process id in it.
    socket = f".s.PGSQL.{PORT}"
    for path in (
        layout.data / "postmaster.pid",
        layout.socket / f"{socket}.lock",
        layout.socket / socket,
    ):
        path.unlink(missing_ok=True)


def _is_backend(process: psutil.Process, layout: EmbeddedLayout) -> bool:
    try:
        return (
            process.uids().effective == layout.account.uid
            and process.status() != psutil.STATUS_ZOMBIE
            and " ".join(process.cmdline()).startswith(f"postgres: {layout.cluster_name}: ")
        )
    except psutil.Error:
        return False
