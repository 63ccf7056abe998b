"""The page that says which rules were better than chance."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

import numpy as np
import pytest

from etl.ranking.lift_page import render
from rules.loader import load_catalogue
from rules.ranking.backtest import row

DAY = dt.date(2026, 1, 2)
OUTCOME = np.r_[np.ones(100), np.zeros(900)]
MONEY = np.zeros(1000, np.int64)


def flagged(hits: int, misses: int) -> np.ndarray:
    chosen = np.zeros(1000, np.bool_)
    chosen[:hits] = True
    chosen[100 : 100 + misses] = True
    return chosen


@pytest.mark.parametrize(
    ("hits", "misses", "verdict"),
    [(40, 60, "better"), (10, 90, "no better"), (2, 5, "no better"), (0, 300, "worse")],
)
def test_a_rule_is_better_or_worse_only_where_its_whole_interval_is(hits, misses, verdict):
    assert row("T02", flagged(hits, misses), OUTCOME, MONEY).against_chance == verdict


def test_each_usage_point_rule_stands_on_the_page_with_what_it_was_worth():
    catalogue = load_catalogue()
    backtest = {
        "points": 1000,
        "hits": 100,
        "data_hash": "c0ffee",
        "rules": [
            asdict(row("T01", flagged(40, 60), OUTCOME, MONEY)),
            asdict(row("T02", flagged(10, 90), OUTCOME, MONEY)),
            asdict(row("T03", flagged(0, 300), OUTCOME, MONEY)),
        ],
    }
    scan = {"as_of": "2025-01-01", "not_evaluated": {"T17": "needs transformers"}}

    page = render("test data", backtest, scan, catalogue, DAY)

    assert "c0ffee" in page
    assert "10.00%" in page
    assert "| 100 | 40.0% | 30.9% to 49.8% | 4.00 | 40.0% | better than chance |" in page
    assert page.index("## No better than chance there") < page.index("- T02 ") < page.index("## Worse")
    assert page.index("## Worse") < page.index("- T03 ") < page.index("## Nothing flagged")
    assert "- T17 Energy balance of a transformer does not close: needs transformers" in page
    assert all(f"- {rule.id} " in page or f"[{rule.id}]" in page for rule in catalogue.active("usage_point"))
