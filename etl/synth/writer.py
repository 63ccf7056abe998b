"""The synthetic utility as files."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import polars as pl

from etl.synth.chunk import DEFAULT_END, SynthChunk, frames
from etl.synth.exports import EXPORTS
from etl.synth.faults import corrupt
from etl.synth.kinds import Shares
from tarazu.errors import StorageError

TRUTH_FILE: Final = "truth.csv"


@dataclass(frozen=True, slots=True)
class SynthSummary:
    """`rows` by file (headers not counted), `planted` by kind, `faults` by the reason of their refusal."""

    folder: Path
    customers: int
    rows: dict[str, int]
    planted: dict[str, int]
    faults: dict[str, int]

    def sentence(self) -> str:
        spoilt = f", {sum(self.faults.values())} rows spoilt" if self.faults else ""
        return (
            f"Wrote {self.customers:,} customers with {self.rows['invoices.csv']:,} invoices to {self.folder}; "
            f"{TRUTH_FILE} says what was planted at {self.rows[TRUTH_FILE]:,} places{spoilt}."
        )


def write_utility(
    out: Path,
    *,
    customers: int,
    seed: int,
    months: int = 24,
    end: dt.date = DEFAULT_END,
    shares: Shares | None = None,
    faults: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> SynthSummary:
    """Write the utility of `frames` into the folder `out` as CSV files in UTF-8 for the mapping `billing_fa`, and
    `truth.csv`. `faults` rows are spoilt. `progress` is told `customers`, how many are written and how many there are.

    Files appear under their names when all are whole; an interrupted run leaves `.part` files, which the next one
    overwrites.

    Raises InputError as `frames` does, StorageError where the folder cannot be written.
    """
    chunks = frames(customers, seed, months, end, shares=shares)
    rows: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    faulty: dict[str, int] = {}
    names = [*(export.file for export in EXPORTS), TRUTH_FILE]
    with _storage(out):
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            handles = {name: stack.enter_context((out / f"{name}.part").open("wb")) for name in names}
            for chunk in chunks:
                files = _render(chunk)
                if faults and chunk.number == 0:
                    faulty = corrupt(files, faults, seed)
                for name, frame in files.items():
                    _append(handles[name], frame, header=chunk.number == 0)
                    rows[name] += frame.height
                planted.update(chunk.truth["kind"].to_list())
                if progress is not None:
                    progress("customers", rows["usage_points.csv"], customers)
        for name in names:
            (out / f"{name}.part").replace(out / name)
    return SynthSummary(out, customers, dict(rows), dict(planted), faulty)


def _render(chunk: SynthChunk) -> dict[str, pl.DataFrame]:
    files = {export.file: export.render(chunk.tables) for export in EXPORTS}
    return {**files, TRUTH_FILE: chunk.truth}


def _append(handle: IO[bytes], frame: pl.DataFrame, *, header: bool) -> None:
    frame.write_csv(handle, include_header=header, batch_size=4096)


@contextmanager
def _storage(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The synthetic utility cannot be written to {out}: {error.strerror or error}.",
            mend="Choose another folder, or make room.",
        ) from error
