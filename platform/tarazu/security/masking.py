"""Personal identifiers as those who need not know them may see them."""

from __future__ import annotations

from typing import Final

# Enough to tell a caller's number from another's, too few to look a person up by.
_SHOWN_OF_IDENTIFIER: Final = 3
_SHOWN_OF_MOBILE: Final = 2


def mask_identifier(value: str | None) -> str | None:
    """A national id, legal-entity id or bill id with all but its last three digits as `*`."""
    return None if value is None else _mask(value, _SHOWN_OF_IDENTIFIER)


def mask_mobile(value: str | None) -> str | None:
    """A mobile number with all but its last two digits as `*`."""
    return None if value is None else _mask(value, _SHOWN_OF_MOBILE)


def _mask(value: str, shown: int) -> str:
    hidden = max(len(value) - shown, 0)
    # A value so short that its tail would be most of it is hidden whole.
    return "*" * len(value) if hidden < shown else "*" * hidden + value[hidden:]
