"""Texts that people write at a case, as they are kept."""

from __future__ import annotations

import unicodedata
from typing import Final

from tarazu.cases.refusals import InvalidInputError

COMMENT_LENGTH_MAX: Final = 4_000
REASON_LENGTH_MAX: Final = 500
NAME_LENGTH_MAX: Final = 100
SEAL_LENGTH_MAX: Final = 50

# Cc: control characters, of which PostgreSQL cannot keep NUL; Cs: halves of characters, which UTF-8 cannot write.
_REFUSED: Final = frozenset({"Cc", "Cs"})
_OF_LINES: Final = frozenset("\n\t")


def cleaned(text: str, field: str, longest: int, *, lines: bool = False) -> str:
    """The text without surrounding space, in NFC. `lines` allows line ends and tabs.

    Raises InvalidInputError where it is empty, longer than `longest` characters, or holds control characters.
    """
    kept = unicodedata.normalize("NFC", text.replace("\r\n", "\n").strip())
    if not 1 <= len(kept) <= longest:
        raise InvalidInputError(
            f"`{field}` has {len(kept)} characters; it may have 1 to {longest}.", field=field
        )
    allowed = _OF_LINES if lines else frozenset[str]()
    if any(unicodedata.category(letter) in _REFUSED and letter not in allowed for letter in kept):
        raise InvalidInputError(
            f"`{field}` holds a control character.", field=field, mend="Send plain text without it."
        )
    return kept


def cleaned_or_none(text: str | None, field: str, longest: int, *, lines: bool = False) -> str | None:
    """As `cleaned`; an empty text is none."""
    return cleaned(text, field, longest, lines=lines) if text is not None and text.strip() else None
