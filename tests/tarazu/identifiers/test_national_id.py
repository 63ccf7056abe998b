from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tarazu.errors import IdentifierError
from tarazu.identifiers.national_id import is_valid_national_id, parse_national_id


def remainder(digits):
    return sum(int(digit) * weight for digit, weight in zip(digits[:9], range(10, 1, -1), strict=True)) % 11


@st.composite
def national_ids(draw):
    body = f"{draw(st.integers(0, 999_999_999)):09d}"
    number = body + str(
        min(remainder(body), 11 - remainder(body)) if remainder(body) < 2 else 11 - remainder(body)
    )
    assume(body[3:9] != "000000" and len(set(number)) > 1)
    return number


@pytest.mark.parametrize("national_id", ["0076229645", "1583250689", "0011537027"])
def test_known_national_ids_are_valid(national_id):
    assert is_valid_national_id(national_id)
    assert parse_national_id(national_id) == national_id


@pytest.mark.parametrize(
    "written", ["76229645", 76229645, "076229645", "۰۰۷۶۲۲۹۶۴۵", "007-622964-5", " ٠٠٧٦٢٢٩٦٤٥"]
)
def test_a_national_id_is_read_as_people_write_it(written):
    assert parse_national_id(written) == "0076229645"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("0076229646", "check_digit"),
        ("1234567", "length"),
        ("00762296450", "length"),
        ("", "digits"),
        ("00762296x5", "digits"),
        (-76229645, "digits"),
        ("1230000000", "serial"),
        *((str(digit) * 10, "repeated") for digit in range(10)),
    ],
)
def test_what_is_no_national_id_is_refused_with_its_reason(written, reason):
    assert not is_valid_national_id(written)
    with pytest.raises(IdentifierError) as raised:
        parse_national_id(written)
    assert raised.value.reason == reason


@given(national_ids())
def test_every_number_with_its_check_digit_is_valid(national_id):
    assert parse_national_id(national_id) == national_id


@given(national_ids(), st.integers(0, 9), st.integers(1, 9))
def test_one_misread_digit_passes_only_between_remainders_one_and_ten(national_id, place, step):
    digit = (int(national_id[place]) + step) % 10
    misread = f"{national_id[:place]}{digit}{national_id[place + 1 :]}"
    assume(misread[3:9] != "000000" and len(set(misread)) > 1)
    collides = place < 9 and {remainder(national_id), remainder(misread)} == {1, 10}
    assert is_valid_national_id(misread) == collides


def test_the_message_masks_the_number():
    with pytest.raises(IdentifierError, match=r"\*{6}9646") as raised:
        parse_national_id("0076229646")
    assert "0076229646" not in str(raised.value)
