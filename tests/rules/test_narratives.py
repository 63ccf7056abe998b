"""The sentences of all rules, word for word. `UPDATE_GOLDEN=1` writes them anew after a wanted change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rules.loader import CATALOGUE_DIRECTORY, load_catalogue
from rules.narrative import format_value, render
from rules.testing import run_tests

GOLDEN = Path(__file__).parent / "golden" / "narratives.json"


def test_every_rule_says_what_it_said_before():
    said: dict[str, dict[str, dict[str, str]]] = {}
    for result in run_tests(CATALOGUE_DIRECTORY):
        if result.sentence_en:
            texts = {"en": result.sentence_en, "fa": result.sentence_fa}
            said.setdefault(result.rule_id, {})[result.scenario] = texts
    assert said.keys() == load_catalogue().rules.keys()
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert said == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_no_sentence_has_an_unfilled_place_or_a_value_that_is_none():
    for sentences in json.loads(GOLDEN.read_text(encoding="utf-8")).values():
        for texts in sentences.values():
            for text in texts.values():
                assert not set("{}$") & set(text)
                assert "nan" not in text
                assert "inf " not in text
            assert not set("0123456789") & set(texts["fa"]), "Persian sentences have Persian digits"


@pytest.mark.parametrize(
    ("value", "unit", "en", "fa"),
    [
        (53.4, "percent", "53 %", "۵۳٪"),
        (1, "month", "1 month", "۱ ماه"),
        (2, "month", "2 months", "۲ ماه"),
        (1, "day", "1 day", "۱ روز"),
        (0.25, "factor", "0.25", "۰٫۲۵"),
        (-3.5, "factor", "-3.5", "\u200e\u2212۳٫۵"),
        (-0.001, "factor", "0", "۰"),
        (12345678, "rial", "12,345,678 rial", "۱۲٬۳۴۵٬۶۷۸ ریال"),
        (9.96, "kWh/day", "10 kWh a day", "۱۰ کیلووات‌ساعت در روز"),
        (1234.6, "kWh", "1,235 kWh", "۱٬۲۳۵ کیلووات‌ساعت"),
        (20454, "date", "2026-01-01", "۱۴۰۴/۱۰/۱۱"),
        (7, "count", "7", "۷"),
        (100.0, "units", "100 units", "۱۰۰ واحد"),
        ("T0101", "code", "T0101", "T۰۱۰۱"),
    ],
)
def test_a_value_is_written_as_people_read_it(value, unit, en, fa):
    assert format_value(value, unit, "en") == en
    assert format_value(value, unit, "fa") == fa


def test_an_exact_value_keeps_what_rules_compare():
    assert format_value(49.9667, "percent", "en", exact=True) == "49.9667 %"
    assert format_value(50.0, "percent", "fa", exact=True) == "۵۰٪"
    assert format_value(1200, "kWh", "en", exact=True) == "1,200 kWh"


def test_a_narrative_is_filled_by_name():
    values = {"a.x": (5.0, "month"), "$p": (3.0, "percent")}
    assert render("{a.x} and {$p}, {a.x}.", values, "en") == "5 months and 3 %, 5 months."
    assert render("nothing", {}, "fa") == "nothing"
