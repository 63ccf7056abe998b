"""The page that says what the scenarios prove of each rule.

`python -m rules.testing.coverage_page docs/reference` writes it; a test compares what is committed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rules.loader import CATALOGUE_DIRECTORY
from rules.testing.coverage import coverage

if TYPE_CHECKING:
    from rules.testing.coverage import RuleCoverage

PAGE = "rule-coverage.md"


def render(rules: Sequence[RuleCoverage]) -> str:
    """One row a rule, and under the table what survives with its reason."""
    scenarios = sum(rule.scenarios for rule in rules)
    mutants = sum(rule.mutants for rule in rules)
    survivors = sum(len(rule.survivors) for rule in rules)
    lines = [
        "# What the scenarios prove",
        "",
        "<!-- Made by `python -m rules.testing.coverage_page docs/reference`; do not edit. -->",
        "",
        (
            "Each rule has scenarios beside it. A *decisive* condition is one that keeps the rule silent by itself in at "
            "least one of them. A *mutant* is the rule with one small fault: an operator made strict or not strict or "
            "turned round, a threshold moved by a tenth (or by one where things are counted), a condition left out. It "
            "is *killed* where a scenario fails on it. `tarazu rules coverage` names what survives, and what scenario "
            "would kill it."
        ),
        "",
        (
            f"{len(rules)} rules, {scenarios} scenarios; {mutants - survivors} of {mutants} mutants are killed "
            f"({(mutants - survivors) / max(mutants, 1):.1%})."
        ),
        "",
        "| rule | scenarios | conditions | decisive | mutants | killed |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| [{rule.rule_id}](rules.md#{rule.rule_id.lower()}) | {rule.scenarios} | {len(rule.conditions)} | "
        f"{sum(one.decided > 0 for one in rule.conditions)} | {rule.mutants} | {rule.mutants - len(rule.survivors)} |"
        for rule in rules
    ]
    surviving = [(rule.rule_id, one) for rule in rules for one in rule.survivors]
    if surviving:
        lines += ["", "## What survives", "", "| rule | mutant | why |", "|---|---|---|"]
        lines += [
            f"| {rule_id} | `{one.name}` | {one.reason or 'no scenario yet'} |" for rule_id, one in surviving
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1], PAGE).write_text(render(coverage(CATALOGUE_DIRECTORY)), encoding="utf-8")
