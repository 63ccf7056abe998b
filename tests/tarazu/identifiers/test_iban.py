from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarazu.errors import IdentifierError
from tarazu.identifiers.iban import is_valid_iban, parse_iban

VALID = "IR820540102680020817909002"


def iban_of(account):
    """ISO 7064 mod 97-10 by its definition: the check digits that make the whole number 1 modulo 97."""
    return next(
        f"IR{check:02d}{account}" for check in range(2, 99) if int(f"{account}1827{check:02d}") % 97 == 1
    )


@pytest.mark.parametrize(
    "written",
    [VALID, "ir820540102680020817909002", "IR82 0540 1026 8002 0817 9090 02", "IR۸۲۰۵۴۰۱۰۲۶۸۰۰۲۰۸۱۷۹۰۹۰۰۲"],
)
def test_an_iban_is_read_as_people_write_it(written):
    assert is_valid_iban(written)
    assert parse_iban(written) == VALID


@pytest.mark.parametrize("iban", [VALID, "IR550570022080013447370101"])
def test_known_ibans_are_valid(iban):
    assert parse_iban(iban) == iban


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("IR820540102680020817909003", "check_digit"),
        ("IR280540102680020817909002", "check_digit"),
        ("820540102680020817909002", "prefix"),
        ("DE820540102680020817909002", "prefix"),
        ("", "prefix"),
        ("IR82054010268002081790900", "length"),
        ("IR8205401026800208179090020", "length"),
        ("IR82054010268002081790900X", "digits"),
        ("IR82054010268002081790900²²", "length"),
    ],
)
def test_what_is_no_iban_is_refused_with_its_reason(written, reason):
    assert not is_valid_iban(written)
    with pytest.raises(IdentifierError) as raised:
        parse_iban(written)
    assert raised.value.reason == reason


@given(st.text(alphabet="0123456789", min_size=22, max_size=22), st.integers(2, 25), st.integers(1, 9))
def test_the_right_check_digits_pass_and_every_misread_digit_is_found(account, place, step):
    iban = iban_of(account)
    assert parse_iban(iban) == iban
    digit = (int(iban[place]) + step) % 10
    assert not is_valid_iban(f"{iban[:place]}{digit}{iban[place + 1 :]}")


@given(st.text(alphabet="0123456789", min_size=22, max_size=22))
def test_check_digits_that_are_only_congruent_are_refused(account):
    iban = iban_of(account)
    for check in range(100):
        assert is_valid_iban(f"IR{check:02d}{account}") == (f"{check:02d}" == iban[2:4])
