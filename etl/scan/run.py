"""One scan, from the lake to cases."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from sqlalchemy import text

from etl.lake.manifest import Manifest, require_manifest
from etl.lake.snapshot import reading
from etl.lake.transformers import read_transformers
from etl.lake.visits import read_agents
from etl.memory import peak_rss_mb
from etl.scan.cluster import Outcome, cluster, run_tasks
from etl.scan.in_force import catalogue_in_force, expired_exceptions
from etl.scan.reductions import BALANCE_MONTHS, BucketSums, Whole, merge
from etl.scan.results import read_results
from etl.scan.tasks import BucketTask, TaskReport, evaluate_task, evaluate_whole_task, reduce_task
from etl.scan.trial import hold_back, on_trial, standing_findings
from rules.batch import day_number
from rules.rule import ACTIVE, JUDGED, Catalogue
from rules.signals import all_signals
from rules.signals.registry import SubjectKind
from rules.site import load_site
from tarazu.cases import scan_runs
from tarazu.cases.opening import CaseOpening, Opened
from tarazu.database import advisory_lock, create_engine, database_faults, libpq_uri
from tarazu.folders import private_folder
from tarazu.models.enums import RunState
from tarazu.moments import reach

if TYPE_CHECKING:
    from distributed import Client
    from sqlalchemy.ext.asyncio import AsyncEngine

    from rules.batch import Batch
    from rules.site import Site
    from tarazu.settings import Settings

Progress = Callable[[str, int, int], None]

# Small parts cost round trips, large ones leave PostgreSQL idle until the first is there and busy after the last.
_PART_FINDINGS = 5_000

# A need of a signal in the words of the people who can supply it.
_NEEDS = {
    "bills": "invoices",
    "panel": "invoices",
    "peers": "invoices",
    "events": "end device events",
    "transformer_energy": "energy of transformers",
    "payables": "payable amounts of invoices",
    "statuses": "statuses of usage points",
    "bill_ids": "bill ids of invoices",
    "registers": "register indexes of invoices",
    "period_starts": "first days of billing periods",
    "contracts": "contracted power of usage points",
    "reactive": "reactive energy of invoices",
    "demands": "read demand of invoices",
    "licences": "licence dates of usage points",
    "inspections": "results of inspections",
    "inspection_notes": "notes of inspections",
    "export_registers": "readings of export registers",
    "interval_energy": "energy by interval",
    "phase_currents": "currents by phase",
    "phase_voltages": "voltages by phase",
    "issue_days": "days of issue of invoices",
    "sibling_registers": "energy of invoices by register",
    "revisions": "revised invoices",
    "self_reads": "self-read invoices",
    "unallocated_payments": "payments that settle no invoice",
    "collection_steps": "steps of collection",
    "instalments": "instalment plans",
    "calculated_demands": "calculated demand of invoices",
    "loss_factors": "loss factors of invoices",
    "energy_charges": "energy charges of invoices",
    "charges": "charges of invoices by line",
    "vat_charges": "value added tax of invoices",
    "balance_lines": "previous balances of invoices",
    "exceedance_charges": "charges for exceeded power",
    "step_tariff": "a stepped tariff in force (site value step_tariff)",
    "visits": "visits of reading agents",
    "visit_routes": "routes of visits",
    "visit_results": "visits without a reading",
    "visit_times": "times of visits",
    "visit_positions": "positions of visits",
    "visit_photos": "what a photo reader delivers",
    "visit_corrections": "corrections of readings",
}


@dataclass(frozen=True, slots=True)
class ScanSummary:
    run_id: int
    as_of: str
    subjects: int
    screened: int
    findings: int
    findings_new: int
    cases_opened: int
    cases_updated: int
    by_rule: dict[str, int]
    not_evaluated: dict[str, str]
    shadow: dict[str, dict[str, int]]  # rules that are only counted: findings and rial at risk
    excepted: dict[str, int]  # findings that each exception hid
    expired_exceptions: list[str]  # that ended within a month before the day
    held_back: dict[str, int]  # findings of a rule beyond the number of its trial
    failed_buckets: list[int]
    failed_subjects: list[str]  # kinds that span buckets and were given up: transformer, customer
    by_reference: list[int]  # buckets on which the engine died and the reference evaluator did the work
    seconds: float
    peak_rss_mb: int

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


async def scan(
    settings: Settings,
    catalogue: Catalogue,
    *,
    as_of: dt.date | None = None,
    progress: Progress = lambda *_: None,
) -> ScanSummary:
    """Scan the lake as of a day (by default the last day of which bills are known) and open cases.

    Raises:
        NotFoundError: there is no lake.
        BusyError: another scan runs on this database.
        RuleError, DatabaseUnavailableError, StorageError: as they say; no case was changed.
    """
    started = time.monotonic()
    engine = create_engine(settings, application_name="tarazu scan", pool_size=3)
    try:
        with database_faults(), reading(private_folder(settings.lake_directory)):
            manifest = require_manifest(settings.lake_directory)
            async with advisory_lock(engine, "scan"):
                day = as_of or dt.date.fromisoformat(manifest.last_day)
                async with engine.connect() as connection:
                    in_force = await catalogue_in_force(connection, catalogue, day)
                    expired = await expired_exceptions(connection, day)
                return await _Scan(settings, in_force, manifest, day, engine, progress, expired).run(started)
    finally:
        await engine.dispose()


class _Scan:
    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        manifest: Manifest,
        as_of: dt.date,
        engine: AsyncEngine,
        progress: Progress,
        expired: list[str],
    ) -> None:
        self._expired = expired
        self._held_back: Counter[str] = Counter()
        self._settings = settings
        self._catalogue = catalogue
        self._manifest = manifest
        self._as_of = as_of
        self._engine = engine
        self._progress = progress
        self._site: Site = load_site(as_of, settings.site_file, settings.company_code)
        self._not_evaluated = not_evaluated(catalogue, manifest, self._site)
        self._failed: set[int] = set()
        self._failed_subjects: set[str] = set()
        self._by_reference: set[int] = set()
        self._worker_mb = 0
        self._results = Path()
        self._ended = threading.Event()

    async def run(self, started: float) -> ScanSummary:
        async with self._engine.begin() as connection:
            run_id = await scan_runs.begin(
                connection,
                as_of=self._as_of,
                lake_generation=self._manifest.generation,
                catalogue_hash=self._catalogue.hash,
            )
        tasks = [
            BucketTask(
                int(number),
                self._settings.lake_directory / bucket.folder,
                bucket.last_month,
                self._as_of,
                self._site,
            )
            for number, bucket in self._manifest.bucket.items()
        ]
        ready: asyncio.Queue[TaskReport | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def hand_over(report: TaskReport | None) -> None:
            loop.call_soon_threadsafe(ready.put_nowait, report)

        # Workers judge the next buckets while PostgreSQL stores the last: neither waits for the other.
        judging = asyncio.create_task(asyncio.to_thread(self._judge, tasks, hand_over))
        try:
            opened, findings, reports = await self._store(run_id, ready, judging)
        finally:
            # Without a database to store into, or when a person ends the scan, the other tasks are not waited for.
            self._ended.set()
            await asyncio.wait([judging])
        state = RunState.PARTIAL if self._failed or self._failed_subjects else RunState.SUCCEEDED
        summary = ScanSummary(
            run_id=run_id,
            as_of=self._as_of.isoformat(),
            subjects=sum(report.subjects for report in reports),
            screened=sum(report.screened for report in reports),
            findings=sum(findings.values()),
            findings_new=opened.findings_new,
            cases_opened=opened.cases_opened,
            cases_updated=opened.cases_updated,
            by_rule=dict(sorted(findings.items())),
            not_evaluated=self._not_evaluated,
            shadow=_shadow(reports),
            excepted=dict(sorted(sum((Counter(r.excepted) for r in reports), Counter[str]()).items())),
            expired_exceptions=self._expired,
            held_back=dict(sorted(self._held_back.items())),
            failed_buckets=sorted(self._failed),
            failed_subjects=sorted(self._failed_subjects),
            by_reference=sorted(self._by_reference),
            seconds=round(time.monotonic() - started, 2),
            peak_rss_mb=peak_rss_mb() + self._worker_mb,
        )
        async with self._engine.begin() as connection:
            await scan_runs.end(connection, run_id, state, summary.to_json())
        shutil.rmtree(self._results, ignore_errors=True)
        return summary

    def _judge(self, tasks: list[BucketTask], hand_over: Callable[[TaskReport | None], None]) -> None:
        """Both passes. Each finished task is handed over, and None at the end, however it comes."""
        try:
            with cluster(self._settings, most_workers=len(tasks)) as client:
                whole = self._reduce(client, tasks)
                self._results = self._results_folder()
                self._evaluate(client, tasks, whole, hand_over)
        finally:
            hand_over(None)

    def _results_folder(self) -> Path:
        """Named by everything the findings depend on: a scan that was killed goes on where it stopped.

        Also by the buckets that the first pass gave up: without them the peers are others.
        """
        name = hashlib.sha256(
            json.dumps(
                [
                    self._manifest.generation,
                    self._catalogue.hash,
                    self._as_of.isoformat(),
                    repr(self._site),
                    self._not_evaluated,
                    sorted(self._failed),
                ]
            ).encode()
        ).hexdigest()[:16]
        runs = private_folder(self._settings.runs_directory)
        for other in runs.glob("scan-*"):
            if other.name != f"scan-{name}":
                shutil.rmtree(other, ignore_errors=True)
        return private_folder(runs / f"scan-{name}")

    def _reduce(self, client: Client, tasks: list[BucketTask]) -> Whole:
        sums: dict[int, BucketSums] = {}
        jobs: dict[Any, Any] = {task.number: (reduce_task, (task,), {}) for task in tasks}
        for done, outcome in enumerate(run_tasks(client, jobs), 1):
            if outcome.killed:
                self._failed.add(outcome.key)
            else:
                sums[outcome.key] = outcome.value
            self._progress("reduce", done, len(tasks))
        table, delivered = read_transformers(self._settings.lake_directory / self._manifest.transformers)
        ids = table.column("transformer_id").to_numpy()
        codes = table.column("code").to_pylist()
        districts = table.column("district_id").to_numpy()
        return merge(
            # In the order of the buckets, so that sums of floats are the same in every scan.
            [sums[number] for number in sorted(sums)],
            (ids, codes, districts),
            delivered[:, -BALANCE_MONTHS:],
            last_month=self._balance_month(),
            as_of=day_number(self._as_of),
            site=self._site,
        )

    def _balance_month(self) -> int:
        return BucketTask(0, Path(), 0, self._as_of, self._site).last_month

    def _evaluate(
        self,
        client: Client,
        tasks: list[BucketTask],
        whole: Whole,
        hand_over: Callable[[TaskReport | None], None],
    ) -> None:
        results = self._results
        rules = {
            kind: [rule for rule in self._catalogue.judged(kind) if rule.id not in self._not_evaluated]
            for kind in get_args(SubjectKind)
        }
        jobs: dict[Any, Any] = {}
        # The surroundings go along with each task (some 100 kB): scattered ones are lost with the workers that hold them,
        # and with them every task that needs them.
        for task in tasks:
            path = results / f"bucket-{task.number:04d}.parquet"
            if task.number in self._failed:
                continue
            if path.exists():
                hand_over(_report_of(path))
                continue
            jobs[task.number] = (evaluate_task, (task, whole.around, rules["usage_point"], path), {})
        day = self._as_of.isoformat()
        wholes: list[tuple[SubjectKind, Batch]] = [
            ("transformer", whole.transformers),
            ("customer", whole.customers),
        ]
        if rules["reading_agent"]:
            visits = self._settings.lake_directory / self._manifest.visits
            wholes.append(
                ("reading_agent", read_agents(visits, as_of=day_number(self._as_of), site=self._site))
            )
        for name, batch in wholes:
            if rules[name]:
                path = results / f"{name}.parquet"
                jobs[name] = (evaluate_whole_task, (batch, rules[name], path, day), {})
        retried = []
        for done, outcome in enumerate(run_tasks(client, jobs), 1):
            self._progress("evaluate", done, len(jobs))
            if self._ended.is_set():
                return
            if outcome.killed:
                retried.append(outcome)
            else:
                self._take(outcome, hand_over)
        for killed in retried:
            # Alone, and without durable_rules: a bucket that only shared a worker with the culprit ends well too.
            function, arguments, options = jobs[killed.key]
            again = {killed.key: (function, arguments, {**options, "use_reference": True})}
            for outcome in run_tasks(client, again):
                if not outcome.killed:
                    if isinstance(outcome.key, int):
                        self._by_reference.add(outcome.key)
                    self._take(outcome, hand_over)
                elif isinstance(outcome.key, int):
                    self._failed.add(outcome.key)
                else:
                    self._failed_subjects.add(outcome.key)

    def _take(self, outcome: Outcome, hand_over: Callable[[TaskReport | None], None]) -> None:
        report: TaskReport = outcome.value
        # Workers report their own peak; the largest stands for each of them.
        workers = 0 if self._settings.dask_scheduler else self._settings.dask_workers
        self._worker_mb = max(self._worker_mb, report.peak_rss_mb * workers)
        hand_over(report)

    def _complete_rules(self) -> list[str]:
        """Rules that were judged for every subject; none of a subject kind of which a part was given up."""
        given_up = set(self._failed_subjects) | (
            # Agents are judged by their visits alone, which stand in no bucket.
            {"usage_point", "transformer", "customer"} if self._failed else set()
        )
        return [
            rule.id
            for rule in self._catalogue.rules.values()
            if rule.status in ACTIVE and rule.id not in self._not_evaluated and rule.subject not in given_up
        ]

    async def _store(
        self, run_id: int, ready: asyncio.Queue[TaskReport | None], judging: asyncio.Task[None]
    ) -> tuple[Opened, Counter[str], list[TaskReport]]:
        """Merge the findings of finished tasks part by part, in one transaction that ends when all are in."""
        by_rule: Counter[str] = Counter()
        reports: list[TaskReport] = []
        await self._drop_left_behind()
        async with self._engine.begin() as connection:
            # Between two parts the transaction waits for the workers, for as long as they need.
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            await connection.execute(text("SET LOCAL work_mem = '128MB'"))
            # A part looks up some thousand subjects; with the default for spinning disks all are read each time.
            await connection.execute(text("SET LOCAL random_page_cost = 1.1"))
            await scan_runs.record_rules(connection, rule_rows(self._catalogue))
            opening = CaseOpening(
                connection,
                run_id=run_id,
                as_of=self._as_of,
                window_days=self._settings.case_window_days,
            )
            await opening.begin()
            limits = {
                rule.id: rule.most_findings
                for rule in self._catalogue.rules.values()
                if rule.most_findings is not None
            }
            standing = await standing_findings(connection, limits)
            # Which findings of a limited trial come first is known only when all are there.
            async for part in _parts(ready, at_once=bool(limits)):
                staging = f"staging.scan_{run_id}_{len(reports)}"
                by_rule += await asyncio.to_thread(self._stage, staging, part, limits, standing)
                reach("scan.staged")
                await connection.execute(text(f"ANALYZE {staging} (subject_kind, subject_id)"))
                await opening.add(staging)
                await connection.execute(text(f"DROP TABLE {staging}"))
                reports += part
            # What went wrong in judging is told before anything is stored.
            await judging
            reach("scan.evaluated")
            self._progress("store", 0, 1)
            opened = await opening.finish(self._complete_rules())
            await on_trial(connection, self._catalogue)
            reach("scan.merged")
        reach("scan.committed")
        self._progress("store", 1, 1)
        return opened, by_rule, reports

    def _stage(
        self, staging: str, part: list[TaskReport], limits: dict[str, int], standing: set[tuple[str, str]]
    ) -> Counter[str]:
        """Copy the findings of some tasks into a table of their own; the findings of each rule."""
        tables = [read_results(self._results / f"{report.name}.parquet")[0] for report in part]
        table, held_back = hold_back(pa.concat_tables(tables), limits, standing)
        self._held_back += held_back
        schema, _, name = staging.partition(".")
        with dbapi.connect(libpq_uri(self._settings)) as adbc, adbc.cursor() as cursor:
            cursor.adbc_ingest(name, table, mode="create", db_schema_name=schema)
            adbc.commit()
        return Counter(
            {entry["values"]: entry["counts"] for entry in table.column("rule_id").value_counts().to_pylist()}
        )

    async def _drop_left_behind(self) -> None:
        """Staging tables of scans that were killed."""
        async with self._engine.begin() as connection:
            await connection.execute(
                text(
                    "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables "
                    "WHERE schemaname = 'staging' AND tablename ~ '^scan_[0-9_]+$' LOOP "
                    "EXECUTE 'DROP TABLE staging.' || name; END LOOP; END $$"
                )
            )


async def _parts(
    ready: asyncio.Queue[TaskReport | None], *, at_once: bool
) -> AsyncIterator[list[TaskReport]]:
    """Finished tasks in parts of at least `_PART_FINDINGS` findings, the rest (or all of them) at the end."""
    part: list[TaskReport] = []
    while (report := await ready.get()) is not None:
        part.append(report)
        if not at_once and sum(one.findings for one in part) >= _PART_FINDINGS:
            yield part
            part = []
    if part:
        yield part


def rule_rows(catalogue: Catalogue) -> list[dict[str, Any]]:
    return [
        {
            "rule_id": rule.id,
            "version": rule.version,
            "content_hash": rule.content_hash,
            "definition": rule.definition,
        }
        for rule in catalogue.rules.values()
    ]


def not_evaluated(catalogue: Catalogue, manifest: Manifest, site: Site) -> dict[str, str]:
    """Rules that cannot be judged on this lake, each with what it lacks; never silence."""
    available = manifest.facts | ({"step_tariff"} if site.step_tariff else set())
    signals = all_signals()
    missing: dict[str, str] = {}
    for rule in catalogue.rules.values():
        if rule.status not in JUDGED:
            missing[rule.id] = f"status {rule.status}"
            continue
        needs = dict.fromkeys(need for name in rule.when_signals for need in signals[name].needs)
        lacking = dict.fromkeys(_NEEDS[need] for need in needs if need not in available)
        if lacking:
            missing[rule.id] = f"needs {', '.join(lacking)}"
    return missing


def _shadow(reports: list[TaskReport]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = {}
    for report in reports:
        for rule_id, (findings, money) in report.shadow.items():
            said = sums.setdefault(rule_id, {"findings": 0, "money_at_risk_rial": 0})
            said["findings"] += findings
            said["money_at_risk_rial"] += money
    return dict(sorted(sums.items()))


def _report_of(path: Path) -> TaskReport:
    """The report of a task that an earlier, killed scan finished."""
    table, tally = read_results(path)
    return TaskReport(path.stem, findings=len(table), peak_rss_mb=0, **tally)
