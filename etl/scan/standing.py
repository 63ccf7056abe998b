"""What the last scan or evaluation came to, bucket by bucket, so that the next evaluation can let it stand.

A bucket's sums and findings are files whose names say all that they depend on. `judged-<token>.json` names the files of
one merge into cases; the database keeps the token of its newest merge, written in the merge's own transaction. So the files
and the cases belong together, or the files count for nothing: after a crash, a restored backup, a scan on another machine.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from etl.scan.reductions import BucketSums
from tarazu.folders import private_folder

_STRINGS = "debtor_no"
_HISTOGRAMS = ("peers", "hours_of_use", "summer_rise")


@dataclass(frozen=True, slots=True)
class Standing:
    """The files of one merge and the moment of it."""

    token: str
    inputs: str  # digest of all that the merge as a whole depends on
    sums: dict[str, str]  # bucket number → key
    results: dict[str, str]  # task name → key
    transaction_id: int  # of the merge
    case_snapshot: str  # `pg_snapshot`: changes of cases that it does not show came after


class StandingFiles:
    """The folder of these files. Whoever writes holds the lock of scans."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)

    def sums_path(self, number: int, key: str) -> Path:
        return self._folder / f"sums-{number:04d}-{key}.npz"

    def results_path(self, name: str, key: str) -> Path:
        return self._folder / f"{name}-{key}.parquet"

    def read(self, token: str | None) -> Standing | None:
        """None where the newest merge left no files here."""
        if token is None:
            return None
        try:
            data = json.loads((self._folder / f"judged-{token}.json").read_text(encoding="utf-8"))
            return Standing(**data)
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, standing: Standing, results: Path) -> None:
        """Keep the results of the folder `results` that are not kept yet, then name them all."""
        for name, key in standing.results.items():
            path = self.results_path(name, key)
            if not path.exists():
                temporary = self._temporary(path)
                shutil.copyfile(results / f"{name}.parquet", temporary)
                temporary.replace(path)
        path = self._folder / f"judged-{standing.token}.json"
        temporary = self._temporary(path)
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(asdict(standing), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def remove_all_but(self, standing: Standing | None) -> None:
        kept: set[str] = set()
        if standing is not None:
            kept = {
                f"judged-{standing.token}.json",
                *(self.sums_path(int(number), key).name for number, key in standing.sums.items()),
                *(self.results_path(name, key).name for name, key in standing.results.items()),
            }
        for path in self._folder.iterdir():
            if path.name not in kept:
                path.unlink()

    def read_sums(self, number: int, key: str) -> BucketSums | None:
        """None where they are not kept."""
        try:
            with np.load(self.sums_path(number, key), allow_pickle=False) as arrays:
                return _sums_of(arrays)
        except FileNotFoundError:
            return None

    def write_sums(self, number: int, key: str, sums: BucketSums) -> None:
        path = self.sums_path(number, key)
        if path.exists():
            return
        temporary = self._temporary(path)
        with temporary.open("wb") as file:
            np.savez(file, **_arrays_of(sums))
        temporary.replace(path)

    def _temporary(self, path: Path) -> Path:
        return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def _arrays_of(sums: BucketSums) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name in _names():
        value = getattr(sums, name)
        if name in _HISTOGRAMS:
            arrays[f"{name}_keys"], arrays[f"{name}_counts"] = value
        elif name == _STRINGS:
            arrays[name] = np.array(value, dtype=np.str_)
        else:
            arrays[name] = value
    return arrays


def _sums_of(arrays: Any) -> BucketSums:
    values: dict[str, Any] = {}
    for name in _names():
        if name in _HISTOGRAMS:
            values[name] = (arrays[f"{name}_keys"], arrays[f"{name}_counts"])
        elif name == _STRINGS:
            values[name] = tuple(arrays[name].tolist())
        else:
            values[name] = arrays[name]
    return BucketSums(**values)


def _names() -> Iterable[str]:
    return (field.name for field in fields(BucketSums))
