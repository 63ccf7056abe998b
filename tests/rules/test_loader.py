"""What a message about a wrong rule file says: file, line, field, and the mend."""

from __future__ import annotations

from typing import get_args

import pytest

from rules.loader import load_catalogue, load_rule
from rules.rule import EXCEPTABLE_BY
from rules.signals.registry import SubjectKind
from tarazu.errors import RuleError


def message_of(path):
    with pytest.raises(RuleError) as refusal:
        load_rule(path)
    assert refusal.value.code == "rules.invalid"
    return str(refusal.value)


# What is spoilt, the text whose line is named, and what is said behind the line.
_FAULTS = {
    "misspelt signal": (
        "- {signal: sudden_drop, field: drop_percent,",
        "- {signal: suden_drop, field: drop_percent,",
        "suden_drop",
        "when[0].signal: there is no signal 'suden_drop'. Did you mean 'sudden_drop'?",
    ),
    "misspelt field": (
        "field: drop_percent, op",
        "field: drop_percnt, op",
        "drop_percnt",
        "when[0].field: 'sudden_drop' has no field 'drop_percnt'. Did you mean 'drop_percent'?",
    ),
    "unknown parameter": (
        "value: $drop_percent",
        "value: $drop_percents",
        "$drop_percents",
        "when[0].value: $drop_percents is no parameter of this rule. Did you mean 'drop_percent'?",
    ),
    "wrong unit": (
        "drop_percent: {unit: percent,",
        "drop_percent: {unit: factor,",
        "value: $drop_percent",
        "when[0].value: $drop_percent is in factor, sudden_drop.drop_percent in percent. Give drop_percent in percent.",
    ),
    "parameter out of its bounds": (
        "default: 50, min: 20",
        "default: 10, min: 20",
        "default: 10",
        "parameters.drop_percent.default: 10 is outside 20 … 90. Mend the value or its bounds.",
    ),
    "an exception that the subject cannot have": (
        "severity: high",
        "exceptable_by: [point, agent]\nseverity: high",
        "exceptable_by",
        (
            "exceptable_by[1]: a usage_point cannot be excepted by 'agent'. Possible: point, customer, transformer, "
            "class, district, class+district."
        ),
    ),
    "class value out of its bounds": (
        'source: "domain rule T02: half of the same season of last year"',
        'source: "half of last year", by_tariff_class: {industrial: 95}',
        "industrial: 95",
        "parameters.drop_percent.by_tariff_class.industrial: 95 is outside 20 … 90. Mend the value or its bounds.",
    ),
    "unknown top-level key": (
        "severity: high",
        "severity: high\nseverety: low",
        "severety",
        "severety: 'severety' is not known here. Did you mean 'severity'?",
    ),
    "missing Persian": (
        "title:\n  fa: افت ناگهانی مصرف\n",
        "title:\n",
        "title:",
        "title: 'fa' is a required property. Needed: fa, en.",
    ),
    "unknown word": (
        "severity: high",
        "severity: hihg",
        "hihg",
        "severity: 'hihg' is not one of ['low', 'medium', 'high', 'critical']. Did you mean 'high'?",
    ),
    "field without operator": (
        "- {signal: seasonal_premises}",
        "- {signal: history, field: known_months}",
        "field: known_months",
        "unless[1]: `field`, `op` and `value` stand together.",
    ),
    "signal of another subject": (
        "- {signal: seasonal_premises}",
        "- {signal: government_debt}",
        "government_debt",
        (
            "unless[1].signal: 'government_debt' is a signal of a customer, the rule's subject is a usage_point."
            " Use a signal of that subject, or write a rule of its own for this one."
        ),
    ),
    "value of a suppressor in the narrative": (
        "(variation {sudden_drop.variation_before})",
        "(variation {history.known_months})",
        "{history.known_months}",
        (
            "narrative.en: 'history.known_months' is not of a signal in `when`, so it may be absent."
            " Known: sudden_drop."
        ),
    ),
    "estimator that is not there": (
        "energy_kwh: sudden_drop.lost_kwh",
        "energy_kwh: sudden_drop.lost",
        "at_risk",
        "at_risk.energy_kwh: 'sudden_drop' has no field 'lost'. Did you mean 'lost_kwh'?",
    ),
    "another id": (
        "id: T02",
        "id: T99",
        "id: T99",
        "id: the file is called T02.yaml. Call it T99.yaml, or mend the id.",
    ),
}


@pytest.mark.parametrize("name", _FAULTS)
def test_a_fault_is_named_with_its_place_and_mend(catalogue_of, name):
    old, new, place, said = _FAULTS[name]
    folder = catalogue_of("T02")
    path = folder.edit("T02.yaml", old, new)
    assert message_of(path) == f"{path}:{folder.line('T02.yaml', place)}: {said}"


def test_a_key_that_stands_twice_is_refused(catalogue_of):
    folder = catalogue_of("T02")
    path = folder.edit("T02.yaml", "severity: high", "severity: high\nseverity: low")
    line = folder.line("T02.yaml", "severity: low")
    assert message_of(path) == f"{path}:{line}: severity is given twice. Keep one of the two."


def test_what_is_no_yaml_is_refused_with_its_line(catalogue_of):
    folder = catalogue_of("T02")
    path = folder.edit("T02.yaml", "severity: high", "severity: [high")
    assert message_of(path).startswith(f"{path}:{folder.line('T02.yaml', 'confidence: 0.4')}: is no YAML")


def test_a_rule_needs_a_number_to_compare(catalogue_of):
    folder = catalogue_of("T01")
    text = (folder.path / "T01.yaml").read_text(encoding="utf-8")
    start, end = text.index("when:\n"), text.index("unless:\n")
    path = folder.path / "T01.yaml"
    path.write_text(text[:start] + "when:\n  - {signal: zero_run}\n" + text[end:], encoding="utf-8")
    assert "when: no condition compares a number." in message_of(path)


def test_the_whole_catalogue_loads_in_the_order_of_ids():
    catalogue = load_catalogue()
    assert list(catalogue.rules) == sorted(catalogue.rules)
    assert all(rule.version >= 1 for rule in catalogue.rules.values())
    assert sum(len(catalogue.active(kind)) for kind in get_args(SubjectKind)) == len(catalogue.rules)


def test_comments_and_layout_are_no_new_content(catalogue_of):
    folder = catalogue_of("T02")
    before = load_catalogue(folder.path)
    folder.edit("T02.yaml", "severity: high", "# how grave\n\nseverity:   high")
    after = load_catalogue(folder.path)
    assert after.rules["T02"].content_hash == before.rules["T02"].content_hash
    assert after.hash == before.hash


def test_two_files_do_not_share_an_id(catalogue_of):
    folder = catalogue_of("T01", "T02")
    folder.edit("T02.yaml", "id: T02", "id: T01")
    with pytest.raises(RuleError, match=r"T02\.yaml:1: id: the file is called"):
        load_catalogue(folder.path)


def test_a_rule_may_be_excepted_as_its_author_says_or_by_what_its_subject_has(catalogue_of):
    folder = catalogue_of("T02", "T17")
    assert load_rule(folder.path / "T02.yaml").exceptable_by == EXCEPTABLE_BY["usage_point"]
    assert load_rule(folder.path / "T17.yaml").exceptable_by == ("transformer", "district")
    folder.edit("T02.yaml", "severity: high", "exceptable_by: [point, class+district]\nseverity: high")
    assert load_rule(folder.path / "T02.yaml").exceptable_by == ("point", "class+district")
    folder.edit("T02.yaml", "[point, class+district]", "[]")
    assert load_rule(folder.path / "T02.yaml").exceptable_by == ()
