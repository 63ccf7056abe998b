"""What another value of a parameter, or another rule file, would change, on the lake as it is; nothing is written.

The signals of the rule's family are computed once, and the array form of the evaluators (`rules.screen.fires_for`) judges
them twice: as the rules stand, and with what is tried. The answer is what two scans would find.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from etl.lake.files import read_bucket
from etl.lake.manifest import require_manifest
from etl.lake.transformers import read_transformers
from etl.lake.visits import read_agents
from etl.scan.areas import with_areas
from etl.scan.reductions import BALANCE_MONTHS, Whole, merge, reduce_bucket
from etl.scan.run import not_evaluated
from etl.scan.tasks import BucketTask
from rules.batch import PointBatch, day_number, month_starts
from rules.facts import compute
from rules.findings import at_risk, findings_of, subjects
from rules.parameter_settings import rule_with
from rules.rule import JUDGED
from rules.screen import fires_for
from rules.site import load_site
from rules.standing import spoken_of
from tarazu.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from etl.lake.manifest import Manifest
    from rules.batch import Batch
    from rules.facts import SignalTable
    from rules.parameter_settings import ParameterSetting
    from rules.rule import Catalogue, Rule
    from tarazu.settings import Settings

# Reading and kernels release the interpreter's lock for most of their time, and memory holds two buckets well.
_THREADS = 2
_EXAMPLES = 10


@dataclass(slots=True)
class Side:
    """One of the two: as the rules stand, or with what is tried."""

    findings: int = 0
    cases: int = 0
    money_at_risk_rial: int = 0
    by_district: Counter[int] = field(default_factory=Counter)
    cases_by_district: Counter[int] = field(default_factory=Counter)

    def add(self, other: Side) -> None:
        self.findings += other.findings
        self.cases += other.cases
        self.money_at_risk_rial += other.money_at_risk_rial
        self.by_district += other.by_district
        self.cases_by_district += other.cases_by_district


@dataclass(frozen=True, slots=True)
class Example:
    """What a finding would say."""

    subject: str
    money_at_risk_rial: int
    sentence_fa: str
    sentence_en: str


@dataclass(slots=True)
class Simulation:
    """`gained` and `lost`: keys of subjects that the rule would find anew, or not any more, in the order of the lake.

    `overlap`: of the findings with what is tried, how many each other rule of the family finds too. `examples`: those
    gained with the most money at risk; of all findings where none is gained.
    """

    rule_id: str
    as_of: str
    subjects: int = 0
    now: Side = field(default_factory=Side)
    then: Side = field(default_factory=Side)
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    overlap: Counter[str] = field(default_factory=Counter)
    examples_gained: list[Example] = field(default_factory=list)
    examples_found: list[Example] = field(default_factory=list)

    @property
    def examples(self) -> list[Example]:
        return self.examples_gained or self.examples_found

    def add(self, other: Simulation) -> None:
        self.subjects += other.subjects
        self.now.add(other.now)
        self.then.add(other.then)
        self.gained += other.gained
        self.lost += other.lost
        self.overlap += other.overlap
        self.examples_gained = _dearest([*self.examples_gained, *other.examples_gained])
        self.examples_found = _dearest([*self.examples_found, *other.examples_found])

    def to_json(
        self, district_codes: Mapping[int, str], outcomes: Mapping[str, str], *, examples: int = 10
    ) -> dict[str, Any]:
        """`outcomes`: what the newest inspection of a subject found, by its key."""
        districts = sorted({*self.now.by_district, *self.then.by_district})
        return {
            "rule": self.rule_id,
            "as_of": self.as_of,
            "subjects": self.subjects,
            "now": _side_json(self.now),
            "then": _side_json(self.then),
            "gained": _changed_json(self.gained, outcomes, examples),
            "lost": _changed_json(self.lost, outcomes, examples),
            "overlap": dict(sorted(self.overlap.items())),
            "examples": [asdict(example) for example in self.examples[:examples]],
            "by_district": [
                {
                    "district": district_codes.get(district),
                    "findings_now": self.now.by_district[district],
                    "findings_then": self.then.by_district[district],
                    "cases_now": self.now.cases_by_district[district],
                    "cases_then": self.then.cases_by_district[district],
                }
                for district in districts
            ],
        }


def simulate(
    settings: Settings,
    in_force: Catalogue,
    rule_id: str,
    tried: Iterable[ParameterSetting],
    *,
    as_of: dt.date | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Simulation:
    """Findings and cases of the rule as it stands in `in_force` and with the values tried.

    A case holds what one family says of a subject: of a subject that another rule of the family finds too, the case
    remains when this rule falls silent.

    Raises:
        NotFoundError: there is no lake, or no such rule or parameter.
        RuleError, InputError: a value is outside its bounds, or the lake lacks what the rule needs.
    """
    if rule_id not in in_force.rules:
        raise NotFoundError(f"There is no rule {rule_id}.", mend=f"Known: {', '.join(in_force.rules)}.")
    rule = in_force.rules[rule_id]
    return _compare(settings, in_force, rule, rule_with(rule, tried), as_of, progress)


def preview(
    settings: Settings,
    in_force: Catalogue,
    rule: Rule,
    *,
    as_of: dt.date | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Simulation:
    """Findings and cases of a rule that is not in force yet, against the rule of its id if there is one.

    It is judged as if it were stable, wherever its own file says it stands.

    Raises:
        NotFoundError: there is no lake.
        InputError: the lake lacks what the rule needs, or the rule of its id judges other subjects or another family.
    """
    now = in_force.rules.get(rule.id)
    if now is not None and (now.subject, now.family) != (rule.subject, rule.family):
        raise InputError(
            f"{rule.id} is a rule of {now.family} about a {now.subject}; the file's is of {rule.family} about a "
            f"{rule.subject}.",
            mend="Give a new rule a new id.",
        )
    return _compare(settings, in_force, now, replace(rule, status="stable"), as_of, progress)


def _compare(
    settings: Settings,
    in_force: Catalogue,
    now: Rule | None,
    rule: Rule,
    as_of: dt.date | None,
    progress: Callable[[str, int, int], None],
) -> Simulation:
    lake = settings.lake_directory
    manifest = require_manifest(lake)
    day = as_of or dt.date.fromisoformat(manifest.last_day)
    site = load_site(day, settings.site_file, settings.company_code)
    lacking = not_evaluated(replace(in_force, rules={**in_force.rules, rule.id: rule}), manifest, site)
    if rule.id in lacking:
        raise InputError(f"{rule.id} is not evaluated: {lacking[rule.id]}.")
    others = [
        other
        for other in in_force.active(rule.subject)
        if other.family == rule.family and other.id != rule.id and other.id not in lacking
    ]
    trial = _Trial(now, rule, others, day.isoformat())
    result = Simulation(rule.id, day.isoformat())
    if rule.subject == "reading_agent":
        result.add(trial.of(read_agents(lake / manifest.visits, as_of=day_number(day), site=site)))
        return result
    tasks = [
        BucketTask(int(number), lake / bucket.folder, bucket.last_month, day, site)
        for number, bucket in sorted(manifest.bucket.items(), key=lambda item: int(item[0]))
    ]
    whole = _whole(settings, manifest, tasks, progress)
    if rule.subject != "usage_point":
        result.add(trial.of(whole.transformers if rule.subject == "transformer" else whole.customers))
        return result

    def of_bucket(task: BucketTask) -> Simulation:
        return trial.of(_read(task).among(whole.around))

    with ThreadPoolExecutor(_THREADS) as pool:
        for done, part in enumerate(pool.map(of_bucket, tasks), 1):
            result.add(part)
            progress("simulate", done, len(tasks))
    return result


@dataclass(frozen=True, slots=True)
class _Trial:
    now: Rule | None
    then: Rule
    others: list[Rule]
    as_of: str

    def of(self, batch: Batch) -> Simulation:
        present = [] if self.now is None else [self.now]
        table = compute(batch, [*present, self.then, *self.others])
        before = self._found(table, self.now)
        after = self._found(table, self.then)
        held = np.zeros(len(batch), np.bool_)
        result = Simulation(self.then.id, self.as_of, subjects=len(batch))
        for other in self.others:
            found = self._found(table, other)
            held |= found
            if both := int((after & found).sum()):
                result.overlap[other.id] = both
        for side, fires, rule in ((result.now, before, self.now), (result.then, after, self.then)):
            rows, cases = np.flatnonzero(fires), np.flatnonzero(fires | held)
            _, _, districts, classes = subjects(batch, rows)
            side.findings, side.cases = len(rows), len(cases)
            side.by_district = Counter(districts)
            side.cases_by_district = Counter(batch.district_id[cases].tolist())
            side.money_at_risk_rial = 0 if rule is None else sum(at_risk(table, rule, rows, classes)[1])
        gained = np.flatnonzero(after & ~before)
        result.gained = subjects(batch, gained)[0]
        result.lost = subjects(batch, np.flatnonzero(before & ~after))[0]
        result.examples_gained = self._examples(table, gained)
        result.examples_found = self._examples(table, np.flatnonzero(after))
        return result

    @staticmethod
    def _found(table: SignalTable, rule: Rule | None) -> NDArray[np.bool_]:
        """(subjects,) of whom a scan would speak by the rule."""
        if rule is None or rule.status not in JUDGED:
            return np.zeros(len(table.batch), np.bool_)
        return fires_for(table, rule) & spoken_of(table.batch, rule)

    def _examples(self, table: SignalTable, rows: NDArray[np.int64]) -> list[Example]:
        classes = subjects(table.batch, rows)[3]
        money = np.array(at_risk(table, self.then, rows, classes)[1], dtype=np.int64)
        dearest = rows[np.argsort(-money, kind="stable")[:_EXAMPLES]]
        return _dearest(
            [
                Example(found.subject_key, found.money_at_risk_rial, found.sentence_fa, found.sentence_en)
                for found in findings_of(table, self.then, dearest)
            ]
        )


def _dearest(examples: list[Example]) -> list[Example]:
    return sorted(examples, key=lambda one: (-one.money_at_risk_rial, one.subject))[:_EXAMPLES]


def _read(task: BucketTask, *, only_debts: bool = False) -> PointBatch:
    return read_bucket(
        task.folder,
        last_month=task.last_month,
        bucket_last_month=task.bucket_last_month,
        as_of=task.as_of,
        site=task.site,
        only_debts=only_debts,
    )


def _whole(
    settings: Settings,
    manifest: Manifest,
    tasks: list[BucketTask],
    progress: Callable[[str, int, int], None],
) -> Whole:
    """As the first pass of a scan makes it."""
    last_month = tasks[0].last_month
    days = np.diff(month_starts(last_month, BALANCE_MONTHS)).astype(np.float64)
    sums = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, part in enumerate(
            pool.map(lambda task: reduce_bucket(_read(task, only_debts=True), days), tasks), 1
        ):
            sums.append(part)
            progress("reduce", done, len(tasks))
    transformers = read_transformers(settings.lake_directory / manifest.transformers)
    whole = merge(
        sums, transformers, last_month=last_month, as_of=day_number(tasks[0].as_of), site=tasks[0].site
    )
    return with_areas(whole, tasks, transformers)


def _side_json(side: Side) -> dict[str, int]:
    return {"findings": side.findings, "cases": side.cases, "money_at_risk_rial": side.money_at_risk_rial}


def _changed_json(keys: list[str], outcomes: Mapping[str, str], examples: int) -> dict[str, Any]:
    known = [(key, outcomes[key]) for key in keys if key in outcomes]
    return {
        "findings": len(keys),
        "outcomes": dict(sorted(Counter(outcome for _, outcome in known).items())),
        "inspected": [{"subject": key, "outcome": outcome} for key, outcome in known[:examples]],
        "examples": keys[:examples],
    }
