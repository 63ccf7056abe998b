"""Iranian mobile numbers: stored as +989XXXXXXXXX, shown as 09XXXXXXXXX."""

from __future__ import annotations

import re
from typing import Final, NewType

from tarazu.errors import IdentifierError
from tarazu.identifiers._reading import compact, refusal

MobileNumber = NewType("MobileNumber", str)
"""`+98` and ten ASCII digits that begin with 9."""

_KIND: Final = "mobile number"
_SHAPE: Final = re.compile(r"(?:\+98|0098|98|0)?(9\d{9})", re.ASCII)
_ANY_LENGTH: Final = re.compile(r"(?:\+98|0098|98|0)?9\d*", re.ASCII)


def parse_mobile(value: str | int) -> MobileNumber:
    """The canonical form of a number written with +98, 98, 0098, 0 or no prefix.

    Raises IdentifierError: `digits`, `prefix` (no Iranian mobile number), `length`.
    """
    text = compact(value)
    match = _SHAPE.fullmatch(text)
    if match is not None:
        return MobileNumber(f"+98{match[1]}")
    number = text.removeprefix("+")
    if not (number.isascii() and number.isdigit()):
        raise refusal(_KIND, text, "digits", "holds something other than digits" if text else "is empty")
    if _ANY_LENGTH.fullmatch(text):
        raise refusal(_KIND, text, "length", f"has {len(number)} digits; one such as 09123456789 has 11")
    raise refusal(
        _KIND, text, "prefix", "is not one of an Iranian mobile network, which begin with 09 or +989"
    )


def is_valid_mobile(value: str | int) -> bool:
    try:
        parse_mobile(value)
    except IdentifierError:
        return False
    return True


def display_mobile(number: MobileNumber) -> str:
    """`09XXXXXXXXX`, as people read and dial it."""
    return f"0{number.removeprefix('+98')}"
