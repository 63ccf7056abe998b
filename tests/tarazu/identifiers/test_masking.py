from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarazu.identifiers.masking import mask


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("0076229645", "******9645"),
        (9174639504124, "*********4124"),
        ("1234", "****"),
        ("12", "**"),
        ("", ""),
    ],
)
def test_all_but_the_last_four_are_hidden_and_a_short_one_wholly(identifier, expected):
    assert mask(identifier) == expected


def test_keep_says_how_many_stay():
    assert mask("0076229645", keep=2) == "********45"
    assert mask("0076229645", keep=0) == "**********"


@given(st.text(alphabet="0123456789", max_size=30), st.integers(-3, 30))
def test_a_mask_keeps_the_length_and_never_shows_everything(identifier, keep):
    masked = mask(identifier, keep=keep)
    assert len(masked) == len(identifier)
    assert identifier == "" or masked[0] == "*"
    assert sum(character != "*" for character in masked) <= max(keep, 0)
