"""What all identifiers share: reading what was typed, and the words of a refusal."""

from __future__ import annotations

import re
from typing import Final

from tarazu.errors import IdentifierError
from tarazu.identifiers.masking import mask
from tarazu.text import ZWNJ, normalize_digits, normalize_letters

_SEPARATORS: Final = re.compile(rf"[\s\-{ZWNJ}]+")


def compact(value: str | int) -> str:
    """`value` with ASCII digits and without the spaces, hyphens and invisible marks people group digits by."""
    if not isinstance(value, str):
        # A number has no separators, so the minus of a negative one stays and is refused as no digit.
        return str(value)
    return _SEPARATORS.sub("", normalize_digits(normalize_letters(value)))


def read_digits(value: str | int, kind: str, lengths: range) -> str:
    """`value` as ASCII digits, or IdentifierError `digits` or `length`. `kind` names the identifier."""
    text = compact(value)
    if not (text.isascii() and text.isdigit()):
        raise refusal(kind, text, "digits", "holds something other than digits" if text else "is empty")
    if len(text) not in lengths:
        shortest, longest = lengths[0], lengths[-1]
        expected = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        raise refusal(kind, text, "length", f"has {len(text)} digits; {expected} are expected")
    return text


def refusal(kind: str, text: str, reason: str, why: str) -> IdentifierError:
    """The error for `text`, of which only the last characters are shown."""
    mend = "Check it against the document it was copied from."
    return IdentifierError(f"The {kind} {mask(text)!r} {why}.", reason=reason, mend=mend)
