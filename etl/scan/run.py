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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from sqlalchemy import text

from etl.lake.manifest import Manifest, require_manifest
from etl.lake.snapshot import reading
from etl.lake.transformers import read_transformers
from etl.lake.visits import read_visits
from etl.memory import peak_rss_mb
from etl.scan.areas import with_areas
from etl.scan.cluster import Outcome, cluster, run_tasks
from etl.scan.in_force import catalogue_in_force, expired_exceptions
from etl.scan.keys import RuleKeys, sums_key
from etl.scan.nearby import nearby
from etl.scan.reductions import BucketSums, Whole, merge
from etl.scan.results import SCHEMA, read_results
from etl.scan.standing import Standing, StandingFiles
from etl.scan.tasks import BucketTask, TaskReport, evaluate_task, evaluate_whole_task, reduce_task
from etl.scan.trial import hold_back, on_trial, standing_findings
from rules.batch import day_number
from rules.doubtful_readings import doubtful_readings
from rules.rule import ACTIVE, JUDGED, Catalogue
from rules.signals import all_signals
from rules.signals.registry import SubjectKind
from rules.site import load_site
from tarazu.cases import scan_runs
from tarazu.cases.explaining import cleared_agents
from tarazu.cases.opening import CaseOpening, Judged, MergeMoment, Opened, changed_subjects
from tarazu.database import advisory_lock, create_engine, database_faults, libpq_uri
from tarazu.folders import private_folder
from tarazu.models.enums import RunState, ScanKind
from tarazu.moments import reach

if TYPE_CHECKING:
    from distributed import Client
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

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
    kind: ScanKind = ScanKind.SCAN
    buckets_evaluated: int = 0
    buckets_standing: int = 0  # what they are judged by did not change, so neither did their findings

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
    summary = await _scan(settings, catalogue, as_of, progress, ScanKind.SCAN)
    assert summary is not None
    return summary


async def evaluate_arrivals(
    settings: Settings, catalogue: Catalogue, *, progress: Progress = lambda *_: None
) -> ScanSummary | None:
    """What `scan` comes to, by judging only what changed since the last scan or evaluation; None where nothing did.

    A bucket is judged again when its rows, the day, the rules, or anything of the other buckets that its points are
    judged against is not what it was; all are, where the last results are not there any more.

    Raises:
        as `scan`.
    """
    return await _scan(settings, catalogue, None, progress, ScanKind.ARRIVAL)


