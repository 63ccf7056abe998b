"""The national id of a person, «کد ملی»: place code (3 digits), serial (6), check digit."""

from __future__ import annotations

from typing import Final, NewType

from tarazu.errors import IdentifierError
from tarazu.identifiers._reading import read_digits, refusal

NationalId = NewType("NationalId", str)
"""Ten ASCII digits that passed the check."""

_KIND: Final = "national id"
_LENGTHS: Final = range(8, 11)  # spreadsheets drop up to two leading zeros


def parse_national_id(value: str | int) -> NationalId:
    """The ten digits; input of eight or nine is padded with zeros on the left.

    Check digit: Σ dᵢ·(10−i) over the first nine, modulo 11; itself where below 2, else 11 minus it.

    Raises IdentifierError: `digits`, `length`, `repeated` (1111111111 fits the arithmetic), `serial`,
    `check_digit`.
    """
    digits = read_digits(value, _KIND, _LENGTHS).zfill(10)
    if len(set(digits)) == 1:
        raise refusal(_KIND, digits, "repeated", "is one digit repeated")
    if digits[3:9] == "000000":
        raise refusal(_KIND, digits, "serial", "has a serial of zeros")
    remainder = sum(int(digit) * (10 - i) for i, digit in enumerate(digits[:9])) % 11
    if int(digits[9]) != (remainder if remainder < 2 else 11 - remainder):
        raise refusal(_KIND, digits, "check_digit", "has a check digit that does not fit")
    return NationalId(digits)


def is_valid_national_id(value: str | int) -> bool:
    try:
        parse_national_id(value)
    except IdentifierError:
        return False
    return True
