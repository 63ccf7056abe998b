"""What a sum, a result and a whole run depend on, as keys: equal keys, equal content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.scan.digest import code_digest, digest_of

if TYPE_CHECKING:
    from datetime import date

    from etl.lake.manifest import Manifest
    from etl.scan.tasks import BucketTask
    from rules.batch import Batch, Surroundings
    from rules.rule import Catalogue
    from rules.site import Site


def sums_key(task: BucketTask) -> str:
    """The folder's name says what the bucket was built from."""
    return digest_of(code_digest(), task.folder.name, task.bucket_last_month, task.as_of, task.site)


class RuleKeys:
    """Keys of findings under one set of rules."""

    def __init__(self, catalogue: Catalogue, not_evaluated: dict[str, str]) -> None:
        self._rules = digest_of(code_digest(), catalogue.hash, sorted(not_evaluated))

    def of_bucket(self, sums: str, around: Surroundings) -> str:
        return digest_of(self._rules, sums, around)

    def of_whole(self, batch: Batch, as_of: date) -> str:
        return digest_of(self._rules, batch, as_of)

    def of_run(self, manifest: Manifest, as_of: date, site: Site, window_days: int) -> str:
        return digest_of(self._rules, manifest.generation, as_of, site, window_days)
