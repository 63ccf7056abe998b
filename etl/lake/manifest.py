"""Which files make up the lake. The manifest is replaced in one step, so a reader sees one whole lake or the other."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tarazu.errors import NotFoundError, StorageError

MANIFEST_NAME = "manifest.json"
# Raised whenever files of an earlier version cannot be read any more; such a lake is rebuilt.
FORMAT = 6


@dataclass(frozen=True, slots=True)
class Bucket:
    folder: str
    last_month: int
    points: int
    bills: int
    events: int
    # Hash of the database and the change versions it was built from (see `tarazu.models.run.LakeChange`).
    version: str
    # What its rows say anything of: `rules.signals.registry.Need` of those that a source may lack.
    facts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Manifest:
    buckets: int
    panel_months: int
    last_day: str  # ISO day up to which bills are known
    generation: str
    bucket: dict[str, Bucket] = field(default_factory=dict)  # by number
    transformers: str = ""
    has_transformer_energy: bool = False
    visits: str = ""  # "": nobody's visits are known
    visit_facts: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def points(self) -> int:
        return sum(bucket.points for bucket in self.bucket.values())

    @property
    def facts(self) -> set[str]:
        """What the lake can say anything of; a rule that needs more is not evaluated."""
        facts = {fact for bucket in self.bucket.values() for fact in bucket.facts} | set(self.visit_facts)
        return facts | ({"transformer_energy"} if self.has_transformer_energy else set())

    def numbers(self) -> list[int]:
        return sorted(int(number) for number in self.bucket)


def generation_of(buckets: dict[str, Bucket], panel_months: int, transformers: str, visits: str = "") -> str:
    """Names the content: two lakes built from the same state of one database have the same generation."""
    text = json.dumps(
        [
            panel_months,
            transformers,
            visits,
            {number: bucket.version for number, bucket in sorted(buckets.items())},
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_manifest(lake: Path) -> Manifest | None:
    """The manifest, or None where there is no lake that this version can read."""
    try:
        data = json.loads((lake / MANIFEST_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{lake / MANIFEST_NAME} cannot be read: {error}", mend="Run `tarazu snapshot`."
        ) from error
    if data.get("format") != FORMAT:
        return None
    data["bucket"] = {number: Bucket(**bucket) for number, bucket in data["bucket"].items()}
    return Manifest(**data)


def require_manifest(lake: Path) -> Manifest:
    manifest = read_manifest(lake)
    if manifest is None:
        raise NotFoundError(f"There is no lake in {lake}.", mend="Run `tarazu snapshot` first.")
    return manifest


def write_manifest(lake: Path, manifest: Manifest) -> None:
    temporary = lake / f"{MANIFEST_NAME}.tmp"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(lake / MANIFEST_NAME)
