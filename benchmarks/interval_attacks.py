"""How many of the six standard attacks on half-hourly readings the shipped rules find, and how many innocent they name.

Households of the Low Carbon London trial, true use as delivered. In each round they are dealt anew to ten transformers;
behind five of these one household begins to cheat on the first of July, by one of the attacks of `false_data`. A scan
follows at the start of each month. Found is who is named in any of them; a false alarm is an honest household that any
of the six scans of the untouched data names, or of four scans of spring.

Thresholds were chosen on other draws of the attacks, but with sight of these honest households: their false alarms are
not out of sample.

The transformers' own meters see the true use and the site's technical loss. Skips where the data are not at hand.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from benchmarks.false_data import ATTACKS
from benchmarks.interval_fleet import DAY_READINGS, Fleet, Households, Judged, read_households
from rules.loader import load_catalogue
from rules.signals import all_signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.report import Report
    from rules.rule import Rule

DATA: Final = (
    Path(os.environ.get("TARAZU_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    / "lcl100"
    / "halfhourly_2013.parquet"
)
# A household that left in spring can be neither cheat nor witness.
LEAST_KNOWN: Final = 0.9
TRANSFORMERS, CHEATS = 10, 5
ROUNDS: Final = 10
CHEATING_FROM: Final = dt.date(2013, 7, 1)
SCANS: Final = (*(dt.date(2013, month, 1) for month in range(8, 13)), dt.date(2014, 1, 1))
SPRING: Final = tuple(dt.date(2013, month, 1) for month in range(4, 8))
ALL, BALANCE = "all", "T17"


class Outcome(NamedTuple):
    """What the scans of one round and attack found. `by_rule`: cheats that each rule named."""

    cheats: int
    by_rule: Counter[str]
    stolen_share: float
    areas_named: int
    innocent_areas_named: int
    ranks: list[int]  # of each cheat among the households of its area, where the area was named


def run(report: Report) -> None:
    if not DATA.is_file():
        print(f"interval_attacks skipped: no {DATA}; set TARAZU_TEST_DATA to the folder of the data sets.")
        return
    measure(report, read_households(DATA, least_known=LEAST_KNOWN), rounds=ROUNDS)


def measure(report: Report, households: Households, rounds: int) -> None:
    """All rows of the table, in percent; a row's name is `attack: rule`, `honest …: rule` or of the balance."""
    catalogue = load_catalogue()
    count = len(households.name)
    report.line("households", count, "count")
    everyone = np.ones(count, np.int64)
    lacking = Fleet(households, everyone, []).not_evaluated(catalogue, SCANS[-1])
    rules = [
        rule
        for rule in (*catalogue.active("usage_point"), *catalogue.active("transformer"))
        if rule.id not in lacking
    ]
    interval_rules = [rule.id for rule in rules if is_of_intervals(rule)]
    fleet = Fleet(households, everyone, rules)
    for name, days in (("honest, six scans", SCANS), ("honest, spring", SPRING)):
        named = _named([fleet.judge(households.kwh, day) for day in days], interval_rules)
        for rule_id in [*interval_rules, ALL]:
            report.line(f"{name}: {rule_id}", len(named[rule_id]) / count * 100, "%")
    for attack in ATTACKS:
        outcomes = [_round(households, rules, interval_rules, attack, seed) for seed in range(1, rounds + 1)]
        for rule_id in [*interval_rules, ALL]:
            report.line(f"{attack}: {rule_id}", _share(outcomes, rule_id), "%")
        _balance(report, attack, outcomes)


def is_of_intervals(rule: Rule) -> bool:
    """Whether the rule cannot be judged without energy by interval."""
    signals = all_signals()
    return any("interval_energy" in signals[name].needs for name in rule.when_signals)


def _share(outcomes: list[Outcome], rule_id: str) -> float:
    """Percent of the cheats that the rule named."""
    return sum(one.by_rule[rule_id] for one in outcomes) / sum(one.cheats for one in outcomes) * 100


