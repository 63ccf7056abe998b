"""Persian text and numbers as files and bills write them, and one form of each to compare by.

Two forms exist. The *display* form (`normalize_letters`) keeps what a reader sees: it only mends letters that
look alike but differ in code. The *search key* (`search_key`) is what names and addresses are compared and
looked up by; it is never shown.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final, Literal

from persiantools import digits

from tarazu.errors import NumberError

Locale = Literal["fa", "en"]

ZWNJ: Final = "\u200c"

# persiantools.digits.fa_to_en leaves Arabic digits (٣) as they are, and both occur in one file.
_DIGITS_TO_ASCII: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "0123456789" * 2)

# Marks a reader does not see: zero-width space, joiners, direction marks and isolates, soft hyphen, BOM.
# ZWNJ (U+200C) is not one of them: it decides how a Persian word looks.
_INVISIBLE: Final = (
    "\u00ad\u061c\u200b\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_TATWEEL: Final = "\u0640"
_DIACRITICS: Final = "".join(map(chr, range(0x064B, 0x0660))) + "\u0670"

# persiantools.characters.ar_to_fa is not used: it removes a kasra after six letters and keeps it after all
# others, and leaves presentation forms, tatweel and the other diacritics in the text.
_LETTERS: Final = str.maketrans("يىك", "ییک", _INVISIBLE + _TATWEEL + _DIACRITICS)

# ۀ is folded with ة because «خانهٔ» written with a combining hamza has already lost it as a diacritic.
_SEARCH_FOLD: Final = str.maketrans("ةۀؤأإٱ" + ZWNJ, "ههوااا ")

_MINUS: Final = "\\-\u2212"
# Thousands stand in groups of three, so that `1,25` is refused and not read as 125.
_NUMBER: Final = re.compile(
    rf"(?P<lead>[{_MINUS}+])? ?(?P<whole>\d{{1,3}}(?:[,\u066c]\d{{3}})+|\d*)"
    rf"(?:[/.\u066b](?P<fraction>\d+))? ?(?P<trail>[{_MINUS}])?",
    re.ASCII,
)
_TO_PERSIAN_MARKS: Final = str.maketrans({",": "\u066c", ".": "\u066b", "-": "\u200e\u2212"})


def normalize_digits(text: str) -> str:
    """Persian (U+06F0–06F9) and Arabic (U+0660–0669) digits become ASCII; all else stays."""
    return text if text.isascii() else text.translate(_DIGITS_TO_ASCII)


def to_persian_digits(text: str) -> str:
    """ASCII and Arabic digits become Persian."""
    return digits.ar_to_fa(digits.en_to_fa(text))


def normalize_letters(text: str) -> str:
    """The form to store and show: Persian ی and ک, no presentation forms, no tatweel, diacritics or invisible
    marks. ZWNJ and digits stay as they are. Idempotent.
    """
    if text.isascii():
        return text
    # NFKC first: Tavanir's PDFs carry presentation forms (ﺍﻧﺪازه), which decompose to letters, tatweel and
    # diacritics. Once more after it: a removed mark may have stood between a letter and its combining accent.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_LETTERS))


def search_key(text: str) -> str:
    """The form to compare and look up by: as `normalize_letters`, and ZWNJ is a space, ة ۀ→ه, ؤ→و, أ إ ٱ→ا,
    digits are ASCII, case is folded, runs of white space are one space. Idempotent.
    """
    folded = normalize_letters(text).casefold()
    return " ".join(folded.translate(_SEARCH_FOLD).translate(_DIGITS_TO_ASCII).split())


def parse_number(text: str) -> Decimal | None:
    """The number a bill prints; None where the text is blank.

    Thousands are marked by `,` or U+066C, decimals by `/`, U+066B or `.`; the minus may stand before or after
    (`23-` is −23). A plus before is allowed. Spaces inside the digits are not.

    Raises NumberError where the text is not such a number, or its thousands are not groups of three.
    """
    plain = normalize_digits(normalize_letters(text)).strip()
    if not plain:
        return None
    match = _NUMBER.fullmatch(plain)
    if match is None or not (match["whole"] or match["fraction"]) or (match["lead"] and match["trail"]):
        raise NumberError(f"{text!r} is not a number.", mend="Write it like 1,250,000 or 12/5 or 23-.")
    whole = match["whole"].replace(",", "").replace("\u066c", "")
    number = Decimal(f"{whole or '0'}.{match['fraction']}" if match["fraction"] else whole)
    negative = (match["lead"] or "+") != "+" or match["trail"] is not None
    # Not `-number`: that rounds to the context's 28 digits.
    return number.copy_negate() if negative and number else number


def format_number(value: float | Decimal, locale: Locale, *, decimals: int | None = None) -> str:
    """`value` (finite) with separated thousands: Persian digits, «٬» and «٫» for `fa`; commas and a point for
    `en`. `decimals` rounds to that many places; without it all places are written.

    A Persian minus is CLDR's: U+200E U+2212, so that it stays left of its number in right-to-left text.
    """
    # By way of str: the shortest text of a float (0.1), not its binary expansion.
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    written = f"{exact:z,f}" if decimals is None else f"{exact:z,.{decimals}f}"  # z: no minus on a zero
    return written if locale == "en" else to_persian_digits(written.translate(_TO_PERSIAN_MARKS))
