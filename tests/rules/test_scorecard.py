"""Cards of agents and contractors: numbers behind each part, missing parts told as missing."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from rules.scorecard import scorecards
from rules.signals import all_signals
from rules.testing.agents import agents_of

ROUNDS = {"compared": 9, "round_consumption": {"count": 400, "of": 1000, "expected": 100}}


@pytest.fixture
def batch(site):
    made = agents_of(ROUNDS, site, dt.date(2025, 12, 31))
    return dataclasses.replace(made, contractor_code=["K1"] * 5 + ["K2"] * 5)


def test_the_worst_card_comes_first_with_the_numbers_it_stands_on(batch):
    cards = scorecards(batch)
    assert cards[0].key == "1"
    assert [card.score for card in cards] == [100.0, *[0.0] * 9]
    (part,) = [part for part in cards[0].parts if part.signal == "round_readings"]
    assert (part.count, part.visits, part.percent) == (400, 1000, 40.0)
    assert (part.points, part.evidence > 6) == (part.weight, True)
    others = [part for part in cards[0].parts if part.signal != "round_readings"]
    assert others
    assert all(part.points is None and part.percent is None for part in others)


def test_nothing_evaluated_is_no_score_rather_than_a_good_one(site):
    cards = scorecards(agents_of({"compared": 1}, site, dt.date(2025, 12, 31)))
    assert [card.score for card in cards] == [None, None]


def test_weights_are_site_values_and_a_weight_of_nothing_leaves_the_part_out(batch, site):
    names = [name for name, _ in site.reading.scorecard_weights]
    assert set(names) == {
        name
        for name, signal in all_signals().items()
        if signal.subject == "reading_agent" and "evidence" in signal.fields
    }
    reading = dataclasses.replace(site.reading, scorecard_weights=tuple((name, 0.0) for name in names))
    cards = scorecards(dataclasses.replace(batch, site=dataclasses.replace(site, reading=reading)))
    assert {card.score for card in cards} == {None}