def _balance(report: Report, attack: str, outcomes: list[Outcome]) -> None:
    areas = sum(one.cheats for one in outcomes)
    innocent = (TRANSFORMERS - CHEATS) * len(outcomes)
    ranks = [rank for one in outcomes for rank in one.ranks]
    rows = {
        "stolen share of the use": float(np.mean([one.stolen_share for one in outcomes])) * 100,
        "areas named": sum(one.areas_named for one in outcomes) / areas * 100,
        "innocent areas named": sum(one.innocent_areas_named for one in outcomes) / innocent * 100,
        "first in the named area": sum(rank == 1 for rank in ranks) / max(len(ranks), 1) * 100,
        "among the first three": sum(rank <= 3 for rank in ranks) / max(len(ranks), 1) * 100,
    }
    for name, value in rows.items():
        report.line(f"{attack}, balance: {name}", value, "%")


def _round(
    households: Households, rules: list[Rule], interval_rules: list[str], attack: str, seed: int
) -> Outcome:
    rng = np.random.default_rng(seed)
    count = len(households.name)
    transformer = rng.permutation(np.arange(count) % TRANSFORMERS) + 1
    areas = rng.permutation(TRANSFORMERS)[:CHEATS] + 1
    cheats = np.array([rng.choice(np.flatnonzero(transformer == area)) for area in areas])
    begin = (CHEATING_FROM - households.first_day).days * DAY_READINGS
    reported = households.kwh.copy()
    reported[cheats, begin:] = ATTACKS[attack](households.kwh[cheats, begin:], rng)
    fleet = Fleet(households, transformer, rules)
    judged = [fleet.judge(reported, day) for day in SCANS]
    named = _named(judged, interval_rules)
    cheat_names = {households.name[row] for row in cheats}
    ranks: dict[int, int] = {}
    named_areas: set[int] = set()
    for one, scan in enumerate(judged):
        for finding in scan.transformers:
            if finding.rule_id == BALANCE and finding.subject_id not in named_areas:
                named_areas.add(finding.subject_id)
                members = np.flatnonzero(transformer == finding.subject_id)
                for row in members[np.isin(members, cheats)].tolist():
                    ranks[row] = _rank(judged[: one + 1], households.name, members, row)
    true = np.nansum(households.kwh[cheats, begin:])
    return Outcome(
        len(cheats),
        Counter({rule_id: len(found & cheat_names) for rule_id, found in named.items()}),
        1.0 - float(np.nansum(reported[cheats, begin:]) / true),
        len(named_areas & set(areas.tolist())),
        len(named_areas - set(areas.tolist())),
        list(ranks.values()),
    )


def _named(judged: list[Judged], interval_rules: list[str]) -> dict[str, set[str]]:
    """Rule → households that it named in any scan; `all` is any rule of intervals."""
    named: dict[str, set[str]] = defaultdict(set)
    for scan in judged:
        for finding in scan.points:
            named[finding.rule_id].add(finding.subject_key)
            if finding.rule_id in interval_rules:
                named[ALL].add(finding.subject_key)
    return named


def _rank(judged: list[Judged], names: list[str], members: NDArray[np.int64], row: int) -> int:
    """Place of the household in its area, from 1: by the largest confidence times energy of its findings until then,
    and among those without any by how far its hourly load has fallen.
    """
    weight: dict[str, float] = defaultdict(float)
    for scan in judged:
        for finding in scan.points:
            gain = finding.confidence * finding.energy_at_risk_kwh
            weight[finding.subject_key] = max(weight[finding.subject_key], gain)
    drop = np.max([scan.drop_percent for scan in judged], axis=0)
    order = sorted(members.tolist(), key=lambda one: (-weight[names[one]], -drop[one]))
    return order.index(row) + 1


if __name__ == "__main__":
    from benchmarks.report import Report as _Report

    run(_Report())
