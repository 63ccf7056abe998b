"""The cluster itself: initdb, the role of Tarazu and its database, the configuration."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from tarazu.database.embedded_account import ServerAccount
from tarazu.database.embedded_layout import EmbeddedLayout
from tarazu.database.embedded_programs import Programs
from tarazu.errors import StorageError

DATABASE = "tarazu"
ROLE = "tarazu"
SUPERUSER = "postgres"

# 256 MB of shared buffers suit a machine of 4 GB and more; the log settings cut checkpoints during an import;
# jit costs more than it brings on queries of milliseconds. ALTER SYSTEM overrides these.
_CONFIGURATION = """\
# Written by Tarazu at every start. Override with ALTER SYSTEM.
shared_buffers = '256MB'
maintenance_work_mem = '256MB'
max_connections = 100
max_wal_size = '4GB'
checkpoint_timeout = '15min'
wal_compression = on
autovacuum = on
jit = off
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = '{log_directory}'
log_filename = 'postgresql-%a.log'
log_file_mode = 0600
log_rotation_age = '1d'
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%a '
log_lock_waits = on
"""


def make_cluster(layout: EmbeddedLayout, programs: Programs) -> None:
    """initdb, the role `tarazu` and its database, in a scratch folder that becomes `data` when it is whole.

    The role is no superuser: an injected SQL statement must not become a program on the machine.
    """
    account = layout.account
    half = layout.root / "data.new"
    shutil.rmtree(half, ignore_errors=True)
    passwords = {
        path: secrets.token_hex(32) for path in (layout.password_file, layout.superuser_password_file)
    }
    try:
        half.mkdir(mode=0o700)
        account.own(half)
        with tempfile.NamedTemporaryFile("w", dir=layout.root, prefix=".password-") as handed_over:
            handed_over.write(passwords[layout.superuser_password_file])
            handed_over.flush()
            account.own(Path(handed_over.name))
            _checked(
                layout,
                account.run(
                    [
                        programs["initdb"],
                        f"--pgdata={half}",
                        f"--username={SUPERUSER}",
                        "--auth=scram-sha-256",
                        f"--pwfile={handed_over.name}",
                        "--encoding=UTF8",
                        # Compiled in, the same on every machine; the wheel has no ICU.
                        "--locale-provider=builtin",
                        "--builtin-locale=C.UTF-8",
                        "--locale=C",
                        "--no-instructions",
                    ]
                ),
            )
        with (half / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("\ninclude_if_exists = 'tarazu.conf'\n")
        # The password goes through standard input: arguments are seen by every user of the machine.
        _checked(
            layout,
            account.run(
                [programs["postgres"], "--single", "-j", "-c", "exit_on_error=on", "-D", half, "postgres"],
                text=f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{passwords[layout.password_file]}';\n\n"
                f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n\n",
            ),
        )
        for path, password in passwords.items():
            _write_for(None, path, password)
        half.rename(layout.data)
    except OSError as error:
        raise StorageError(
            f"The embedded database cannot be made in {layout.root}: {error.strerror}.",
            mend="Make room there, or set TARAZU_EMBEDDED_DIRECTORY to another folder.",
        ) from error


def write_configuration(layout: EmbeddedLayout) -> None:
    """Write `tarazu.conf`, so that a newer Tarazu brings its settings to clusters that exist.

    Raises StorageError when it cannot be written.
    """
    path = layout.data / "tarazu.conf"
    try:
        _write_for(
            layout.account, path, _CONFIGURATION.format(log_directory=str(layout.log).replace("'", "''"))
        )
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}.",
            mend="Make room there, and run Tarazu as the user who made the embedded database.",
        ) from error


def _checked(layout: EmbeddedLayout, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise StorageError(
            f"The embedded database cannot be made in {layout.root}: {said}",
            mend="Mend what the last line names, or set TARAZU_EMBEDDED_DIRECTORY to another folder.",
        )


def _write_for(account: ServerAccount | None, path: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all; it belongs to `account` (None: to us)."""
    half = path.with_name(f".{path.name}.new")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if account is not None:
        account.own(half)
    half.replace(path)
