from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tarazu.errors import IdentifierError
from tarazu.identifiers.legal_entity_id import is_valid_legal_entity_id, parse_legal_entity_id


def remainder(digits):
    weights = [29, 27, 23, 19, 17] * 2
    return sum((int(digits[9]) + 2 + int(digits[i])) * weights[i] for i in range(10)) % 11


@pytest.mark.parametrize("legal_entity_id", ["10380284790", "10860100167"])
def test_known_legal_entity_ids_are_valid(legal_entity_id):
    assert is_valid_legal_entity_id(legal_entity_id)
    assert parse_legal_entity_id(legal_entity_id) == legal_entity_id


@pytest.mark.parametrize("written", [10380284790, "۱۰۳۸۰۲۸۴۷۹۰", "1038 0284 790", "\u200e10380284790"])
def test_a_legal_entity_id_is_read_as_people_write_it(written):
    assert parse_legal_entity_id(written) == "10380284790"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("10380284792", "check_digit"),
        ("09748208301", "check_digit"),
        ("11111111111", "repeated"),
        ("00000000000", "repeated"),
        ("33333333333", "repeated"),
        ("10300000012", "serial"),
        ("1038028479", "length"),
        ("103802847900", "length"),
        ("1038028479x", "digits"),
        ("", "digits"),
    ],
)
def test_what_is_no_legal_entity_id_is_refused_with_its_reason(written, reason):
    assert not is_valid_legal_entity_id(written)
    with pytest.raises(IdentifierError) as raised:
        parse_legal_entity_id(written)
    assert raised.value.reason == reason


@given(st.integers(0, 10**10 - 1), st.integers(0, 10), st.integers(1, 9))
def test_the_right_check_digit_passes_and_one_misread_digit_only_between_remainders_zero_and_ten(
    body, place, step
):
    digits = f"{body:010d}"
    number = f"{digits}{remainder(digits) % 10}"
    digit = (int(number[place]) + step) % 10
    misread = f"{number[:place]}{digit}{number[place + 1 :]}"
    for candidate in (number, misread):
        assume(candidate[3:9] != "000000" and len(set(candidate)) > 1)
    assert is_valid_legal_entity_id(number)
    collides = place < 10 and {remainder(number), remainder(misread)} == {0, 10}
    assert is_valid_legal_entity_id(misread) == collides
