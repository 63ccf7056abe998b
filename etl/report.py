"""What an import did, in numbers that add up: rows in = loaded + unchanged + quarantined."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tarazu.errors import InputError, TarazuError


@dataclass
class Counts:
    """Of one entity, or of all. A source row counts once for each entity that it gives."""

    rows_in: int = 0
    loaded: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def quarantined(self) -> int:
        return sum(self.reasons.values())

    @property
    def unchanged(self) -> int:
        """Rows that the database, or an earlier row, already said."""
        return self.rows_in - self.loaded - self.quarantined

    def add(self, other: Counts) -> None:
        self.rows_in += other.rows_in
        self.loaded += other.loaded
        self.reasons.update(other.reasons)

    def to_json(self) -> dict[str, Any]:
        return {
            "rows_in": self.rows_in,
            "loaded": self.loaded,
            "unchanged": self.unchanged,
            "quarantined": self.quarantined,
            "reasons": dict(sorted(self.reasons.items())),
        }


@dataclass(frozen=True)
class FileResult:
    """One source file: all of it is in, or nothing of it. `rows` are those that were read."""

    file: str
    name: str | None
    rows: int
    seconds: float
    error: TarazuError | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "file": self.file,
            "name": self.name,
            "state": "failed" if self.error is not None else "imported",
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
        }
        if self.error is not None:
            found["error"] = {"code": self.error.code, "message": self.error.message, "mend": self.error.mend}
        return found


@dataclass
class ImportSummary:
    run_id: int
    mapping: str
    entities: dict[str, Counts] = field(default_factory=dict)
    files: list[FileResult] = field(default_factory=list)
    seconds: float = 0.0
    peak_rss_mb: int = 0

    @property
    def total(self) -> Counts:
        total = Counts()
        for counts in self.entities.values():
            total.add(counts)
        return total

    @property
    def failed_files(self) -> list[FileResult]:
        return [file for file in self.files if file.error is not None]

    @property
    def state(self) -> str:
        """The run's state: succeeded, partial (some files failed) or failed (all did)."""
        failed = len(self.failed_files)
        return "succeeded" if not failed else "failed" if failed == len(self.files) else "partial"

    @property
    def exit_code(self) -> int:
        """0; that of the worst failed file; 2 where rows came and every one was refused."""
        worst = max((file.error.exit_code for file in self.failed_files if file.error is not None), default=0)
        total = self.total
        nothing_useful = total.quarantined > 0 and total.quarantined == total.rows_in
        return worst or (InputError.exit_code if nothing_useful else 0)

    def add(self, entity: str, counts: Counts) -> None:
        self.entities.setdefault(entity, Counts()).add(counts)

    def to_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "mapping": self.mapping,
            "state": self.state,
            **self.total.to_json(),
            "seconds": round(self.seconds, 3),
            "peak_rss_mb": self.peak_rss_mb,
            "entities": {name: counts.to_json() for name, counts in self.entities.items()},
            "files": [file.to_json() for file in self.files],
            "failed_files": [file.file for file in self.failed_files],
        }
