from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarazu.errors import IdentifierError
from tarazu.identifiers.mobile import display_mobile, is_valid_mobile, parse_mobile


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("00989122221811", "+989122221811"),
        ("09185371111", "+989185371111"),
        ("9122221811", "+989122221811"),
        ("+98 912 222 1811", "+989122221811"),
        ("۰۹۱۲-۲۲۲-۱۸۱۱", "+989122221811"),
        (9122221811, "+989122221811"),
        (989122221811, "+989122221811"),
    ],
)
def test_a_mobile_number_becomes_canonical(written, canonical):
    assert is_valid_mobile(written)
    assert parse_mobile(written) == canonical


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("20989122221811", "prefix"),
        ("12903908", "prefix"),
        ("02531234567", "prefix"),
        ("0912222181", "length"),
        ("091222218111", "length"),
        ("+98912", "length"),
        ("0912222181x", "digits"),
        ("09122221811+", "digits"),
        ("", "digits"),
    ],
)
def test_what_is_no_mobile_number_is_refused_with_its_reason(written, reason):
    assert not is_valid_mobile(written)
    with pytest.raises(IdentifierError) as raised:
        parse_mobile(written)
    assert raised.value.reason == reason


@given(st.integers(9_000_000_000, 9_999_999_999), st.sampled_from(["", "0", "98", "+98", "0098"]))
def test_every_prefix_gives_one_number_which_displays_and_reads_back(subscriber, prefix):
    number = parse_mobile(f"{prefix}{subscriber}")
    assert number == f"+98{subscriber}"
    assert display_mobile(number) == f"0{subscriber}"
    assert parse_mobile(display_mobile(number)) == parse_mobile(number) == number
