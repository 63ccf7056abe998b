"""What runs on a worker: functions of plain values, importable by name, safe to run twice.

durable_rules runs only here. Each thread of a worker keeps its engines in a thread-local, since one engine must
never be used by two threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from etl.lake.files import read_bucket
from etl.memory import peak_rss_mb
from etl.scan.reductions import BALANCE_MONTHS, BucketSums, reduce_bucket
from etl.scan.results import write_results
from rules.batch import Batch, Surroundings, month_number, month_starts
from rules.engine import DurableEvaluator, EngineUnavailableError
from rules.findings import BatchFindings, Evaluator, find
from rules.reference import ReferenceEvaluator
from rules.rule import Rule
from rules.site import Site
from tarazu.moments import reach


@dataclass(frozen=True, slots=True)
class BucketTask:
    """One bucket of one scan."""

    number: int
    folder: Path
    bucket_last_month: int
    as_of: date
    site: Site

    @property
    def last_month(self) -> int:
        """The scan's last month: the one of the day before it."""
        return month_number(date.fromordinal(self.as_of.toordinal() - 1))


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What a task says of itself; its findings are in its file."""

    name: str
    subjects: int
    screened: int
    findings: int
    excepted: dict[str, int]
    shadow: dict[str, tuple[int, int]]
    peak_rss_mb: int


_engines = threading.local()


def durable(rules: Sequence[Rule], tariff_class: str | None) -> Evaluator:
    """This thread's engine for these rules; the reference evaluator where the package cannot be loaded."""
    cache: dict[tuple[object, ...], Evaluator] = _engines.__dict__.setdefault("cache", {})
    key = (tuple((rule.id, rule.content_hash, rule.thresholds) for rule in rules), tariff_class)
    if key not in cache:
        try:
            cache[key] = DurableEvaluator(rules, tariff_class)
        except EngineUnavailableError:
            cache[key] = ReferenceEvaluator(rules, tariff_class)
    return cache[key]


def reduce_task(task: BucketTask) -> BucketSums:
    reach("scan.reduce")
    batch = read_bucket(
        task.folder,
        last_month=task.last_month,
        bucket_last_month=task.bucket_last_month,
        as_of=task.as_of,
        site=task.site,
        only_debts=True,
    )
    days = np.diff(month_starts(task.last_month, BALANCE_MONTHS)).astype(np.float64)
    return reduce_bucket(batch, days)


def _report(results: Path, found: BatchFindings) -> TaskReport:
    return TaskReport(
        results.stem,
        found.subjects,
        found.screened,
        len(found.findings),
        found.excepted,
        found.shadow,
        peak_rss_mb(),
    )


def evaluate_task(
    task: BucketTask, around: Surroundings, rules: list[Rule], results: Path, *, use_reference: bool = False
) -> TaskReport:
    """Judge the points of one bucket and write their findings to `results`."""
    reach("scan.bucket")
    reach(f"scan.bucket-{task.number}")
    if not use_reference:
        reach(f"scan.bucket-{task.number}.engine")
    batch = read_bucket(
        task.folder,
        last_month=task.last_month,
        bucket_last_month=task.bucket_last_month,
        as_of=task.as_of,
        site=task.site,
    )
    found = find(batch.among(around), rules, ReferenceEvaluator if use_reference else durable)
    reach("scan.found")
    write_results(results, found, task.as_of.isoformat())
    reach("scan.written")
    return _report(results, found)


def evaluate_whole_task(
    batch: Batch,
    rules: list[Rule],
    results: Path,
    opened_on: str,
    *,
    use_reference: bool = False,
) -> TaskReport:
    """Judge subjects that span buckets."""
    reach(f"scan.{batch.subject_kind}")
    found = find(batch, rules, ReferenceEvaluator if use_reference else durable)
    write_results(results, found, opened_on)
    return _report(results, found)
