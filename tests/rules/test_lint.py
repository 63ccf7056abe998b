"""Lint names every fault of every file at once."""

from __future__ import annotations

import pytest

from rules.lint import lint
from rules.loader import CATALOGUE_DIRECTORY, load_rule
from rules.versions import raise_versions, read_lock, write_lock


def relock(folder):
    hashes = {path.stem: load_rule(path).content_hash for path in folder.path.glob("???.yaml")}
    write_lock(folder.path, raise_versions(read_lock(folder.path), hashes))


def said(folder):
    """`file:line: level code: field: message mend` of each finding but what is unused in so small a catalogue."""
    return [
        str(finding).removeprefix(f"{folder.path}/")
        for finding in lint(folder.path)
        if finding.code != "signal.unused"
    ]


def test_the_catalogue_that_ships_has_nothing_to_mend():
    assert [str(finding) for finding in lint(CATALOGUE_DIRECTORY)] == []


def test_a_copy_without_changes_is_clean(catalogue_of):
    assert said(catalogue_of("T01", "T02", "C07", "T17")) == []


def test_all_faults_of_all_files_come_at_once(catalogue_of):
    folder = catalogue_of("T01", "T02")
    folder.edit("T01.yaml", "field: months, op", "field: moths, op")
    folder.edit("T01.yaml", "energy_kwh: zero_run.lost_kwh", "energy_kwh: zero_run.lost")
    folder.edit("T02.yaml", "default: 50, min: 20", "default: 10, min: 20")
    lines = [
        folder.line("T01.yaml", "moths"),
        folder.line("T01.yaml", "zero_run.lost"),
        folder.line("T02.yaml", "default: 10"),
    ]
    assert said(folder) == [
        f"T01.yaml:{lines[0]}: error field: when[0].field: 'zero_run' has no field 'moths'. Did you mean 'months'?",
        (
            f"T01.yaml:{lines[1]}: error field: at_risk.energy_kwh: 'zero_run' has no field 'lost'."
            " Did you mean 'lost_kwh'?"
        ),
        (
            f"T02.yaml:{lines[2]}: error bounds: parameters.drop_percent.default: 10 is outside 20 … 90."
            " Mend the value or its bounds."
        ),
    ]


def test_a_file_that_cannot_be_read_does_not_hide_the_others(catalogue_of):
    folder = catalogue_of("T01", "T02")
    folder.edit("T01.yaml", "severity: high", "severity: [high")
    folder.edit("T02.yaml", "severity: high", "severity: high\nseverity: low")
    assert [line.partition(" error ")[2].partition(":")[0] for line in said(folder)] == ["yaml", "yaml"]
    assert said(folder)[1] == (
        f"T02.yaml:{folder.line('T02.yaml', 'severity: low')}: error yaml: file: severity is given twice."
        " Keep one of the two."
    )


