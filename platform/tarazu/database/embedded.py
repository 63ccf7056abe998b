"""The embedded PostgreSQL: made, started and stopped by Tarazu, reachable only through a unix socket.

It keeps running when the process that started it ends. Every process of Tarazu may call `start()`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

from tarazu.database.embedded_account import create_account
from tarazu.database.embedded_cluster import (
    DATABASE,
    ROLE,
    SUPERUSER,
    make_cluster,
    write_configuration,
)
from tarazu.database.embedded_layout import (
    PORT,
    SYSTEM_STORE,
    EmbeddedLayout,
    create_folders,
    decide_layout,
    find_layout,
)
from tarazu.database.embedded_postmaster import clear_after_crash, is_alive, read_postmaster
from tarazu.database.embedded_programs import Programs, reachable_programs, wheel_programs
from tarazu.errors import BusyError, DatabaseUnavailableError, StorageError
from tarazu.folders import private_folder
from tarazu.settings import Settings

_LOCK_SECONDS = 330.0
# Recovery reads at most max_wal_size of log: 4 GB at 20 MB/s of a slow disk are 200 s.
_START_SECONDS = 300
_STOP_SECONDS = 120


class EmbeddedServer:
    """The one server of the settings' embedded folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._layout: EmbeddedLayout | None = None

    @property
    def layout(self) -> EmbeddedLayout:
        """Where its things are. Raises DatabaseUnavailableError before the first start by root."""
        layout = self._layout or find_layout(self._settings)
        if layout is None:
            raise DatabaseUnavailableError(
                "The embedded database was never started.", mend="Start it with `tarazu db start`."
            )
        self._layout = layout
        return layout

    def is_running(self) -> bool:
        """Whether it takes connections."""
        layout = self._layout or find_layout(self._settings)
        if layout is None:
            return False
        postmaster = read_postmaster(layout)
        return postmaster is not None and postmaster.status == "ready" and is_alive(postmaster, layout)

    def start(self) -> Self:
        """Make the cluster if there is none, start it if it does not run. Returns when it takes connections.

        Safe from many processes at once. Takes about 2 s the first time, 0.1 s later, nothing when it runs.

        Raises StorageError, DatabaseUnavailableError, BusyError, or InputError without the wheel.
        """
        if self.is_running():
            return self
        with contextlib.ExitStack() as stack:
            if os.geteuid() == 0:
                stack.enter_context(_file_lock(_system_store() / "lock"))
            account = create_account()
            if account.is_own:
                private_folder(self._settings.home)
            elif self._settings.embedded_directory is None:
                # Before its place is decided: its mode says whether the server's user can enter it.
                private_folder(self._settings.home, mode=0o711)
            programs = reachable_programs(wheel_programs(), account, SYSTEM_STORE)
            layout = decide_layout(self._settings, account)
            create_folders(layout)
            stack.enter_context(_file_lock(layout.lock))
            self._layout = layout
            self._start_locked(layout, programs)
        return self

    def stop(self) -> None:
        """Stop it; sessions are ended, their transactions rolled back. Nothing happens when it does not run."""
        layout = self._layout or find_layout(self._settings)
        if layout is None or not layout.is_initialised:
            return
        with _file_lock(layout.lock):
            postmaster = read_postmaster(layout)
            if postmaster is None or not is_alive(postmaster, layout):
                return
            programs = reachable_programs(wheel_programs(), layout.account, SYSTEM_STORE)
            done = layout.account.run(
                [
                    programs["pg_ctl"],
                    "stop",
                    "--mode=fast",
                    "--wait",
                    f"--timeout={_STOP_SECONDS}",
                    f"--pgdata={layout.data}",
                ],
                timeout_seconds=_STOP_SECONDS + 10,
            )
            if done.returncode != 0:
                raise DatabaseUnavailableError(
                    f"The embedded database does not stop: {done.stderr.strip()}.{_last_log_lines(layout)}",
                    mend="Wait for its last checkpoint and try again.",
                )

    def uri(self, database: str = DATABASE) -> str:
        """The libpq URI of the role `tarazu`, with its password: never log it."""
        return self._uri(ROLE, self.layout.password_file, database)

    def superuser_uri(self, database: str = "postgres") -> str:
        """The libpq URI of the superuser, for backups and repair: never log it."""
        return self._uri(SUPERUSER, self.layout.superuser_password_file, database)

    def ensure_database(self, name: str) -> None:
        """Create the database `name`, owned by the role `tarazu`, unless it exists."""
        import adbc_driver_manager
        import adbc_driver_postgresql.dbapi as adbc

        with adbc.connect(self.uri(DATABASE), autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = $1", (name,))
            if cursor.fetchone() is not None:
                return
            quoted = name.replace('"', '""')
            try:
                cursor.execute(f'CREATE DATABASE "{quoted}"')
            except adbc_driver_manager.Error as error:
                # duplicate_database, or unique_violation when another process is creating it now
                if error.sqlstate not in {"42P04", "23505"}:
                    raise

    def _uri(self, role: str, password_file: Path, database: str) -> str:
        layout = self.layout
        try:
            password = password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise DatabaseUnavailableError(
                f"There is no embedded database in {layout.root} yet.",
                mend="Start it with `tarazu db start`.",
            ) from None
        except OSError as error:
            raise StorageError(
                f"The password file {password_file} cannot be read: {error.strerror}.",
                mend="Run Tarazu as the user who created the embedded database.",
            ) from error
        socket = quote(str(layout.socket), safe="")
        return f"postgresql://{role}:{password}@/{quote(database, safe='')}?host={socket}&port={PORT}"

    def _start_locked(self, layout: EmbeddedLayout, programs: Programs) -> None:
        postmaster = read_postmaster(layout)
        if postmaster is not None and is_alive(postmaster, layout):
            self._wait_until_ready(layout)
            return
        if postmaster is not None:
            clear_after_crash(layout)
        if not layout.is_initialised:
            make_cluster(layout, programs)
        write_configuration(layout)
        # On the command line, so that no ALTER SYSTEM opens a port or moves the socket by accident.
        options = shlex.join(
            [
                *("-c", "listen_addresses="),
                *("-c", f"port={PORT}"),
                *("-c", f"unix_socket_directories={_quoted_list_item(layout.socket)}"),
                *("-c", f"cluster_name={layout.cluster_name}"),
            ]
        )
        try:
            done = layout.account.run(
                [
                    programs["pg_ctl"],
                    "start",
                    "--wait",
                    f"--timeout={_START_SECONDS}",
                    f"--pgdata={layout.data}",
                    f"--log={layout.log / 'start.log'}",
                    f"--options={options}",
                ],
                timeout_seconds=_START_SECONDS + 10,
            )
        except OSError as error:
            raise StorageError(f"{programs['pg_ctl']} cannot be run: {error.strerror}.") from error
        if done.returncode != 0:
            raise DatabaseUnavailableError(
                f"The embedded database in {layout.root} does not start: "
                f"{(done.stderr or done.stdout).strip()}{_last_log_lines(layout)}",
                mend=f"Mend what the log in {layout.log} names (often a full disk), then start again.",
            )

    def _wait_until_ready(self, layout: EmbeddedLayout) -> None:
        """Another start is under way, for instance a long recovery that outlived its `pg_ctl`."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            postmaster = read_postmaster(layout)
            if postmaster is None or not is_alive(postmaster, layout):
                break
            if postmaster.status == "ready":
                return
            time.sleep(0.1)
        raise DatabaseUnavailableError(
            f"The embedded database in {layout.root} is not ready.{_last_log_lines(layout)}",
            mend="It may be recovering from a crash: wait and try again.",
        )


def start_embedded_server(settings: Settings) -> EmbeddedServer | None:
    """Start the embedded server if these settings use it; None when they name a server by URL."""
    return EmbeddedServer(settings).start() if settings.uses_embedded_database else None


def _quoted_list_item(folder: Path) -> str:
    quoted = str(folder).replace('"', '""')
    return f'"{quoted}"'


def _system_store() -> Path:
    """/var/lib/tarazu, created by root for root; the server's user may pass through it."""
    if not SYSTEM_STORE.exists():
        with contextlib.suppress(FileExistsError):
            SYSTEM_STORE.mkdir(mode=0o755, parents=True)
    state = SYSTEM_STORE.lstat()
    if state.st_uid != 0 or state.st_mode & 0o022:
        raise StorageError(
            f"{SYSTEM_STORE} must belong to root and be writable by nobody else.",
            mend=f"Run: chown root {SYSTEM_STORE}; chmod go-w {SYSTEM_STORE}",
        )
    return SYSTEM_STORE


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """One process at a time; the kernel frees it when the holder dies."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(
            f"The lock file {path} cannot be opened: {error.strerror}.",
            mend="Run Tarazu as the user who created the embedded database.",
        ) from error
    try:
        until = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise BusyError(
                        f"Another process has been starting or stopping the embedded database for {_LOCK_SECONDS:.0f} s.",
                        mend=f"See who holds {path} (fuser), then try again.",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _last_log_lines(layout: EmbeddedLayout, count: int = 15) -> str:
    """The end of the newest log, as a block to append to a message."""
    try:
        newest = max(layout.log.glob("*.log"), key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            return ""
        with newest.open("rb") as file:
            file.seek(max(0, newest.stat().st_size - 8192))
            lines = file.read().decode("utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        return ""
    return f"\nThe last lines of {newest}:\n" + "\n".join(f"  {line}" for line in lines) + "\n"
