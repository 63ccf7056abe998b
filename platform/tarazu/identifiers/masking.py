"""Masks for identifiers that unlock a person's records elsewhere: bill id, national id, mobile number, IBAN."""

from __future__ import annotations

from typing import Final

MASK: Final = "*"


def mask(identifier: str | int, *, keep: int = 4) -> str:
    """All but the last `keep` characters replaced by `*`; all of them where that would leave nothing hidden."""
    text = str(identifier)
    hidden = len(text) - keep if 0 < keep < len(text) else len(text)
    return MASK * hidden + text[hidden:]