_PERCENT = '- {signal: sudden_drop, field: drop_percent, op: ">=", value: $drop_percent}'
_MISSING_MONTHS = '- {signal: history, field: missing_months, op: ">", value: $most_missing_months}'
# How T02 is spoilt, the text whose line is named, and what is said behind the line.
_DOUBTS = {
    "impossible": (
        _PERCENT,
        _PERCENT + '\n  - {signal: sudden_drop, field: drop_percent, op: "<", value: $drop_percent}',
        'op: "<", value: $drop_percent',
        (
            "error condition.impossible: when[1]: the conditions on sudden_drop.drop_percent can never hold together."
            " Mend an operator or a threshold."
        ),
    ),
    "impossible with some bounds": (
        _PERCENT,
        _PERCENT + '\n  - {signal: sudden_drop, field: drop_percent, op: "<=", value: $most_percent}',
        "$most_percent}",
        (
            "warning condition.bounds: when[1]: with some allowed values of its parameters, sudden_drop.drop_percent can"
            " meet no value. Narrow the bounds of the parameters."
        ),
    ),
    "redundant": (
        _PERCENT,
        _PERCENT + '\n  - {signal: sudden_drop, field: drop_percent, op: ">", value: $low_percent}',
        "$low_percent}",
        (
            "warning condition.redundant: when[1]: this holds wherever the other conditions on sudden_drop do."
            " Remove it, or mend its threshold."
        ),
    ),
    "never fires": (
        _MISSING_MONTHS,
        _MISSING_MONTHS + '\n  - {signal: sudden_drop, field: drop_percent, op: ">", value: $low_percent}',
        "$low_percent}",
        (
            "error rule.never_fires: unless[6]: sudden_drop.drop_percent holds wherever `when` does, so the rule can never"
            " fire. Mend the suppressor's threshold or remove it."
        ),
    ),
    "dead suppressor": (
        _MISSING_MONTHS,
        _MISSING_MONTHS + '\n  - {signal: sudden_drop, field: drop_percent, op: "<", value: $low_percent}',
        "$low_percent}",
        (
            "warning suppressor.dead: unless[6]: sudden_drop.drop_percent can never hold where `when` does, so it"
            " suppresses nothing. Mend its threshold or remove it."
        ),
    ),
    "redundant suppressor": (
        "- {signal: supply_cut}",
        "- {signal: supply_cut}\n  - {signal: meter_exchange}",
        'op: "<=", value: $exchange_days}',
        (
            "warning suppressor.redundant: unless[5]: wherever this holds, unless[4] does too."
            " Remove it, or mend its threshold."
        ),
    ),
    "a bare number": (
        'op: ">=", value: $drop_percent}',
        'op: ">=", value: 50}',
        "value: 50}",
        "error source.missing: when[0].value: the number 50 has no unit, bounds or source. Make it a parameter.",
    ),
    "a number without source": (
        "min: 0, max: 20, source: engineering default",
        "min: 0, max: 20, source: TODO",
        "TODO",
        (
            "error source.missing: parameters.least_then_kwh.source: 'TODO' is no source."
            " Say where the number comes from, or 'engineering default'."
        ),
    ),
    "too fine a number": (
        "stable_variation: {unit: factor, default: 0.3,",
        "stable_variation: {unit: factor, default: 0.33333,",
        "0.33333",
        (
            "error parameter.precision: parameters.stable_variation.default: values are compared with 4 decimals below"
            " 1e+15; 0.33333 is not such a number. Choose a number of that form."
        ),
    ),
    "Persian in Latin letters": (
        "fa: افت ناگهانی مصرف",
        "fa: oft-e nagahani",
        "oft-e",
        "error text.language: title.fa: the Persian text has no Persian letter. Write it in Persian.",
    ),
    "Arabic letters": (
        "fa: افت ناگهانی مصرف",
        "fa: افت ناگهاني مصرف",
        "ناگهاني",
        (
            "warning text.letters: title.fa: the Persian text has Arabic letters or marks that look alike."
            " Write 'افت ناگهانی مصرف'."
        ),
    ),
    "English in Persian letters": (
        "en: Sudden drop of consumption",
        "en: افت ناگهانی",
        "en: افت ناگهانی",
        "error text.language: title.en: the English text has Persian letters. Write it in English.",
    ),
    "a value in one language only": (
        "(variation {sudden_drop.variation_before})",
        "(stable)",
        "(stable)",
        (
            "error narrative.placeholders: narrative.en: {sudden_drop.variation_before} stands in the fa narrative only."
            " Say it in both."
        ),
    ),
}
_MORE_PARAMETERS = """parameters:
  most_percent: {unit: percent, default: 95, min: 10, max: 99, source: engineering default}
  low_percent: {unit: percent, default: 40, min: 10, max: 45, source: engineering default}
"""


@pytest.mark.parametrize("name", _DOUBTS)
def test_a_doubtful_rule_is_named_with_its_place_and_mend(catalogue_of, name):
    old, new, place, expected = _DOUBTS[name]
    folder = catalogue_of("T02")
    folder.edit("T02.yaml", "parameters:\n", _MORE_PARAMETERS)
    folder.edit("T02.yaml", old, new)
    relock(folder)
    assert f"T02.yaml:{folder.line('T02.yaml', place)}: {expected}" in said(folder)


def test_a_parameter_that_nothing_uses_is_named(catalogue_of):
    folder = catalogue_of("T02")
    folder.edit("T02.yaml", "parameters:\n", _MORE_PARAMETERS)
    relock(folder)
    assert [line.partition(" ")[2] for line in said(folder)] == [
        "warning parameter.unused: parameters.most_percent: nothing uses most_percent. Use it or remove it.",
        "warning parameter.unused: parameters.low_percent: nothing uses low_percent. Use it or remove it.",
    ]


