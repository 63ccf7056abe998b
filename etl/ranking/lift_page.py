"""The page that says which rules were better than chance on data with known outcomes, and which were not.

`python -m etl.ranking.lift_page "the public STEG data" backtest.json scan.json docs/reference/rule-lift.md` writes it,
from what `tarazu backtest --json` and `tarazu scan --json` printed.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rules.loader import load_catalogue

if TYPE_CHECKING:
    from rules.rule import Catalogue

_WORDS: Final = {
    "better": "better than chance",
    "no better": "no better than chance",
    "worse": "worse than chance",
}


def render(
    data: str, backtest: dict[str, Any], scan: dict[str, Any], catalogue: Catalogue, day: dt.date
) -> str:
    """Markdown. Rules are told by their interval: chance is the share of all points with an outcome that had a loss."""
    base = backtest["hits"] / max(1, backtest["points"])
    rules = backtest["rules"]
    told = {row["name"] for row in rules} | set(scan["not_evaluated"])
    silent = [rule for rule in catalogue.active("usage_point") if rule.id not in told]
    lines = [
        "# Which rules are better than chance",
        "",
        (
            f"<!-- Made on {day} from data {backtest['data_hash']} by `python -m etl.ranking.lift_page`; do not edit. -->"
        ),
        "",
        (
            f"All active rules on {data}: {backtest['points']:,} points, of which {backtest['hits']:,} ({base:.2%}) are "
            f"known to have had a loss; scan as of {scan['as_of']}, {day}, data `{backtest['data_hash']}`. *Lift* is the "
            "hit rate over that share; the interval is Wilson's of 95 %. A rule is *better than chance* where the whole "
            "interval lies above the share of all points, *worse* where it lies below, and else *no better*. "
            "Whoever was not found out counts as clean, the outcomes have no day, and what is sought there are thefts and "
            "meter faults: errors of billing and debts that a rule finds rightly are no hits here."
        ),
        "",
        "| rule | title | flagged | hit rate | 95 % | lift | share of all losses | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rules:
        rule = catalogue.rules.get(row["name"])
        lines.append(
            f"| [{row['name']}](rules.md#{row['name'].lower()}) | {rule.title.en if rule else ''} | {row['flagged']:,} | "
            f"{row['hit_rate']:.1%} | {row['low']:.1%} to {row['high']:.1%} | {row['lift']:.2f} | {row['recall']:.1%} | "
            f"{_WORDS[row['against_chance']]} |"
        )
    for verdict, title in (
        ("no better", "No better than chance there"),
        ("worse", "Worse than chance there"),
    ):
        of_it = [row for row in rules if row["against_chance"] == verdict]
        if of_it:
            lines += ["", f"## {title}", ""]
            lines += [f"- {_sentence(row, base, catalogue)}" for row in of_it]
    if silent:
        lines += [
            "",
            "## Nothing flagged",
            "",
            "Evaluated, and nothing was found among points with an outcome:",
            "",
        ]
        lines += [f"- {rule.id} {rule.title.en}" for rule in silent]
    if scan["not_evaluated"]:
        lines += ["", "## Not evaluated there", ""]
        for rule_id, why in scan["not_evaluated"].items():
            rule = catalogue.rules.get(rule_id)
            lines.append(f"- {rule_id} {rule.title.en if rule else ''}: {why}")
    return "\n".join(lines) + "\n"


def _sentence(row: dict[str, Any], base: float, catalogue: Catalogue) -> str:
    rule = catalogue.rules.get(row["name"])
    where = "below" if row["against_chance"] == "worse" else "not told apart from"
    return (
        f"{row['name']} {rule.title.en if rule else ''}: {row['hit_rate']:.1%} of {row['flagged']:,} had a loss "
        f"({row['low']:.1%} to {row['high']:.1%}), which is {where} the {base:.1%} of all points."
    )


if __name__ == "__main__":
    _data, _backtest, _scan, _page = sys.argv[1:]
    Path(_page).write_text(
        render(
            _data,
            json.loads(Path(_backtest).read_text(encoding="utf-8")),
            json.loads(Path(_scan).read_text(encoding="utf-8")),
            load_catalogue(),
            dt.datetime.now(tz=dt.UTC).date(),
        ),
        encoding="utf-8",
    )
