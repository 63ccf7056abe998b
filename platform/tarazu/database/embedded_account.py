"""The operating system's user that the embedded server runs as.

PostgreSQL refuses to run as root. Started by root, it therefore runs as a system user of its own, which owns
nothing but the cluster; started by anybody else, it runs as that user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tarazu.errors import InputError, StorageError

ACCOUNT_NAME = "tarazu-postgres"


@dataclass(frozen=True, slots=True)
class ServerAccount:
    name: str
    uid: int
    gid: int

    @property
    def is_own(self) -> bool:
        """True when the server runs as the user of this process."""
        return self.uid == os.geteuid()

    def run(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        text: str | None = None,
        timeout_seconds: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, without our environment (PGPORT, PGDATA, … would change what it does)."""
        return subprocess.run(  # noqa: S603  # programs of the wheel and of the system, no shell
            [str(part) for part in command],
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            input=text if text is not None else "",
            timeout=timeout_seconds,
            cwd="/",
            umask=0o077,
            env={"PATH": os.defpath, "LC_ALL": "C", **(environment or {})},
            user=None if self.is_own else self.uid,
            group=None if self.is_own else self.gid,
            extra_groups=None if self.is_own else [],
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may pass through `folder` and all its parents (asked of the kernel, so ACLs count)."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder that we created to this user."""
        if not self.is_own:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def find_account() -> ServerAccount | None:
    """The user the server runs as; None when this is root and that user does not exist yet."""
    if os.geteuid() != 0:
        return ServerAccount(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid())
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
    if entry.pw_uid == 0:
        raise InputError(
            f"The system user {ACCOUNT_NAME} has the user id 0, and PostgreSQL does not run as root.",
            mend="Give it another id.",
        )
    return ServerAccount(name=ACCOUNT_NAME, uid=entry.pw_uid, gid=entry.pw_gid)


def create_account() -> ServerAccount:
    """The user the server runs as, created when this is root and it does not exist yet.

    Raises StorageError when it cannot be created. The caller holds a lock.
    """
    account = find_account()
    if account is not None:
        return account
    mend = (
        f"Create it (useradd --system --user-group {ACCOUNT_NAME}), run Tarazu as an ordinary user, "
        "or set TARAZU_DATABASE_URL."
    )
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        raise StorageError(
            f"The system user {ACCOUNT_NAME} is missing and there is no useradd here.", mend=mend
        )
    done = subprocess.run(  # noqa: S603  # a program of the system with constant arguments
        [
            useradd,
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
            ACCOUNT_NAME,
        ],
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    account = find_account()
    if account is None:
        raise StorageError(
            f"The system user {ACCOUNT_NAME} cannot be created: {done.stderr.strip()}.", mend=mend
        )
    return account
