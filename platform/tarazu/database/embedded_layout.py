"""Where the embedded server keeps its things.

<root>/data                 the cluster (PGDATA)            server only
<root>/log                  a week of logs                  server only
<root>/socket               the unix socket                 server (and root) only
<root>/password             of the role `tarazu`            owner only
<root>/superuser_password   of the role `postgres`          owner only
<root>/lock                 held while starting or stopping owner only
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from tarazu.database.embedded_account import ServerAccount, find_account
from tarazu.errors import StorageError
from tarazu.folders import nearest_existing
from tarazu.settings import Settings

SYSTEM_STORE = Path("/var/lib/tarazu")
PORT = 5432
# sun_path of the kernel with its closing zero byte: 108 bytes on Linux, 104 on macOS.
SOCKET_PATH_BYTES_MAX = 103 if sys.platform == "darwin" else 107


@dataclass(frozen=True, slots=True)
class EmbeddedLayout:
    root: Path
    account: ServerAccount
    relocated: bool
    """True when the cluster is not in the home folder because the server's user cannot enter that."""

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def password_file(self) -> Path:
        return self.root / "password"

    @property
    def superuser_password_file(self) -> Path:
        return self.root / "superuser_password"

    @property
    def socket(self) -> Path:
        """Folder of the socket: in the root, or in /tmp when that path is too long for a socket."""
        beside = self.root / "socket"
        if len(os.fsencode(beside / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES_MAX:
            return beside
        # Not TMPDIR or XDG_RUNTIME_DIR: every process of ours must find the same folder, cron's too.
        return Path("/tmp") / f"tarazu-{self.digest}"  # noqa: S108  # created and checked as a private folder

    @property
    def digest(self) -> str:
        return digest_of(self.root)

    @property
    def cluster_name(self) -> str:
        """Shown in the process titles of the server; tells its processes from those of other clusters."""
        return f"tarazu-{self.digest}"

    @property
    def is_initialised(self) -> bool:
        return (self.data / "PG_VERSION").exists()


def digest_of(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def find_layout(settings: Settings, *, system_store: Path = SYSTEM_STORE) -> EmbeddedLayout | None:
    """The layout for these settings; None when this is root and the server's user does not exist yet."""
    account = find_account()
    return None if account is None else decide_layout(settings, account, system_store=system_store)


def decide_layout(
    settings: Settings, account: ServerAccount, *, system_store: Path = SYSTEM_STORE
) -> EmbeddedLayout:
    """Decide where the cluster is or will be. Nothing is created.

    A cluster that exists decides, so that a changed mode of the home folder does not seem to lose the data.

    Raises StorageError when the server's user cannot enter the folder that was set or that holds the cluster.
    """
    if settings.embedded_directory is not None:
        return _entered(_layout(settings.embedded_directory, account))
    in_home = _layout(settings.home / "postgres", account)
    if account.is_own:
        return in_home
    if in_home.is_initialised:
        return _entered(in_home)
    in_store = _layout(system_store / digest_of(settings.home), account, relocated=True)
    # A home that is made later is entered like the folder that it is made in. In it, whoever removes the home removes
    # the database with it.
    return (
        in_store
        if in_store.is_initialised or not account.can_enter(nearest_existing(settings.home))
        else in_home
    )


def _layout(root: Path, account: ServerAccount, *, relocated: bool = False) -> EmbeddedLayout:
    return EmbeddedLayout(root=root.resolve(), account=account, relocated=relocated)


def _entered(layout: EmbeddedLayout) -> EmbeddedLayout:
    ancestor = nearest_existing(layout.root)
    # The root itself is opened to the server's group when we create it.
    closed = ancestor if ancestor != layout.root else ancestor.parent
    if not layout.account.is_own and not layout.account.can_enter(closed):
        raise StorageError(
            f"The server's user {layout.account.name} cannot enter {closed}, where the embedded database "
            f"{layout.root} {'is' if layout.is_initialised else 'would be'}.",
            mend=f"Allow it (chmod o+x on the folders above), or set TARAZU_EMBEDDED_DIRECTORY to a folder "
            f"such as {SYSTEM_STORE / 'postgres'}.",
        )
    return layout


def create_folders(layout: EmbeddedLayout) -> None:
    """Create the root and the folders of the server in it; modes of folders that were there are not changed.

    Raises StorageError when one cannot be created or is not safe.
    """
    account = layout.account
    try:
        layout.root.parent.mkdir(parents=True, exist_ok=True)
        if not layout.root.exists():
            layout.root.mkdir(mode=0o700)
            if not account.is_own:
                os.chown(layout.root, -1, account.gid)
                layout.root.chmod(0o710)
        for folder in (layout.log, layout.socket):
            if not folder.exists():
                folder.mkdir(mode=0o700)
                account.own(folder)
    except OSError as error:
        raise StorageError(
            f"The folder {error.filename or layout.root} of the embedded database cannot be created: {error.strerror}.",
            mend="Create it for the user of Tarazu, or set TARAZU_EMBEDDED_DIRECTORY to a folder of theirs.",
        ) from error
    if layout.root.stat().st_mode & stat.S_IWOTH:
        raise StorageError(
            f"Every user may write to {layout.root}, the folder of the embedded database.",
            mend=f"Run: chmod o-w {layout.root}",
        )
    if not account.is_own and not account.can_enter(layout.root):
        raise StorageError(
            f"The server's user {account.name} cannot enter {layout.root}, the folder of the embedded database.",
            mend=f"Run: chgrp {account.name} {layout.root}; chmod g+x {layout.root}",
        )
    for folder in (layout.log, layout.socket):
        check_private(folder, account)


def check_private(folder: Path, account: ServerAccount) -> None:
    """Raise StorageError unless `folder` is a real folder that belongs to `account` and is closed to others."""
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != account.uid or state.st_mode & 0o077:
        raise StorageError(
            f"{folder} must be a folder of the user {account.name} that nobody else may enter.",
            mend="Remove it; it is created again. If it is not yours, set TARAZU_EMBEDDED_DIRECTORY to a shorter path.",
        )