async def _scan(
    settings: Settings, catalogue: Catalogue, as_of: dt.date | None, progress: Progress, kind: ScanKind
) -> ScanSummary | None:
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
                run = _Scan(settings, in_force, manifest, day, engine, progress, kind, expired)
                return await run.run(started)
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
        kind: ScanKind,
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
        self._kind = kind
        self._keys = RuleKeys(catalogue, self._not_evaluated)
        self._inputs = self._keys.of_run(manifest, as_of, self._site, settings.case_window_days)
        self._files = StandingFiles(settings.standing_directory)
        self._base: Standing | None = None
        self._changed_subjects: list[tuple[str, str]] = []
        self._cleared_agents: list[str] = []
        self._sums: dict[int, BucketSums] = {}
        self._sums_keys: dict[int, str] = {}
        self._result_keys: dict[str, str] = {}
        self._standing: set[str] = set()  # names of tasks whose last results stand
        self._ended = threading.Event()
        # Most findings of each rule whose trial has a limit.
        self._limits = {
            rule.id: rule.most_findings for rule in catalogue.rules.values() if rule.most_findings is not None
        }

    async def run(self, started: float) -> ScanSummary | None:
        # Of a limited trial it is known only of all findings together which ones come first: then nothing stands.
        if self._kind is ScanKind.ARRIVAL and not self._limits:
            await self._find_base()
            if self._base is not None and self._base.inputs == self._inputs and not self._changed_subjects:
                return None
        async with self._engine.begin() as connection:
            self._cleared_agents = await cleared_agents(
                connection, self._as_of, self._settings.case_window_days
            )
            run_id = await scan_runs.begin(
                connection,
                as_of=self._as_of,
                lake_generation=self._manifest.generation,
                catalogue_hash=self._catalogue.hash,
                kind=self._kind,
            )
        try:
            return await self._run(run_id, started)
        except Exception as error:
            await self._try_to_fail(run_id, error)
            raise

    async def _find_base(self) -> None:
        """The results of the newest merge, where they are here and later changes of cases are still known."""
        async with self._engine.connect() as connection:
            base = self._files.read(await scan_runs.newest_merge(connection))
            if base is not None:
                since = MergeMoment(base.transaction_id, base.case_snapshot)
                changed = await changed_subjects(connection, since)
                if changed is not None:
                    self._base, self._changed_subjects = base, changed

    async def _try_to_fail(self, run_id: int, error: Exception) -> None:
        try:
            async with self._engine.begin() as connection:
                await scan_runs.fail(connection, run_id, error)
        except Exception as second:  # noqa: BLE001  # the database is what failed; the next run marks this one
            error.add_note(f"The run could not be marked as failed: {second}")

    async def _run(self, run_id: int, started: float) -> ScanSummary:
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
            kind=self._kind,
            buckets_evaluated=len(tasks) - self._standing_buckets() - len(self._failed),
            buckets_standing=self._standing_buckets(),
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
                    self._cleared_agents,
                ]
            ).encode()
        ).hexdigest()[:16]
        runs = private_folder(self._settings.runs_directory)
        for other in runs.glob("scan-*"):
            if other.name != f"scan-{name}":
                shutil.rmtree(other, ignore_errors=True)
        return private_folder(runs / f"scan-{name}")

    def _standing_buckets(self) -> int:
        return sum(name.startswith("bucket-") for name in self._standing)

    def _reduce(self, client: Client, tasks: list[BucketTask]) -> Whole:
        sums = self._sums
        self._sums_keys = {task.number: sums_key(task) for task in tasks}
        if self._base is not None:
            for number, key in self._sums_keys.items():
                if self._base.sums.get(str(number)) == key and (kept := self._files.read_sums(number, key)):
                    sums[number] = kept
        jobs: dict[Any, Any] = {
            task.number: (reduce_task, (task,), {}) for task in tasks if task.number not in sums
        }
        for done, outcome in enumerate(run_tasks(client, jobs), 1):
            if outcome.killed:
                self._failed.add(outcome.key)
            else:
                sums[outcome.key] = outcome.value
                self._files.write_sums(outcome.key, self._sums_keys[outcome.key], outcome.value)
            self._progress("reduce", done, len(jobs))
        transformers = read_transformers(self._settings.lake_directory / self._manifest.transformers)
        whole = merge(
            # In the order of the buckets, so that sums of floats are the same in every scan.
            [sums[number] for number in sorted(sums)],
            transformers,
            last_month=self._balance_month(),
            as_of=day_number(self._as_of),
            site=self._site,
        )
        return with_areas(whole, [task for task in tasks if task.number in sums], transformers)

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
        wholes: list[tuple[SubjectKind, Batch]] = [
            ("transformer", whole.transformers),
            ("customer", whole.customers),
        ]
        everywhere = whole.around
        if rules["reading_agent"]:
            path = self._settings.lake_directory / self._manifest.visits
            read = read_visits(path, as_of=day_number(self._as_of), site=self._site)
            wholes.append(("reading_agent", read.agents))
            everywhere = replace(
                everywhere,
                doubtful=doubtful_readings(
                    read.visits,
                    read.bucket_class % self._manifest.buckets,
                    read.agents,
                    rules["reading_agent"],
                    self._cleared_agents,
                ),
            )
        # The surroundings go along with each task (some 100 kB): scattered ones are lost with the workers that hold them,
        # and with them every task that needs them.
        for task in tasks:
            path = results / f"bucket-{task.number:04d}.parquet"
            if task.number in self._failed:
                continue
            around = nearby(everywhere, self._sums[task.number], task.number)
            if self._stands(path.stem, self._keys.of_bucket(self._sums_keys[task.number], around)):
                continue
            if path.exists():
                hand_over(_report_of(path))
                continue
            jobs[task.number] = (evaluate_task, (task, around, rules["usage_point"], path), {})
        day = self._as_of.isoformat()
        for name, batch in wholes:
            if rules[name] and not self._stands(name, self._keys.of_whole(batch, self._as_of)):
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

    def _stands(self, name: str, key: str) -> bool:
        """Whether the last results of this task still hold; its key is noted either way."""
        self._result_keys[name] = key
        if self._base is None or self._base.results.get(name) != key:
            return False
        if not self._files.results_path(name, key).exists():
            return False
        self._standing.add(name)
        return True

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
            moment = await opening.begin()
            standing_of_trials = await standing_findings(connection, self._limits)
            # Which findings of a limited trial come first is known only when all are there.
            async for part in _parts(ready, at_once=bool(self._limits)):
                staging = f"staging.scan_{run_id}_{len(reports)}"
                by_rule += await asyncio.to_thread(self._stage, staging, part, standing_of_trials)
                reach("scan.staged")
                await connection.execute(text(f"ANALYZE {staging} (subject_kind, subject_id)"))
                await opening.add(staging)
                await connection.execute(text(f"DROP TABLE {staging}"))
                reports += part
            # What went wrong in judging is told before anything is stored.
            await judging
            reach("scan.evaluated")
            self._progress("store", 0, 1)
            if self._changed_subjects:
                await self._add_standing(opening, f"staging.scan_{run_id}_standing", connection)
            opened = await opening.finish(self._complete_rules(), self._judged())
            await on_trial(connection, self._catalogue)
            standing = self._standing_of(await scan_runs.note_merge(connection, run_id), moment)
            if standing is not None:
                # Before the commit: the database must never name results that are not there yet.
                await asyncio.to_thread(self._files.write, standing, self._results)
            reach("scan.merged")
        reach("scan.committed")
        self._files.remove_all_but(standing)
        self._progress("store", 1, 1)
        return opened, by_rule, reports

    def _judged(self) -> Judged | None:
        """What this run looked at; None for all."""
        if self._base is None:
            return None
        names = self._result_keys.keys() - self._standing
        return Judged(
            kinds=sorted(name for name in names if not name.startswith("bucket-")),
            buckets=sorted(int(name.removeprefix("bucket-")) for name in names if name.startswith("bucket-")),
            modulus=self._manifest.buckets,
            subjects=self._changed_subjects,
        )

    def _standing_of(self, token: str, moment: MergeMoment) -> Standing | None:
        """None where a part was given up: the next evaluation has to look at everything again."""
        if self._failed or self._failed_subjects:
            return None
        return Standing(
            token=token,
            inputs=self._inputs,
            sums={str(number): key for number, key in self._sums_keys.items()},
            results=self._result_keys,
            transaction_id=moment.transaction_id,
            case_snapshot=moment.snapshot,
        )

    async def _add_standing(self, opening: CaseOpening, staging: str, connection: AsyncConnection) -> None:
        """Merge what stands of subjects whose cases people changed: another case may have to take it now."""
        table = await asyncio.to_thread(self._standing_findings)
        await asyncio.to_thread(self._ingest, staging, table)
        await opening.add(staging)
        await connection.execute(text(f"DROP TABLE {staging}"))

    def _standing_findings(self) -> pa.Table:
        changed = pa.table(
            {
                "subject_kind": [kind for kind, _ in self._changed_subjects],
                "subject_key": [key for _, key in self._changed_subjects],
            }
        )
        tables = [SCHEMA.empty_table()]
        for name in sorted(self._standing):
            table, _ = read_results(self._files.results_path(name, self._result_keys[name]))
            tables.append(table.join(changed, ["subject_kind", "subject_key"], join_type="left semi"))
        return pa.concat_tables(tables)

    def _stage(self, staging: str, part: list[TaskReport], standing: set[tuple[str, str]]) -> Counter[str]:
        """Copy the findings of some tasks into a table of their own; the findings of each rule."""
        tables = [read_results(self._results / f"{report.name}.parquet")[0] for report in part]
        table, held_back = hold_back(pa.concat_tables(tables), self._limits, standing)
        self._held_back += held_back
        self._ingest(staging, table)
        return Counter(
            {entry["values"]: entry["counts"] for entry in table.column("rule_id").value_counts().to_pylist()}
        )

    def _ingest(self, staging: str, table: pa.Table) -> None:
        schema, _, name = staging.partition(".")
        with dbapi.connect(libpq_uri(self._settings)) as adbc, adbc.cursor() as cursor:
            cursor.adbc_ingest(name, table, mode="create", db_schema_name=schema)
            adbc.commit()

    async def _drop_left_behind(self) -> None:
        """Staging tables of scans that were killed."""
        async with self._engine.begin() as connection:
            await connection.execute(
                text(
                    "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables "
                    "WHERE schemaname = 'staging' AND tablename ~ '^scan_[0-9_]+(standing)?$' LOOP "
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
