"""The page of what the rules on interval readings find of the six attacks, and whom they name wrongly.

`JSON=1 ONLY=interval_attacks python -m benchmarks > lines.json`, then
`python -m benchmarks.interval_page lines.json docs/reference/interval-detection.md`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.false_data import ATTACKS
from benchmarks.interval_attacks import (
    ALL,
    CHEATING_FROM,
    CHEATS,
    LEAST_KNOWN,
    ROUNDS,
    SCANS,
    SPRING,
    TRANSFORMERS,
    is_of_intervals,
)
from rules.loader import load_catalogue

if TYPE_CHECKING:
    from rules.rule import Catalogue

_HONEST: Final = {
    "honest, six scans": f"honest, {len(SCANS)} scans of the half-year",
    "honest, spring": f"honest, {len(SPRING)} scans of spring",
}
_BALANCE: Final = (
    "stolen share of the use",
    "areas named",
    "innocent areas named",
    "first in the named area",
    "among the first three",
)


def render(lines: list[dict[str, Any]], catalogue: Catalogue) -> str:
    """Markdown of what `benchmarks.interval_attacks` printed with JSON=1.

    Raises:
        KeyError: an attack was not measured, or not by every rule.
    """
    by_name = {line["name"]: line for line in lines}
    rules = [rule for rule in catalogue.active("usage_point") if is_of_intervals(rule)]
    measured = [rule for rule in rules if f"{next(iter(_HONEST))}: {rule.id}" in by_name]
    columns = [*(rule.id for rule in measured), ALL]
    households = int(by_name["households"]["value"])
    cheats = CHEATS * ROUNDS

    def percent(name: str) -> str:
        return f"{by_name[name]['value']:.1f}"

    page = [
        "# What the rules on interval readings find",
        "",
        "<!-- Made by `python -m benchmarks.interval_page` from `benchmarks.interval_attacks`; do not edit. -->",
        "",
        (
            f"{households} real households with half-hourly readings of 2013 (Low Carbon London), those with at least "
            f"{LEAST_KNOWN:.0%} of the year. Each of {ROUNDS} rounds deals them to {TRANSFORMERS} transformers; behind "
            f"{CHEATS} of these one household reports false values from {CHEATING_FROM} on: {cheats} cheats an attack. "
            f"Scans: {', '.join(str(day) for day in SCANS)}. Percent of the cheats that a rule named in any scan; for honest "
            "households percent of them. The attacks are other draws than those on which thresholds were chosen; the honest "
            "households are the same, so that their figures are not out of sample."
        ),
        "",
        f"| percent named by | {' | '.join(_link(name) for name in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for name, title in _HONEST.items():
        page.append(f"| {title} | {' | '.join(percent(f'{name}: {rule}') for rule in columns)} |")
    for attack in ATTACKS:
        cells = " | ".join(percent(f"{attack}: {rule}") for rule in columns)
        page.append(f"| {attack} | {cells} |")
    page += ["", *(f"- {_link(rule.id)} {rule.title.en}" for rule in measured)]
    page += [
        f"- {_link(rule.id)} {rule.title.en}: not evaluated, these data lack what it needs"
        for rule in rules
        if rule not in measured
    ]
    page += [
        "",
        "## By the balance of the transformer",
        "",
        (
            f"Each transformer's own meter sees the true use and the technical loss; rule {_link('T17')} compares it with what "
            "its households are billed. A household's place in a named area is by confidence times energy of what was found "
            "of it, then by the fall of its hourly load, at the scan that named the area."
        ),
        "",
        f"| percent | {' | '.join(_BALANCE)} |",
        f"|---|{'---|' * len(_BALANCE)}",
    ]
    for attack in ATTACKS:
        cells = " | ".join(percent(f"{attack}, balance: {name}") for name in _BALANCE)
        page.append(f"| {attack} | {cells} |")
    return "\n".join(page) + "\n"


def _link(rule_id: str) -> str:
    return "all of them" if rule_id == ALL else f"[{rule_id}](rules.md#{rule_id.lower()})"


if __name__ == "__main__":
    _lines, _page = sys.argv[1:]
    _text = Path(_lines).read_text(encoding="utf-8")
    Path(_page).write_text(
        render([json.loads(line) for line in _text.splitlines()], load_catalogue()), encoding="utf-8"
    )
