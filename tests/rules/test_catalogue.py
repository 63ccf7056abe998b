"""What must be so of the whole catalogue that ships."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import get_args

from rules.batch import EVENT_KINDS, OUTCOMES, QUALITIES, QUANTITIES, TARIFF_CLASSES
from rules.conditions import OPERATORS
from rules.faults import SCHEMA_FILE
from rules.loader import CATALOGUE_DIRECTORY
from rules.narrative import format_value
from rules.rule import Status
from rules.signals import all_signals
from rules.signals.registry import SubjectKind, Unit
from rules.testing import run_tests
from rules.testing.scenario import SCHEMA_FILE as TEST_SCHEMA_FILE


def test_all_scenarios_pass_on_both_evaluators():
    """The runner counts it as a problem where a file lacks a kind of scenario."""
    results = run_tests(CATALOGUE_DIRECTORY)
    assert [f"{r.place}: {r.scenario}: {p}" for r in results for p in r.problems] == []
    assert {result.evaluators for result in results} == {("reference", "durable_rules")}


def test_the_schemas_know_the_words_that_the_code_knows():
    rule = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    properties = rule["properties"]
    parameter = properties["parameters"]["additionalProperties"]["properties"]
    assert set(parameter["unit"]["enum"]) == set(get_args(Unit)) - {"date", "code"}
    assert tuple(parameter["by_tariff_class"]["properties"]) == TARIFF_CLASSES
    assert set(properties["subject"]["enum"]) == set(get_args(SubjectKind))
    assert tuple(properties["status"]["enum"]) == get_args(Status)
    assert rule["$defs"]["condition"]["properties"]["op"]["enum"] == list(OPERATORS)
    given = json.loads(TEST_SCHEMA_FILE.read_text(encoding="utf-8"))["$defs"]["given"]["properties"]
    assert tuple(given["point"]["properties"]["tariff_class"]["enum"]) == TARIFF_CLASSES
    assert tuple(given["bills"]["items"]["properties"]["quality"]["enum"]) == QUALITIES
    assert tuple(given["events"]["items"]["properties"]["kind"]["enum"]) == EVENT_KINDS
    assert tuple(given["inspections"]["items"]["properties"]["outcome"]["enum"]) == OUTCOMES
    assert tuple(given["intervals"]["items"]["properties"]["quantity"]["enum"]) == QUANTITIES


def test_signals_are_declared_whole_in_both_languages():
    for signal in all_signals().values():
        assert all((signal.title_en, signal.title_fa, signal.formula, signal.missing, signal.source))
        texts = [signal.title_fa, *(field.fa for field in signal.fields.values())]
        assert not set("يىك") & set("".join(texts)), "Arabic letters look alike but are found by no search"
        for field in signal.fields.values():
            assert field.en
            assert field.fa
            assert format_value("T1" if field.unit == "code" else 20000, field.unit, "fa")


def test_rules_know_no_database():
    """Scans ship this package to workers, and the engine must never come near the web process by accident."""
    script = (
        "import pkgutil, importlib, sys, rules\n"
        "for module in pkgutil.walk_packages(rules.__path__, 'rules.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}\n"
        "    & {'sqlalchemy', 'asyncpg', 'adbc_driver_postgresql', 'strawberry', 'starlette', 'etl'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
