"""All that is wrong or doubtful with a catalogue, at once. The loader stops at the first fault; this does not.

An error keeps the catalogue from being used or makes a rule meaningless, a warning is likely a mistake, and what is
only informed about may be meant. Nothing is rewritten: comments and the order that an author chose would be lost.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rules.checks import Level, rule_checks
from rules.faults import Fault, faults_of
from rules.implication import excluded, implied
from rules.loader import TEST_SUFFIX, rule_files, rule_from
from rules.rule import ACTIVE, Rule, variants
from rules.signals import all_signals
from rules.testing.scenario import missing_kinds, read_scenarios, scenario_faults, scenario_file_of, untested
from rules.versions import LOCK_NAME, read_lock
from tarazu.errors import RuleError
from tarazu.yaml_file import YamlFile, dotted, read_yaml

_SEVERITIES = ("low", "medium", "high", "critical")
# What `RuleError` says of a file that cannot be read as YAML begins with its place.
_PLACE = re.compile(r":(?P<line>\d+): (?P<message>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LintFinding:
    """`field` is the way to the value in the file, as in `when[0].op`; `code` is stable."""

    file: Path
    line: int
    field: str
    code: str
    message: str
    mend: str | None
    level: Level

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.level} {self.code}: {self.field or 'file'}: {self.message}"
        return f"{text} {self.mend}" if self.mend else text


def lint(directory: Path) -> list[LintFinding]:
    """All findings of all files of a catalogue, by file and line; the empty list for a flawless one."""
    findings: list[LintFinding] = []
    rules: dict[str, tuple[Rule, YamlFile]] = {}
    for path in rule_files(directory):
        source = _read(path, findings)
        if source is None:
            continue
        faults = list(faults_of(source))
        findings += (_finding(source, fault, "error") for fault in faults)
        if not faults:
            rule = rule_from(source.data, path)
            rules[rule.id] = (rule, source)
            findings += (_finding(source, fault, level) for level, fault in rule_checks(rule))
            findings += _test_findings(rule, source)
    findings += _lock_findings(directory, rules)
    findings += _shadow_findings(rules)
    findings += _orphans(directory)
    findings += _unused_signals([rule for rule, _ in rules.values()])
    return sorted(findings, key=lambda f: (str(f.file), f.line, f.code, f.message))


def _read(path: Path, findings: list[LintFinding]) -> YamlFile | None:
    try:
        return read_yaml(path, RuleError)
    except RuleError as error:
        place = _PLACE.fullmatch(error.message.removeprefix(str(path)))
        line, message = (int(place["line"]), place["message"]) if place else (1, error.message)
        findings.append(LintFinding(path, line, "", "yaml", message, error.mend, "error"))
        return None


def _finding(source: YamlFile, fault: Fault, level: Level) -> LintFinding:
    return LintFinding(
        source.path,
        source.line(fault.field),
        dotted(fault.field),
        fault.code,
        fault.message,
        fault.mend,
        level,
    )


def _test_findings(rule: Rule, source: YamlFile) -> Iterator[LintFinding]:
    path = scenario_file_of(source.path)
    if not path.exists():
        message = f"there is no {path.name} beside it."
        yield LintFinding(source.path, 1, "", "test.none", message, "Write its scenarios.", "error")
        return
    findings: list[LintFinding] = []
    tests = _read(path, findings)
    yield from findings
    if tests is None:
        return
    faults = list(scenario_faults(tests, rule))
    yield from (_finding(tests, fault, "error") for fault in faults)
    if faults:
        return
    file = read_scenarios(path, rule)
    for words in missing_kinds(file, rule):
        fault = Fault("test.kind", ["scenarios"], f"the rule needs {words}.", "Add one.")
        yield _finding(tests, fault, "error")
    for target in untested(file, rule):
        fault = Fault(
            "test.untested", ["scenarios"], f"no scenario is stopped by {target} alone.", "Add one."
        )
        yield _finding(tests, fault, "warning")


def _lock_findings(directory: Path, rules: dict[str, tuple[Rule, YamlFile]]) -> Iterator[LintFinding]:
    try:
        lock = read_lock(directory)
    except RuleError as error:
        yield LintFinding(directory / LOCK_NAME, 1, "", "lock.unreadable", error.message, error.mend, "error")
        return
    for rule, source in rules.values():
        entry = lock.get(rule.id)
        if entry is None or entry["content_hash"] != rule.content_hash:
            state = "is not in" if entry is None else "has changed since it was written to"
            fault = Fault(
                "lock.outdated", ["id"], f"{rule.id} {state} {LOCK_NAME}.", "Run `tarazu rules lock`."
            )
            yield _finding(source, fault, "error")


def _shadow_findings(rules: dict[str, tuple[Rule, YamlFile]]) -> Iterator[LintFinding]:
    """Rules that fire only where another one does; a more severe one may well do so."""
    active = [(rule, source) for rule, source in rules.values() if rule.status in ACTIVE]
    for rule, source in active:
        for other, _ in active:
            if other.id == rule.id or other.subject != rule.subject or not _shadows(other, rule):
                continue
            more_severe = _SEVERITIES.index(rule.severity) > _SEVERITIES.index(other.severity)
            if more_severe or (_shadows(rule, other) and rule.id < other.id):
                continue
            message = f"wherever {rule.id} fires, {other.id} fires too."
            fault = Fault("rule.shadowed", ["when"], message, f"Merge them, or make {rule.id} more severe.")
            yield _finding(source, fault, "warning")


def _shadows(wider: Rule, narrower: Rule) -> bool:
    return all(
        _covers(
            wider, wider.parameter_values(tariff_class), narrower, narrower.parameter_values(tariff_class)
        )
        for tariff_class in variants([wider, narrower])
    )


def _covers(wider: Rule, wide: dict[str, float], narrower: Rule, narrow: dict[str, float]) -> bool:
    """Whether `wider` fires wherever `narrower` does, each with its parameters."""
    if not all(implied(condition, wide, narrower.when, narrow) for condition in wider.when):
        return False
    # What suppresses the wider one must suppress the narrower one too, or be impossible where that fires.
    return all(
        any(implied(mine, narrow, [theirs], wide) for mine in narrower.unless)
        or excluded(theirs, wide, narrower.when, narrow)
        for theirs in wider.unless
    )


def _orphans(directory: Path) -> Iterator[LintFinding]:
    for path in sorted(directory.glob(f"*{TEST_SUFFIX}")):
        rule_file = path.with_name(path.name.removesuffix(TEST_SUFFIX) + ".yaml")
        if not rule_file.exists():
            message = f"there is no {rule_file.name} beside it."
            yield LintFinding(path, 1, "", "test.orphan", message, "Remove it, or restore the rule.", "error")


def _unused_signals(rules: list[Rule]) -> Iterator[LintFinding]:
    used = {name for rule in rules for name in rule.signals}
    for signal in all_signals().values():
        if signal.name not in used:
            file = Path(inspect.getsourcefile(signal.kernel) or "")
            line = inspect.getsourcelines(signal.kernel)[1]
            message = f"no rule uses the signal {signal.name}."
            yield LintFinding(file, line, signal.name, "signal.unused", message, None, "info")
