"""Folders that only their owner may enter: everything under TARAZU_HOME tells of customers."""

from __future__ import annotations

from pathlib import Path

from tarazu.errors import StorageError


def private_folder(path: Path, *, mode: int = 0o700) -> Path:
    """Create `path` with this mode and return it; missing parents get the ordinary mode of the user.

    A folder that is already there keeps its mode: it may be shared on purpose.

    Raises StorageError when it cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=mode)
    except FileExistsError as error:
        if not path.is_dir():
            raise StorageError(
                f"{path} is a file where Tarazu needs a folder.", mend="Move the file away."
            ) from error
    except OSError as error:
        raise StorageError(
            f"The folder {path} cannot be created: {error.strerror}.",
            mend="Create it for the user of Tarazu, or set TARAZU_HOME to a folder of theirs.",
        ) from error
    return path


def nearest_existing(path: Path) -> Path:
    """The path, or the nearest folder above it that there is."""
    while not path.exists():
        path = path.parent
    return path
