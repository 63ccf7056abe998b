from __future__ import annotations

from pathlib import Path

import pytest

from rules.loader import load_catalogue
from rules.reference_pages import render_rules, render_signals, write_pages
from rules.signals import all_signals

PAGES = Path(__file__).parents[2] / "docs" / "reference"
MEND = "run `python -m rules.reference_pages docs/reference`"


@pytest.mark.parametrize(
    ("name", "text"), [("rules.md", render_rules(load_catalogue())), ("signals.md", render_signals())]
)
def test_the_committed_page_is_the_one_made_from_the_declarations(name, text):
    assert (PAGES / name).read_text(encoding="utf-8") == text, MEND


def test_every_rule_parameter_and_signal_field_is_on_its_page(tmp_path):
    write_pages(tmp_path / "new")
    rules = (tmp_path / "new" / "rules.md").read_text(encoding="utf-8")
    for rule in load_catalogue().rules.values():
        section = rules.partition(f"\n### {rule.id}\n")[2].partition("\n### ")[0]
        assert rule.title.fa in section
        for parameter in rule.parameters.values():
            assert f"| `${parameter.name}` |" in section
        for condition in rule.conditions():
            assert f"[`{condition.dotted}`](signals.md#{condition.signal})" in section
    signals = (tmp_path / "new" / "signals.md").read_text(encoding="utf-8")
    for signal in all_signals().values():
        section = signals.partition(f"\n### {signal.name}\n")[2].partition("\n### ")[0]
        assert signal.formula in section
        for name, field in signal.fields.items():
            assert f"| `{name}` | {field.unit} |" in section
