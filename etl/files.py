"""Which of the given paths is which file of a mapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from etl.mapping import FileMapping, ImportMapping
from tarazu.errors import InputError, SourceError, TarazuError


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A path and what it is; `file` is None, with the reason, where that cannot be told."""

    path: str
    file: FileMapping | None
    error: TarazuError | None = None

    @property
    def shown(self) -> str:
        """Without folders; of a URL nothing that may be secret."""
        return "the source database" if "://" in self.path else Path(self.path).name


def find_files(mapping: ImportMapping, paths: Iterable[str | Path]) -> list[FoundFile]:
    """All files under `paths` in the order of the mapping, then those that are not in it.

    A folder's other files are passed over; a file that was named and fits nothing is an error of its own.
    Raises InputError where nothing fits at all.
    """
    found: list[FoundFile] = []
    for given in dict.fromkeys(str(path) for path in paths):
        found.extend(_in(mapping, given))
    if not any(file.file is not None for file in found) and not any(file.error is not None for file in found):
        globs = ", ".join(glob for file in mapping.files for glob in file.match)
        raise InputError(
            f"Under the given paths there is no file of the mapping {mapping.name}.",
            mend=f"It looks for {globs}." if globs else "Give the URL of the source database.",
        )
    order = {file.name: place for place, file in enumerate(mapping.files)}
    return sorted(found, key=lambda file: len(order) if file.file is None else order[file.file.name])


def _in(mapping: ImportMapping, given: str) -> Iterator[FoundFile]:
    if "://" in given:
        queries = [file for file in mapping.files if file.query is not None]
        if not queries:
            error = SourceError(
                f"The mapping {mapping.name} reads files, not a database.", mend="Give the path of a file."
            )
            yield FoundFile(given, None, error)
        for file in queries:
            yield FoundFile(given, file)
        return
    path = Path(given)
    if path.is_dir():
        for child in sorted(child for child in path.rglob("*") if child.is_file()):
            fitting = _fitting(mapping, child)
            if fitting is not None:
                yield FoundFile(str(child), fitting)
        return
    fitting = _fitting(mapping, path)
    if fitting is not None:
        yield FoundFile(given, fitting)
    else:
        globs = ", ".join(glob for file in mapping.files for glob in file.match)
        yield FoundFile(
            given,
            None,
            SourceError(
                f"{given} fits no file of the mapping {mapping.name}.",
                mend=f"It looks for {globs}; rename the file.",
            ),
        )


def _fitting(mapping: ImportMapping, path: Path) -> FileMapping | None:
    name = path.name.lower()
    return next(
        (file for file in mapping.files if any(fnmatchcase(name, glob.lower()) for glob in file.match)), None
    )