def test_a_count_is_never_below_zero(catalogue_of):
    folder = catalogue_of("T15")
    folder.edit("T15.yaml", "default: 30, min: 10,", "default: 0, min: 0,")
    relock(folder)
    line = folder.line("T15.yaml", "field: peers")
    assert (
        f"T15.yaml:{line}: warning condition.always_true: when[1]: peer_level.peers is a count and never below zero,"
        " so this always holds. Raise the threshold or remove it."
    ) in said(folder)


def test_a_suspicion_from_consumption_knows_the_circumstances(catalogue_of):
    folder = catalogue_of("T15")
    for name in ("declared_vacancy", "seasonal_premises", "generation_contract", "supply_cut"):
        folder.edit("T15.yaml", f"  - {{signal: {name}}}\n", "")
    relock(folder)
    line = folder.line("T15.yaml", "unless:")
    assert (
        f"T15.yaml:{line}: error suppressor.none: unless: the rule suspects theft from consumption but no known"
        " circumstance stops it. Name at least one of: declared_vacancy, seasonal_premises, generation_contract,"
        " supply_cut."
    ) in said(folder)


def copied(folder, source, target):
    """The rule and its tests under another id."""
    for suffix in (".yaml", ".test.yaml"):
        text = (folder.path / f"{source}{suffix}").read_text(encoding="utf-8")
        text = text.replace(f"id: {source}", f"id: {target}").replace(f"rule: {source}", f"rule: {target}")
        (folder.path / f"{target}{suffix}").write_text(text, encoding="utf-8")


def shadowed(folder):
    return [line.partition(" rule.shadowed: when: ")[2] for line in said(folder) if "rule.shadowed" in line]


def test_a_stricter_copy_of_a_rule_is_shadowed(catalogue_of):
    folder = catalogue_of("T02")
    copied(folder, "T02", "T80")
    folder.edit("T80.yaml", "default: 50, min: 20", "default: 60, min: 20")
    relock(folder)
    assert shadowed(folder) == ["wherever T80 fires, T02 fires too. Merge them, or make T80 more severe."]


def test_of_two_equal_rules_the_later_is_shadowed(catalogue_of):
    folder = catalogue_of("C02")
    copied(folder, "C02", "C80")
    relock(folder)
    assert shadowed(folder) == ["wherever C80 fires, C02 fires too. Merge them, or make C80 more severe."]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("severity: high", "severity: critical"),  # escalation is meant
        ("status: stable", "status: draft"),
        ("  - {signal: supply_cut}\n", ""),  # fires where T02 is suppressed
        ("default: 0.3, min", "default: 0.4, min"),  # weaker elsewhere
    ],
)
def test_a_stricter_copy_with_a_purpose_is_not_shadowed(catalogue_of, old, new):
    folder = catalogue_of("T02")
    copied(folder, "T02", "T80")
    folder.edit("T80.yaml", "default: 50, min: 20", "default: 60, min: 20")
    folder.edit("T80.yaml", old, new)
    relock(folder)
    assert shadowed(folder) == []


def test_thresholds_of_every_class_count_for_shadowing(catalogue_of):
    folder = catalogue_of("C02")
    copied(folder, "C02", "C80")
    # Stricter for households, weaker for others.
    folder.edit(
        "C80.yaml", "{residential: 15000000, other: 20000000}", "{residential: 16000000, other: 19000000}"
    )
    relock(folder)
    assert shadowed(folder) == []


def test_a_rule_without_tests_is_named(catalogue_of):
    folder = catalogue_of("T02")
    (folder.path / "T02.test.yaml").unlink()
    assert said(folder) == [
        "T02.yaml:1: error test.none: file: there is no T02.test.yaml beside it. Write its scenarios."
    ]


def test_tests_without_a_rule_are_named(catalogue_of):
    folder = catalogue_of("T02")
    (folder.path / "T02.yaml").unlink()
    assert said(folder) == [
        "T02.test.yaml:1: error test.orphan: file: there is no T02.yaml beside it. Remove it, or restore the rule."
    ]


