"""The Iranian bank account number, «شبا»: IR, two check digits, 22 digits (ISO 13616, ISO 7064 mod 97-10)."""

from __future__ import annotations

from typing import Final, NewType

from tarazu.errors import IdentifierError
from tarazu.identifiers._reading import compact, refusal

Iban = NewType("Iban", str)
"""`IR` and 24 ASCII digits that passed the check, without spaces."""

_KIND: Final = "IBAN"
_COUNTRY_AS_DIGITS: Final = "1827"  # I is 18, R is 27


def parse_iban(value: str) -> Iban:
    """The 26 characters without spaces.

    Raises IdentifierError: `prefix` (not IR), `length`, `digits`, `check_digit`.
    """
    text = compact(value).upper()
    if not text.startswith("IR"):
        raise refusal(_KIND, text, "prefix", "does not begin with IR")
    if len(text) != 26:
        raise refusal(_KIND, text, "length", f"has {len(text)} characters; 26 are expected")
    check, account = text[2:4], text[4:]
    if not (text.isascii() and text[2:].isdigit()):
        raise refusal(_KIND, text, "digits", "holds something other than digits after IR")
    # Compared with the check digits as they would be made, not the whole modulo 97: that would let 00, 01 and
    # 99 pass for 97, 98 and 02.
    if int(check) != 98 - int(f"{account}{_COUNTRY_AS_DIGITS}00") % 97:
        raise refusal(_KIND, text, "check_digit", "has check digits that do not fit")
    return Iban(text)


def is_valid_iban(value: str) -> bool:
    try:
        parse_iban(value)
    except IdentifierError:
        return False
    return True