def test_missing_kinds_and_untested_conditions_are_named(catalogue_of):
    folder = catalogue_of("B12")
    (folder.path / "B12.test.yaml").write_text(
        "rule: B12\n"
        "scenarios:\n"
        "  - name: three estimates\n"
        "    given: {daily_use: 24x10, reading_quality: 21xactual 3xestimated}\n"
        "    expect: fires\n",
        encoding="utf-8",
    )
    assert [line.removeprefix("B12.test.yaml:2: ") for line in said(folder)] == [
        "error test.kind: scenarios: the rule needs one just below a threshold, whose name says which. Add one.",
        "error test.kind: scenarios: the rule needs one that a suppressor stops. Add one.",
        (
            "error test.kind: scenarios: the rule needs one with missing data (`silent: <signal>`), or the reason under"
            " `exempt`. Add one."
        ),
        "warning test.untested: scenarios: no scenario is stopped by declared_vacancy alone. Add one.",
        "warning test.untested: scenarios: no scenario is stopped by estimated_run.bills alone. Add one.",
        "warning test.untested: scenarios: no scenario is stopped by supply_cut alone. Add one.",
    ]


_SPOILT_TESTS = {
    "unknown word": (
        'daily_use: "20x10 4x0"}\n    expect: fires\n    severity',
        'daily_us: "20x10 4x0"}\n    expect: fires\n    severity',
        "daily_us:",
        "error form: scenarios[0].given.daily_us: 'daily_us' is not known here. Did you mean 'daily_use'?",
    ),
    "unknown base": (
        "like: four months without consumption after ten kWh a day\n    given: {point: {seasonal: true}}",
        "like: five months\n    given: {point: {seasonal: true}}",
        "like: five months",
        "error test.like: scenarios[8].like: there is no earlier scenario 'five months'.",
    ),
    "a suppressor the rule does not have": (
        "suppressed_by: supply_cut",
        "suppressed_by: suply_cut",
        "suply_cut",
        (
            "error test.expect: scenarios[9].expect.suppressed_by: 'suply_cut' is not in the rule's `unless`."
            " Did you mean 'supply_cut'?"
        ),
    ),
    "evidence that is not there": (
        "zero_run.months: 4,",
        "zero_run.month: 4,",
        "zero_run.month:",
        (
            "error test.evidence: scenarios[0].evidence.zero_run.month: 'zero_run.month' is no value of this rule's"
            " signals. Did you mean 'zero_run.months'?"
        ),
    ),
    "another rule": (
        "rule: T01",
        "rule: T02",
        "rule: T02",
        "error test.rule: rule: the file stands beside T01. Write T01.",
    ),
    "an exemption of nothing": (
        "rule: T01\n",
        "rule: T01\nexempt: {suppressed: there is no suppressor to show here}\n",
        "exempt:",
        (
            "error test.exempt: exempt.suppressed: 'suppressed' is neither a kind of scenario nor a condition of the rule."
            " "
        ),
    ),
}


@pytest.mark.parametrize("name", _SPOILT_TESTS)
def test_a_fault_of_a_scenario_is_named_with_its_place_and_mend(catalogue_of, name):
    old, new, place, expected = _SPOILT_TESTS[name]
    folder = catalogue_of("T01")
    folder.edit("T01.test.yaml", old, new)
    line = folder.line("T01.test.yaml", place)
    assert any(text.startswith(f"T01.test.yaml:{line}: {expected}") for text in said(folder)), said(folder)


def test_an_outdated_lock_is_named_for_each_rule(catalogue_of):
    folder = catalogue_of("T01", "T02")
    folder.edit("T02.yaml", "default: 50, min: 20", "default: 51, min: 20")
    assert said(folder) == [
        (
            "T02.yaml:1: error lock.outdated: id: T02 has changed since it was written to rules.lock."
            " Run `tarazu rules lock`."
        )
    ]


def test_a_signal_that_no_rule_uses_is_told_with_its_kernel(catalogue_of):
    unused = {f.field: f for f in lint(catalogue_of("T17").path) if f.code == "signal.unused"}
    assert "energy_balance" not in unused
    finding = unused["zero_run"]
    assert finding.level == "info"
    assert finding.file.name == "zero_run.py"
    assert "zero_run" in finding.file.read_text(encoding="utf-8").splitlines()[finding.line]
